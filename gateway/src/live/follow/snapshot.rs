//! The state of a range at one revision, in pieces, in memory that does not grow with it.
//!
//! etcd walks the index of a whole range whatever the limit, and a page of values may be of any size.
//! So keys are listed a large page at a time (answered from the index, without values), and values
//! are read between two listed keys, as many keys at a time as their sizes so far allow.

use shared::{Code, Header};

use super::{Follower, Step};
use crate::etcd::{Get, KeyValue, Range, entry, next_key};
use crate::live::frame::{Frame, message};
use crate::live::pieces::MOST;

/// Keys listed at a time.
const KEYS: i64 = 10_000;
/// Largest answer with values that is read, bytes; a single key's may be larger.
const LARGEST: usize = 16 << 20;
/// Answers with values below this are small: the next asks for more keys.
const SMALL: usize = 512 << 10;
/// Answers with values above this are large: the next asks for fewer keys.
const LARGE: usize = 2 << 20;
const FIRST_STEP: usize = 64;
const LONGEST_STEP: usize = 1_000;

/// How a snapshot ended.
enum Pages {
    Complete,
    /// Its revision was compacted meanwhile.
    Compacted,
    /// Another store answers.
    Replaced(Header, String),
}

impl Follower {
    /// A snapshot of the present.
    pub(super) async fn fresh_snapshot(&mut self) -> Step<()> {
        let now = self.present().await?;
        match self.not_ours(&now) {
            Some(reason) => Box::pin(self.reset(now, &reason)).await,
            None => self.snapshot(now.revision).await,
        }
    }

    /// A snapshot at `revision`; where that is gone before it is complete, `compacted` or `reset`
    /// voids the pieces so far and one of the present follows.
    pub(super) async fn snapshot(&mut self, mut revision: i64) -> Step<()> {
        loop {
            match self.pages(revision).await? {
                Pages::Complete => {
                    self.go_on_after(revision);
                    return Ok(());
                }
                Pages::Compacted => {
                    let oldest = self.oldest().await?.max(revision + 1);
                    self.say(message::compacted(revision, oldest)).await?;
                    let now = self.present().await?;
                    if let Some(reason) = self.not_ours(&now) {
                        self.say_reset(&now, &reason).await?;
                    }
                    revision = now.revision;
                }
                Pages::Replaced(now, reason) => {
                    self.say_reset(&now, &reason).await?;
                    revision = now.revision;
                }
            }
        }
    }

    async fn present(&mut self) -> Step<Header> {
        loop {
            match self.now().await {
                Ok(header) => return Ok(header),
                Err(failure) => self.failed(failure).await?,
            }
        }
    }

    /// The oldest revision left.
    async fn oldest(&mut self) -> Step<i64> {
        loop {
            match self
                .etcd()
                .compacted_revision(&self.caller(), &self.range.key)
                .await
            {
                Ok(oldest) => return Ok(oldest.unwrap_or(1)),
                Err(failure) => self.failed(failure).await?,
            }
        }
    }

    async fn pages(&mut self, revision: i64) -> Step<Pages> {
        let mut piece = Piece::new(revision);
        let mut step = FIRST_STEP;
        let mut rest = self.range.clone();
        loop {
            let get = Get::keys_only().limit(KEYS).at(revision);
            let (keys, more) = match self.page(&rest, &get, usize::MAX).await? {
                Page::Read { kvs, more } => (kvs, more),
                Page::TooLarge => (Vec::new(), false),
                Page::Ended(end) => return Ok(end),
            };
            let mut left = keys.as_slice();
            while let Some(first) = left.first() {
                let count = left.len().min(step);
                let last = &left[count - 1];
                let window = Range::between(first.key.clone(), Some(next_key(&last.key)));
                let most = if count == 1 { usize::MAX } else { LARGEST };
                let kvs = match self
                    .page(&window, &Get::default().at(revision), most)
                    .await?
                {
                    Page::Read { kvs, .. } => kvs,
                    Page::TooLarge => {
                        step = (count / 8).max(1);
                        continue;
                    }
                    Page::Ended(end) => return Ok(end),
                };
                step = next_step(step, &kvs);
                left = &left[count..];
                for kv in kvs {
                    if let Some(frame) = piece.push(kv) {
                        self.say(frame).await?;
                    }
                }
            }
            match keys.last() {
                Some(last) if more => rest.key = next_key(&last.key),
                _ => break,
            }
        }
        let last = piece.finish(false).at(self.bookmark(revision));
        self.say(last).await?;
        Ok(Pages::Complete)
    }

