//! Snapshots: the entries of a range at one revision, in pieces, in memory that does not grow with it.
//!
//! etcd walks the index of a whole range whatever the limit, and a page of values may be of any size.
//! So keys are listed in large pages without values, which etcd serves from the index, and values are
//! read between two listed keys, as many keys at a time as their sizes so far allow.

use shared::{Code, Header};

use super::{Follower, UntilEnd};
use crate::etcd::{Get, KeyValue, Range, entry, next_key};
use crate::live::message::WatchMessage;
use crate::live::pieces::MAX_PIECE;

/// Keys listed at a time.
const LISTED_KEYS: i64 = 10_000;
/// Largest response with values that is read, bytes; that of a single key may be larger.
const MAX_RESPONSE: usize = 16 << 20;
/// After a response with fewer bytes of keys and values than this, the next request covers more keys.
const SMALL_RESPONSE: usize = 512 << 10;
/// After a response with more bytes of keys and values than this, the next request covers fewer keys.
const LARGE_RESPONSE: usize = 2 << 20;
/// Keys whose values are read by the first request.
const FIRST_WINDOW: usize = 64;
/// Keys whose values are read by one request at most.
const MAX_WINDOW: usize = 1_000;

/// How reading a snapshot ended.
enum SnapshotEnd {
    Complete,
    /// Its revision was compacted meanwhile.
    Compacted,
    /// The data was replaced; the store's header now, and the reason.
    Reset(Header, String),
}

impl Follower {
    /// A snapshot of the current state.
    pub(super) async fn current_snapshot(&mut self) -> UntilEnd<()> {
        let now = self.wait_for_header().await?;
        match self.reset_reason(&now) {
            Some(reason) => Box::pin(self.reset(now, &reason)).await,
            None => self.snapshot(now.revision).await,
        }
    }

    /// A snapshot at `revision`. If that is compacted or replaced before the snapshot is complete,
    /// `compacted` or `reset` voids the pieces so far, and a snapshot of the current state follows.
    pub(super) async fn snapshot(&mut self, mut revision: i64) -> UntilEnd<()> {
        loop {
            match self.read_snapshot(revision).await? {
                SnapshotEnd::Complete => {
                    self.resume_after_snapshot(revision);
                    return Ok(());
                }
                SnapshotEnd::Compacted => {
                    let oldest = self.wait_for_oldest().await?.max(revision + 1);
                    self.send(WatchMessage::compacted(revision, oldest)).await?;
                    let now = self.wait_for_header().await?;
                    if let Some(reason) = self.reset_reason(&now) {
                        self.start_over(&now, &reason).await?;
                    }
                    revision = now.revision;
                }
                SnapshotEnd::Reset(now, reason) => {
                    self.start_over(&now, &reason).await?;
                    revision = now.revision;
                }
            }
        }
    }

    fn resume_after_snapshot(&mut self, revision: i64) {
        self.snapshot_pending = false;
        self.latest_seen = self.latest_seen.max(revision);
        self.pieces = self.pieces_after(revision);
    }

    /// The store's current header, once etcd responds.
    async fn wait_for_header(&mut self) -> UntilEnd<Header> {
        loop {
            match self.current_header().await {
                Ok(header) => return Ok(header),
                Err(failure) => self.back_off(failure).await?,
            }
        }
    }

    /// The oldest revision in history, once etcd responds.
    async fn wait_for_oldest(&mut self) -> UntilEnd<i64> {
        loop {
            match self
                .etcd()
                .compacted_revision(&self.caller(), &self.range.key)
                .await
            {
                Ok(oldest) => return Ok(oldest.unwrap_or(1)),
                Err(failure) => self.back_off(failure).await?,
            }
        }
    }

    async fn read_snapshot(&mut self, revision: i64) -> UntilEnd<SnapshotEnd> {
        let mut piece = SnapshotPiece::new(revision);
        let mut window = FIRST_WINDOW;
        let mut rest = self.range.clone();
        loop {
            let get = Get::keys_only().limit(LISTED_KEYS).at(revision);
            let (keys, more) = match self.page(&rest, &get, usize::MAX).await? {
                Page::Read { kvs, more } => (kvs, more),
                Page::TooLarge => (Vec::new(), false),
                Page::Ended(end) => return Ok(end),
            };
            let next = keys.last().filter(|_| more).map(|last| next_key(&last.key));
            if self.options.keys_only {
                for kv in keys {
                    if let Some(message) = piece.push(kv, true) {
                        self.send(message).await?;
                    }
                }
            } else if let Some(end) = self.read_values(&keys, &mut piece, &mut window).await? {
                return Ok(end);
            }
            match next {
                Some(key) => rest.key = key,
                None => break,
            }
        }
        let last = piece.finish(false).at(self.bookmark(revision));
        self.send(last).await?;
        Ok(SnapshotEnd::Complete)
    }

    /// Reads and sends the entries of listed keys, about `window` keys at a time; returns why the snapshot has ended,
    /// if it has.
    async fn read_values(
        &mut self,
        keys: &[KeyValue],
        piece: &mut SnapshotPiece,
        window: &mut usize,
    ) -> UntilEnd<Option<SnapshotEnd>> {
        let get = Get::default().at(piece.revision);
        let mut left = keys;
        while let Some(first) = left.first() {
            let count = left.len().min(*window);
            let last = &left[count - 1];
            let range = Range::between(first.key.clone(), Some(next_key(&last.key)));
            let limit = if count == 1 { usize::MAX } else { MAX_RESPONSE };
            let kvs = match self.page(&range, &get, limit).await? {
                Page::Read { kvs, .. } => kvs,
                Page::TooLarge => {
                    *window = (count / 8).max(1);
                    continue;
                }
                Page::Ended(end) => return Ok(Some(end)),
            };
            *window = next_window(*window, &kvs);
            left = &left[count..];
            for kv in kvs {
                if let Some(message) = piece.push(kv, false) {
                    self.send(message).await?;
                }
            }
        }
        Ok(None)
    }

