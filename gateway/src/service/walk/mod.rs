//! Iterates over a range in key order, one window at a time.
//!
//! etcd walks the index of the whole requested range, whatever the limit: one key out of a million
//! costs 57 ms, out of ten thousand 0.6 ms. So after the first request a walk reads windows that end
//! at a nearby byte boundary, widened when they come back empty, narrowed when they hold too many keys.

use shared::Header;

use crate::etcd::{Etcd, Get, KeyValue, Range};
use crate::failure::Result;
use crate::identity::Caller;

/// A window with more keys than this is narrowed: walking it costs about a millisecond.
const HEAVY: i64 = 20_000;

/// The keys of a window.
#[derive(Debug)]
pub(super) struct Window {
    /// The store's header.
    pub(super) header: Header,
    /// The keys, in order; never empty.
    pub(super) kvs: Vec<KeyValue>,
}

/// The state of a walk.
#[derive(Clone, Debug)]
pub(super) struct Walk {
    /// The next key, inclusive.
    at: Vec<u8>,
    /// The exclusive end; `None` is the end of the keyspace.
    end: Option<Vec<u8>>,
    /// The window's end is `at` with byte `depth − 1` raised; 0 reads the whole rest.
    depth: usize,
    /// By how much that byte is raised.
    step: u16,
    /// By how much the depth decreases when that byte cannot be raised: doubled until keys come, so
    /// that leaving a folder of long keys takes a few windows instead of a few per byte.
    climb: usize,
    done: bool,
}

impl Walk {
    /// A walk over a range; a `depth` from an earlier walk saves finding it again.
    pub(super) fn new(range: &Range, depth: usize) -> Self {
        let end = range.upper_bound().map(<[u8]>::to_vec);
        Self {
            at: range.key.clone(),
            end,
            depth,
            step: 1,
            climb: 1,
            done: false,
        }
    }

    /// The position, for a cursor.
    pub(super) fn position(&self) -> (&[u8], usize) {
        (&self.at, self.depth)
    }

    /// Whether the range is exhausted.
    pub(super) fn is_done(&self) -> bool {
        self.done
    }

    /// Continues at `key`, which must not be before the position; `None` ends the walk.
    pub(super) fn skip_to(&mut self, key: Option<Vec<u8>>) {
        match key {
            Some(key) if self.end.as_ref().is_none_or(|end| key < *end) => {
                if key > self.at {
                    self.at = key;
                    self.step = 1;
                }
            }
            _ => self.done = true,
        }
    }

    /// This walk, moved back to a key that it returned already.
    pub(super) fn back_to(mut self, key: Vec<u8>) -> Self {
        self.at = key;
        self.step = 1;
        self.done = false;
        self
    }

    /// The next keys, at most `get.limit`; `None` at the end.
    pub(super) async fn next(
        &mut self,
        etcd: &Etcd,
        caller: &Caller,
        get: &Get,
    ) -> Result<Option<Window>> {
        self.next_within(etcd, caller, get, usize::MAX).await
    }

    /// As [`Self::next`], with responses of at most `most` bytes: `too_large` leaves the position unchanged, so
    /// that the caller can retry with fewer keys.
    pub(super) async fn next_within(
        &mut self,
        etcd: &Etcd,
        caller: &Caller,
        get: &Get,
        most: usize,
    ) -> Result<Option<Window>> {
        while !self.done {
            let bound = self.bound();
            let range = Range::between(self.at.clone(), bound.clone());
            let response = etcd.range_within(caller, &range, get, most).await?;
            self.learn(bound, &response.kvs, response.more, response.count);
            if !response.kvs.is_empty() {
                return Ok(Some(Window {
                    header: response.header,
                    kvs: response.kvs,
                }));
            }
        }
        Ok(None)
    }

    /// The next window's end. Moves `depth` up if the byte cannot be raised any further.
    fn bound(&mut self) -> Option<Vec<u8>> {
        let mut depth = self.depth.min(self.at.len());
        while depth > 0 {
            let raised = u16::from(self.at[depth - 1]) + self.step;
            if let Ok(byte) = u8::try_from(raised) {
                let mut bound = self.at[..depth].to_vec();
                bound[depth - 1] = byte;
                let inside = self.end.as_ref().is_none_or(|end| bound < *end);
                return if inside {
                    Some(bound)
                } else {
                    self.end.clone()
                };
            }
            depth = depth.saturating_sub(self.climb);
            self.climb = self.climb.saturating_mul(2);
            self.depth = depth;
            self.step = 1;
        }
        self.end.clone()
    }

    /// Advances, and adapts the next window to the density of the returned keys.
    fn learn(&mut self, bound: Option<Vec<u8>>, kvs: &[KeyValue], more: bool, count: i64) {
        if !kvs.is_empty() {
            self.climb = 1;
        }
        if more && let Some(last) = kvs.last() {
            self.at = [&last.key[..], &[0]].concat();
            self.step = 1;
        } else if bound == self.end {
            self.done = true;
        } else {
            self.at = bound.expect("only the range's own end can be open");
            self.step = self.step.saturating_mul(2).min(256);
        }
        if count > HEAVY
            && let [first, .., last] = kvs
        {
            let common = first
                .key
                .iter()
                .zip(&last.key)
                .take_while(|(a, b)| a == b)
                .count();
            self.depth = self.depth.max(common + 1);
        } else if count > HEAVY {
            self.depth = self.depth.saturating_add(1);
        }
    }
}

#[cfg(test)]
mod tests;