    /// One read at the snapshot's revision, repeated while etcd is away.
    async fn page(&mut self, range: &Range, get: &Get, most: usize) -> Step<Page> {
        loop {
            let caller = self.caller();
            let answer = self.etcd().range_within(&caller, range, get, most).await;
            let failure = match answer {
                Ok(answer) => {
                    return Ok(match self.not_ours(&answer.header) {
                        Some(reason) => Page::Ended(Pages::Replaced(answer.header, reason)),
                        None => Page::Read {
                            kvs: answer.kvs,
                            more: answer.more,
                        },
                    });
                }
                Err(failure) => failure,
            };
            match failure.code {
                Code::Compacted => return Ok(Page::Ended(Pages::Compacted)),
                Code::TooLarge if most < usize::MAX => return Ok(Page::TooLarge),
                Code::FutureRevision => {
                    let now = self.present().await?;
                    if let Some(reason) = self.not_ours(&now) {
                        return Ok(Page::Ended(Pages::Replaced(now, reason)));
                    }
                    self.failed(failure).await?;
                }
                _ => self.failed(failure).await?,
            }
        }
    }
}

enum Page {
    Read { kvs: Vec<KeyValue>, more: bool },
    TooLarge,
    Ended(Pages),
}

fn next_step(step: usize, kvs: &[KeyValue]) -> usize {
    let bytes: usize = kvs.iter().map(|kv| kv.key.len() + kv.value.len()).sum();
    if bytes < SMALL {
        (step * 2).min(LONGEST_STEP)
    } else if bytes > LARGE {
        (step / 2).max(1)
    } else {
        step
    }
}

/// Entries until they fill a piece.
struct Piece {
    revision: i64,
    entries: Vec<u8>,
}

impl Piece {
    fn new(revision: i64) -> Self {
        Self {
            revision,
            entries: Vec::new(),
        }
    }

    /// Adds an entry; a piece, when it had no room left.
    fn push(&mut self, kv: KeyValue) -> Option<Frame> {
        let json = serde_json::to_vec(&entry(kv, false)).expect("an entry serialises");
        let full = !self.entries.is_empty() && self.entries.len() + json.len() + 128 > MOST;
        let frame = full.then(|| self.finish(true));
        if !self.entries.is_empty() {
            self.entries.push(b',');
        }
        self.entries.extend_from_slice(&json);
        frame
    }

    fn finish(&mut self, more: bool) -> Frame {
        let mut tail = format!(r#""revision":{},"entries":["#, self.revision).into_bytes();
        tail.append(&mut std::mem::take(&mut self.entries));
        tail.extend_from_slice(if more { br#"],"more":true}"# } else { b"]}" });
        Frame::encoded("snapshot", tail)
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

    fn keys(frame: &Frame) -> (Vec<String>, bool) {
        let text = frame.text(r#""w""#);
        let ServerMessage::Snapshot { entries, more, .. } =
            serde_json::from_slice(&text).expect("a message")
        else {
            panic!("not a snapshot");
        };
        let keys = entries
            .iter()
            .map(|entry| entry.key.to_lossy().into_owned());
        (keys.collect(), more)
    }

    #[test]
    fn a_snapshot_is_cut_at_a_mebibyte() {
        let mut piece = Piece::new(7);
        assert!(piece.push(kv("a", 700_000)).is_none());
        let first = piece.push(kv("b", 700_000)).expect("a full piece");
        assert_eq!(keys(&first), (vec!["a".to_owned()], true));
        assert!(first.tail.len() <= MOST);
        assert_eq!(keys(&piece.finish(false)), (vec!["b".to_owned()], false));
        assert_eq!(keys(&piece.finish(false)), (vec![], false));
    }

    #[test]
    fn windows_follow_the_size_of_values() {
        assert_eq!(next_step(64, &[kv("a", 10)]), 128);
        assert_eq!(next_step(1_000, &[kv("a", 10)]), 1_000);
        assert_eq!(next_step(64, &[kv("a", 3_000_000)]), 32);
        assert_eq!(next_step(1, &[kv("a", 3_000_000)]), 1);
        assert_eq!(next_step(64, &[kv("a", 1_000_000)]), 64);
    }
}
