//! A read of keys while events arrive. Its mark is removed however it ends, also when dropped.

use std::sync::Arc;
use std::time::SystemTime;

use super::Index;
use super::state::{Scope, State};

/// A read in flight. Dropping it without [`Reading::end`] means that it failed.
#[derive(Debug)]
pub(super) struct Reading {
    index: Arc<Index>,
    id: u64,
    ended: bool,
}

impl Reading {
    /// Marks the keys of this scope as being read.
    pub(super) fn begin(index: &Arc<Index>, scope: Scope) -> Self {
        Self {
            id: index.change(|state| state.begin_read(scope)),
            index: Arc::clone(index),
            ended: false,
        }
    }

    /// Ends the read: `end` applies its response to the state, under the number of the read.
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
