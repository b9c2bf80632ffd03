//! The delivery state of one watch: where to resume, and which re-sent events to drop from etcd's responses.

use bytes::Bytes;
use prost::Message as _;
use prost::encoding::{WireType, encode_key, encode_varint};

use super::messages::{Create, Header};
use crate::v3::transcode::wire::{fields, put};

/// Field numbers of `WatchResponse`.
mod number {
    pub(super) const HEADER: u32 = 1;
    pub(super) const WATCH_ID: u32 = 2;
    pub(super) const CREATED: u32 = 3;
    pub(super) const CANCELED: u32 = 4;
    pub(super) const CANCEL_REASON: u32 = 6;
    pub(super) const FRAGMENT: u32 = 7;
    pub(super) const EVENTS: u32 = 11;
}

/// The delivery state of one watch.
///
/// etcd may split a response into fragments. A revision counts as delivered only with the last fragment of
/// its response; within a response, events are counted.
#[derive(Clone, Debug)]
pub(super) struct Delivered {
    /// The client's request.
    pub(super) create: Create,
    /// The revision to resume from: the first one that has not been delivered completely.
    pub(super) next: i64,
    /// Events received of the current, fragmented response.
    received: usize,
    /// How many of those the client already has, from before the stream was lost.
    duplicates: usize,
    /// The stream has been lost since the watch was created.
    resumed: bool,
}

impl Delivered {
    pub(super) fn new(create: Create, next: i64) -> Self {
        Self {
            create,
            next,
            received: 0,
            duplicates: 0,
            resumed: false,
        }
    }

    /// The stream was lost: etcd will send the events of the current response again.
    pub(super) fn restart(&mut self) {
        self.resumed = true;
        self.duplicates = self.duplicates.max(std::mem::take(&mut self.received));
    }

    /// etcd reports that it has sent every event up to this revision. Ignored within a fragmented response.
    pub(super) fn advance(&mut self, revision: i64) {
        if (self.received, self.duplicates) == (0, 0) {
            self.next = self.next.max(revision + 1);
        }
    }

    /// Classifies a response's events, and counts them as delivered.
    fn classify(&mut self, response: &WatchResponse) -> Vec<EventState> {
        let mut states = Vec::with_capacity(response.revisions.len());
        for revision in &response.revisions {
            if self.resumed && *revision < self.next {
                states.push(EventState::BeforeStart);
                continue;
            }
            self.received += 1;
            let new = self.received > self.duplicates;
            states.push(if new {
                EventState::New
            } else {
                EventState::Duplicate
            });
        }
        if !response.fragment {
            let last = response.revisions.last().copied().unwrap_or_default();
            self.next = self.next.max(last + 1);
            (self.received, self.duplicates) = (0, 0);
        }
        states
    }

    /// The response without the events that the client already has; `None` if nothing is left to deliver.
    pub(super) fn filter(&mut self, bytes: Bytes, response: &WatchResponse) -> Option<Bytes> {
        let states = self.classify(response);
        let has = |state| states.contains(&state);
        if !has(EventState::Duplicate) && !has(EventState::BeforeStart) {
            return Some(bytes);
        }
        // The last fragment of a response is delivered even without events: the client waits for its end.
        let ends_response = has(EventState::Duplicate) && !response.fragment;
        (has(EventState::New) || ends_response).then(|| only_new(&bytes, &states))
    }
}

/// Whether an event is delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum EventState {
    /// Delivered to the client.
    New,
    /// The client already has it.
    Duplicate,
    /// The event is older than the revision resumed from: some releases of etcd send such events.
    BeforeStart,
}

/// The fields of `WatchResponse` that are read.
#[derive(Debug, Default)]
pub(super) struct WatchResponse {
    pub(super) header: Option<Header>,
    pub(super) watch_id: i64,
    pub(super) created: bool,
    pub(super) canceled: bool,
    pub(super) fragment: bool,
    pub(super) cancel_reason: String,
    /// The revision of each event.
    pub(super) revisions: Vec<i64>,
}

impl WatchResponse {
    /// Decodes a response; `None` if it is malformed.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut response = Self::default();
        for field in fields(bytes) {
            let field = field.ok()?;
            match field.number {
                number::HEADER => response.header = Header::decode(field.bytes).ok(),
                number::WATCH_ID => response.watch_id = field.varint as i64,
                number::CREATED => response.created = field.varint != 0,
                number::CANCELED => response.canceled = field.varint != 0,
                number::FRAGMENT => response.fragment = field.varint != 0,
                number::CANCEL_REASON => {
                    response.cancel_reason = String::from_utf8_lossy(field.bytes).into_owned();
                }
                number::EVENTS => response.revisions.push(revision(field.bytes)?),
                _ => {}
            }
        }
        Some(response)
    }

    /// Whether it is a progress report, of one watch or of all watches of the stream.
    pub(super) fn is_progress(&self) -> bool {
        !self.created && !self.canceled && !self.fragment && self.revisions.is_empty()
    }
}

/// The revision of an event; `None` if it is malformed.
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

/// The response with only its new events.
fn only_new(bytes: &[u8], states: &[EventState]) -> Bytes {
    let mut out = Vec::with_capacity(bytes.len());
    let mut states = states.iter();
    copy(bytes, &mut out, |field| {
        field != number::EVENTS || states.next() == Some(&EventState::New)
    });
    out.into()
}

/// The response to a refused creation, as the cancellation of an existing watch.
pub(super) fn cancelled(bytes: &[u8], id: i64) -> Bytes {
    let mut out = Vec::with_capacity(bytes.len());
    copy(bytes, &mut out, |field| {
        [number::HEADER, number::CANCELED, number::CANCEL_REASON].contains(&field)
    });
    prost::encoding::int64::encode(number::WATCH_ID, &id, &mut out);
    out.into()
}

/// Copies the fields for whose number `keep` returns true.
fn copy(bytes: &[u8], out: &mut Vec<u8>, mut keep: impl FnMut(u32) -> bool) {
    for field in fields(bytes).flatten() {
        if !keep(field.number) {
            continue;
        }
        match field.wire {
            WireType::LengthDelimited => put(out, field.number, field.bytes),
            WireType::Varint => {
                encode_key(field.number, WireType::Varint, out);
                encode_varint(field.varint, out);
            }
            // etcd's responses have no other wire types.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
