//! What a watch has been told, by which it goes on where it was: answers are looked into, and what the
//! client has is taken out of them.

use bytes::Bytes;
use prost::Message as _;
use prost::encoding::{WireType, encode_key, encode_varint};

use super::messages::{Create, Header};
use crate::v3::transcode::wire::{fields, put};

/// Fields of `WatchResponse`.
mod answer {
    pub(super) const HEADER: u32 = 1;
    pub(super) const WATCH_ID: u32 = 2;
    pub(super) const CREATED: u32 = 3;
    pub(super) const CANCELED: u32 = 4;
    pub(super) const CANCEL_REASON: u32 = 6;
    pub(super) const FRAGMENT: u32 = 7;
    pub(super) const EVENTS: u32 = 11;
}

/// What a watch has been told.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) create: Create,
    /// The first revision that it has not seen whole.
    pub(super) next: i64,
    /// Events that have come since its last whole answer: etcd cuts answers.
    given: usize,
    /// How many of those the client has, from before the stream was lost.
    skip: usize,
    /// The stream was lost since it was asked for.
    resumed: bool,
}

impl Told {
    pub(super) fn new(create: Create, next: i64) -> Self {
        Self {
            create,
            next,
            given: 0,
            skip: 0,
            resumed: false,
        }
    }

    /// The stream is lost: what was given since the last whole answer will come again.
    pub(super) fn restart(&mut self) {
        self.resumed = true;
        self.skip = self.skip.max(std::mem::take(&mut self.given));
    }

    /// Everything up to this revision has been told, as etcd says; not while an answer is told in part.
    pub(super) fn advance(&mut self, revision: i64) {
        if (self.given, self.skip) == (0, 0) {
            self.next = self.next.max(revision + 1);
        }
    }

    /// What becomes of an answer's events.
    fn sort(&mut self, answer: &Answer) -> Vec<Fate> {
        let mut fates = Vec::with_capacity(answer.revisions.len());
        for revision in &answer.revisions {
            if self.resumed && *revision < self.next {
                fates.push(Fate::Old);
                continue;
            }
            self.given += 1;
            let new = self.given > self.skip;
            fates.push(if new { Fate::New } else { Fate::Given });
        }
        if !answer.fragment {
            let last = answer.revisions.last().copied().unwrap_or_default();
            self.next = self.next.max(last + 1);
            (self.given, self.skip) = (0, 0);
        }
        fates
    }

    /// What the client gets of an answer.
    pub(super) fn pass(&mut self, bytes: Bytes, answer: &Answer) -> Option<Bytes> {
        let fates = self.sort(answer);
        let has = |fate| fates.contains(&fate);
        if !has(Fate::Given) && !has(Fate::Old) {
            return Some(bytes);
        }
        // What ends an answer that was cut is said, even with nothing in it.
        let ends = has(Fate::Given) && !answer.fragment;
        (has(Fate::New) || ends).then(|| without(&bytes, &fates))
    }
}

/// What becomes of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// The client gets it.
    New,
    /// The client has it.
    Given,
    /// It was before the watch's time: some versions send it all the same.
    Old,
}

/// What is looked at in a `WatchResponse`.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) header: Option<Header>,
    pub(super) watch_id: i64,
    pub(super) created: bool,
    pub(super) canceled: bool,
    pub(super) fragment: bool,
    /// Why it was cancelled.
    pub(super) reason: String,
    /// Of each event.
    pub(super) revisions: Vec<i64>,
}

impl Answer {
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut answer = Self::default();
        for field in fields(bytes) {
            let field = field.ok()?;
            match field.number {
                answer::HEADER => answer.header = Header::decode(field.bytes).ok(),
                answer::WATCH_ID => answer.watch_id = field.varint as i64,
                answer::CREATED => answer.created = field.varint != 0,
                answer::CANCELED => answer.canceled = field.varint != 0,
                answer::FRAGMENT => answer.fragment = field.varint != 0,
                answer::CANCEL_REASON => {
                    answer.reason = String::from_utf8_lossy(field.bytes).into_owned();
                }
                answer::EVENTS => answer.revisions.push(revision(field.bytes)?),
                _ => {}
            }
        }
        Some(answer)
    }

    /// Whether it says how far the watches are, all of its stream or one.
    pub(super) fn is_progress(&self) -> bool {
        !self.created && !self.canceled && !self.fragment && self.revisions.is_empty()
    }
}

/// The revision of an event.
fn revision(event: &[u8]) -> Option<i64> {
    const KV: u32 = 2;
    const MOD_REVISION: u32 = 3;
    let mut revision = 0;
    for field in fields(event) {
        let field = field.ok()?;
        if field.number != KV {
            continue;
        }
        for field in fields(field.bytes) {
            let field = field.ok()?;
            if field.number == MOD_REVISION {
                revision = field.varint as i64;
            }
        }
    }
    Some(revision)
}

/// The answer with the events that are new.
fn without(bytes: &[u8], fates: &[Fate]) -> Bytes {
    let mut out = Vec::with_capacity(bytes.len());
    let mut fates = fates.iter();
    copy(bytes, &mut out, |number| {
        number != answer::EVENTS || fates.next() == Some(&Fate::New)
    });
    out.into()
}

/// A refused creation as the end of a watch that there was.
pub(super) fn cancelled(bytes: &[u8], id: i64) -> Bytes {
    let mut out = Vec::with_capacity(bytes.len());
    copy(bytes, &mut out, |number| {
        [answer::HEADER, answer::CANCELED, answer::CANCEL_REASON].contains(&number)
    });
    prost::encoding::int64::encode(answer::WATCH_ID, &id, &mut out);
    out.into()
}

/// Copies the fields that are wanted.
fn copy(bytes: &[u8], out: &mut Vec<u8>, mut wanted: impl FnMut(u32) -> bool) {
    for field in fields(bytes).flatten() {
        if !wanted(field.number) {
            continue;
        }
        match field.wire {
            WireType::LengthDelimited => put(out, field.number, field.bytes),
            WireType::Varint => {
                encode_key(field.number, WireType::Varint, out);
                encode_varint(field.varint, out);
            }
            // etcd's answers have no other.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