    /// One read at the snapshot's revision, with a response of at most `limit` bytes; retried while etcd
    /// is unavailable.
    async fn page(&mut self, range: &Range, get: &Get, limit: usize) -> UntilEnd<Page> {
        loop {
            let caller = self.caller();
            let response = self.etcd().range_within(&caller, range, get, limit).await;
            let failure = match response {
                Ok(response) => {
                    return Ok(match self.reset_reason(&response.header) {
                        Some(reason) => Page::Ended(SnapshotEnd::Reset(response.header, reason)),
                        None => Page::Read {
                            kvs: response.kvs,
                            more: response.more,
                        },
                    });
                }
                Err(failure) => failure,
            };
            match failure.code {
                Code::Compacted => return Ok(Page::Ended(SnapshotEnd::Compacted)),
                Code::TooLarge if limit < usize::MAX => return Ok(Page::TooLarge),
                Code::FutureRevision => {
                    let now = self.wait_for_header().await?;
                    if let Some(reason) = self.reset_reason(&now) {
                        return Ok(Page::Ended(SnapshotEnd::Reset(now, reason)));
                    }
                    self.back_off(failure).await?;
                }
                _ => self.back_off(failure).await?,
            }
        }
    }
}

/// The outcome of one read.
enum Page {
    Read { kvs: Vec<KeyValue>, more: bool },
    TooLarge,
    Ended(SnapshotEnd),
}

/// How many keys' values to read next, after these.
fn next_window(window: usize, kvs: &[KeyValue]) -> usize {
    let bytes: usize = kvs.iter().map(|kv| kv.key.len() + kv.value.len()).sum();
    if bytes < SMALL_RESPONSE {
        (window * 2).min(MAX_WINDOW)
    } else if bytes > LARGE_RESPONSE {
        (window / 2).max(1)
    } else {
        window
    }
}

/// The `snapshot` message being filled: entries up to [`MAX_PIECE`].
struct SnapshotPiece {
    revision: i64,
    entries: Vec<u8>,
}

impl SnapshotPiece {
    fn new(revision: i64) -> Self {
        Self {
            revision,
            entries: Vec::new(),
        }
    }

    /// Adds an entry. Returns the entries before it as a message, if it had no room beside them.
    fn push(&mut self, kv: KeyValue, keys_only: bool) -> Option<WatchMessage> {
        let json = serde_json::to_vec(&entry(kv, keys_only)).expect("an entry serialises");
        let full = !self.entries.is_empty() && self.entries.len() + json.len() + 128 > MAX_PIECE;
        let message = full.then(|| self.finish(true));
        if !self.entries.is_empty() {
            self.entries.push(b',');
        }
        self.entries.extend_from_slice(&json);
        message
    }

    fn finish(&mut self, more: bool) -> WatchMessage {
        let mut tail = format!(r#""revision":{},"entries":["#, self.revision).into_bytes();
        tail.append(&mut std::mem::take(&mut self.entries));
        tail.extend_from_slice(if more { br#"],"more":true}"# } else { b"]}" });
        WatchMessage::encoded("snapshot", tail)
    }
}

#[cfg(test)]
mod tests {
    use shared::ServerMessage;

    use super::*;

    fn kv(key: &str, size: usize) -> KeyValue {
        KeyValue {
            key: key.into(),
            value: vec![b'v'; size],
            ..KeyValue::default()
        }
    }

    fn keys(message: &WatchMessage) -> (Vec<String>, bool) {
        let text = message.text(r#""w""#);
        let ServerMessage::Snapshot { entries, more, .. } =
            serde_json::from_slice(&text).expect("a message")
        else {
            panic!("not a `snapshot` message");
        };
        let keys = entries
            .iter()
            .map(|entry| entry.key.to_lossy().into_owned());
        (keys.collect(), more)
    }

    #[test]
    fn a_snapshot_is_cut_at_a_mebibyte() {
        let mut piece = SnapshotPiece::new(7);
        assert!(piece.push(kv("a", 700_000), false).is_none());
        let first = piece.push(kv("b", 700_000), false).expect("a full piece");
        assert_eq!(keys(&first), (vec!["a".to_owned()], true));
        assert!(first.tail.len() <= MAX_PIECE);
        assert_eq!(keys(&piece.finish(false)), (vec!["b".to_owned()], false));
        assert_eq!(keys(&piece.finish(false)), (vec![], false));
    }

    #[test]
    fn the_window_adapts_to_the_size_of_values() {
        assert_eq!(next_window(64, &[kv("a", 10)]), 128);
        assert_eq!(next_window(1_000, &[kv("a", 10)]), 1_000);
        assert_eq!(next_window(64, &[kv("a", 3_000_000)]), 32);
        assert_eq!(next_window(1, &[kv("a", 3_000_000)]), 1);
        assert_eq!(next_window(64, &[kv("a", 1_000_000)]), 64);
    }
}
