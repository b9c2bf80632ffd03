//! A read of keys while events come in: however it ends, also by being dropped, its mark goes.

use std::sync::Arc;
use std::time::SystemTime;

use super::Index;
use super::state::{Scope, State};

/// A read under way. Dropped without [`Reading::end`] it has failed.
#[derive(Debug)]
pub(super) struct Reading {
    index: Arc<Index>,
    id: u64,
    ended: bool,
}

impl Reading {
    /// Keys of this scope are about to be read.
    pub(super) fn begin(index: &Arc<Index>, scope: Scope) -> Self {
        Self {
            id: index.change(|state| state.begin_read(scope)),
            index: Arc::clone(index),
            ended: false,
        }
    }

    /// The read came back: `end` passes its answer to the state, under the number of the read.
    pub(super) fn end<T>(mut self, end: impl FnOnce(&mut State, u64) -> T) -> T {
        self.ended = true;
        self.index.change(|state| end(state, self.id))
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        if !self.ended {
            let never = |_: &[u8], _| SystemTime::UNIX_EPOCH;
            self.index
                .change(|state| state.end_read(self.id, None, never));
        }
    }
}
