//! The watches on one socket.

use std::collections::{BTreeMap, HashMap};

use shared::{Bytes, ClientOp, RangeSpec, ServerMessage, WatchRequest};

use super::watch::{Phase, Watch};
use super::{Act, Millis, WatchKey, WatchUpdate};

/// A key that nobody has. Watching it costs etcd nothing, and its answers say which revision the
/// cluster is at.
const PULSE_KEY: &str = "\u{0}watchgate/pulse";

/// The watch that tells the cluster's revision.
struct Pulse {
    wire: String,
    open: bool,
}

/// Many watches over one socket.
#[derive(Default)]
pub(crate) struct Session {
    /// Whether there is an open socket.
    live: bool,
    watches: BTreeMap<WatchKey, Watch>,
    /// The names of watches on the present socket.
    wires: HashMap<String, WatchKey>,
    pulse: Option<Pulse>,
    named: u64,
    head: Option<i64>,
    /// The head is from before this connection; data may have been restored meanwhile.
    head_is_old: bool,
}

impl Session {
    /// The latest revision heard of on any watch.
    pub(crate) fn head(&self) -> Option<i64> {
        self.head
    }

    /// Where a watch stands; `None` once it is cancelled.
    pub(crate) fn phase(&self, key: WatchKey) -> Option<Phase> {
        self.watches.get(&key).map(|watch| watch.phase)
    }

    /// Adds a watch; the request's `id` is ignored.
    pub(crate) fn watch(&mut self, request: WatchRequest) -> (WatchKey, Vec<Act>) {
        self.named += 1;
        let key = WatchKey(self.named);
        self.watches.insert(key, Watch::new(request));
        (key, self.open(key))
    }

    /// Ends a watch for good.
    pub(crate) fn cancel(&mut self, key: WatchKey) -> Vec<Act> {
        let wire = self.watches.remove(&key).and_then(|watch| watch.wire);
        self.cancel_wire(wire)
    }

    /// Stops a watch's events at the gateway; [`Session::resume`] goes on without a gap.
    pub(crate) fn suspend(&mut self, key: WatchKey) -> Vec<Act> {
        let Some(watch) = self
            .watches
            .get_mut(&key)
            .filter(|watch| watch.phase == Phase::Live)
        else {
            return Vec::new();
        };
        let wire = watch.wire.take();
        watch.suspend();
        self.cancel_wire(wire)
    }

    /// Opens a suspended or closed watch again, where it stopped.
    pub(crate) fn resume(&mut self, key: WatchKey) -> Vec<Act> {
        match self.watches.get_mut(&key) {
            Some(watch) if matches!(watch.phase, Phase::Suspended | Phase::Closed) => {
                watch.phase = Phase::Opening;
                self.open(key)
            }
            _ => Vec::new(),
        }
    }

    /// The socket is open.
    pub(crate) fn connected(&mut self) -> Vec<Act> {
        self.live = true;
        self.head_is_old = true;
        let keys: Vec<WatchKey> = self.watches.keys().copied().collect();
        let mut effects: Vec<Act> = keys.into_iter().flat_map(|key| self.open(key)).collect();
        effects.extend(self.ask_head());
        effects
    }

    /// The socket is gone.
    pub(crate) fn disconnected(&mut self, now: Millis) -> Vec<Act> {
        self.live = false;
        self.wires.clear();
        self.pulse = None;
        let watches = self.watches.iter_mut();
        watches
            .filter_map(|(key, watch)| Some(Act::Deliver(*key, watch.lose(now)?)))
            .collect()
    }

    /// Takes a message from the socket.
    pub(crate) fn message(&mut self, message: ServerMessage, now: Millis) -> Vec<Act> {
        if let ServerMessage::Opened {
            id,
            cluster_id,
            revision,
        } = message
        {
            return self.opened(&id, cluster_id, revision, now);
        }
        let Some(id) = named(&message).map(str::to_owned) else {
            return Vec::new();
        };
        if self.is_pulse(&id) {
            return self.pulsed(&message);
        }
        let Some((key, watch)) = self
            .wires
            .get(&id)
            .and_then(|key| Some((*key, self.watches.get_mut(key)?)))
        else {
            return Vec::new();
        };
        let mut seen = None;
        let update = match message {
            ServerMessage::Snapshot {
                revision,
                entries,
                more,
                ..
            } => {
                seen = Some(revision);
                let (first, last) = watch.snapshot(revision, more);
                WatchUpdate::Snapshot {
                    revision,
                    entries,
                    first,
                    last,
                }
            }
            ServerMessage::Events {
                revision,
                events,
                more,
                ..
            } => {
                seen = Some(revision);
                let events = watch.events(revision, events, more);
                if events.is_empty() && more {
                    return self.saw(seen, Vec::new());
                }
                WatchUpdate::Events { revision, events }
            }
            ServerMessage::Progress { revision, .. } => {
                seen = Some(revision);
                watch.progress(revision);
                WatchUpdate::Progress { revision }
            }
            ServerMessage::Lagged { resume_from, .. } => WatchUpdate::Lagged { resume_from },
            ServerMessage::Compacted { from, to, .. } => watch.compacted(from, to),
            ServerMessage::Reset {
                reason, revision, ..
            } => {
                self.head = Some(revision);
                watch.reset(reason, revision)
            }
            ServerMessage::Error { code, detail, .. } => {
                let update = watch.error(code, detail);
                if watch.wire.is_none() {
                    self.wires.remove(&id);
                }
                update
            }
            ServerMessage::Closed { code, detail, .. } => {
                watch.closed();
                self.wires.remove(&id);
                WatchUpdate::Closed { code, detail }
            }
            _ => return Vec::new(),
        };
        self.saw(seen, vec![Act::Deliver(key, update)])
    }

    fn saw(&mut self, revision: Option<i64>, effects: Vec<Act>) -> Vec<Act> {
        self.head = self.head.max(revision);
        effects
    }

    fn opened(
        &mut self,
        id: &str,
        cluster: shared::MemberId,
        revision: i64,
        now: Millis,
    ) -> Vec<Act> {
        if self.is_pulse(id) {
            return self.head_known(revision - 1);
        }
        let Some(key) = self.wires.get(id).copied() else {
            return Vec::new();
        };
        let Some(watch) = self.watches.get_mut(&key) else {
            return Vec::new();
        };
        if watch.is_foreign(cluster) {
            // Only the revision travels in a socket's request: that it means nothing here is for us to see.
            let wire = watch.wire.take();
            watch.forget();
            let told = WatchUpdate::Reset {
                reason: "another cluster".to_owned(),
                revision: revision - 1,
            };
            let mut effects = self.cancel_wire(wire);
            effects.push(Act::Deliver(key, told));
            effects.extend(self.open(key));
            return effects;
        }
        let updates = watch.opened(cluster, revision, now);
        self.head = self.head.max(Some(revision - 1));
        updates
            .into_iter()
            .map(|update| Act::Deliver(key, update))
            .collect()
    }

    fn pulsed(&mut self, message: &ServerMessage) -> Vec<Act> {
        match message {
            ServerMessage::Progress { revision, .. } => self.head = self.head.max(Some(*revision)),
            ServerMessage::Reset { revision, .. } => self.head = Some(*revision),
            ServerMessage::Closed { .. } | ServerMessage::Error { .. } => self.pulse = None,
            _ => {}
        }
        Vec::new()
    }

    fn is_pulse(&self, id: &str) -> bool {
        self.pulse.as_ref().is_some_and(|pulse| pulse.wire == id)
    }

    fn head_known(&mut self, revision: i64) -> Vec<Act> {
        let known = self.head.filter(|_| !std::mem::take(&mut self.head_is_old));
        self.head = known.max(Some(revision));
        if let Some(pulse) = &mut self.pulse {
            pulse.open = true;
        }
        let waiting = self
            .watches
            .iter_mut()
            .filter(|(_, watch)| watch.wants_head);
        waiting
            .map(|(key, watch)| {
                watch.wants_head = false;
                Act::Deliver(*key, WatchUpdate::Head { revision })
            })
            .collect()
    }

    fn wire(&mut self) -> String {
        self.named += 1;
        format!("w{}", self.named)
    }

    fn open(&mut self, key: WatchKey) -> Vec<Act> {
        if !self.live {
            return Vec::new();
        }
        let wire = self.wire();
        let Some(watch) = self
            .watches
            .get_mut(&key)
            .filter(|watch| watch.phase == Phase::Opening)
        else {
            return Vec::new();
        };
        let request = watch.request(wire.clone());
        let from_the_past = watch.wants_head;
        self.wires.insert(wire, key);
        let mut effects = vec![Act::Send(ClientOp::Watch(request))];
        if from_the_past {
            effects.extend(self.ask_head());
        }
        effects
    }

    /// A fresh pulse: its `opened` says at which revision the cluster is now. One that is still awaited
    /// serves whoever asks meanwhile.
    fn ask_head(&mut self) -> Vec<Act> {
        if self.pulse.as_ref().is_some_and(|pulse| !pulse.open) {
            return Vec::new();
        }
        let wire = self.wire();
        let old = self.pulse.replace(Pulse {
            wire: wire.clone(),
            open: false,
        });
        let range = RangeSpec {
            key: Some(Bytes::from(PULSE_KEY)),
            ..RangeSpec::default()
        };
        let request = WatchRequest {
            id: wire,
            range,
            ..WatchRequest::default()
        };
        let cancel = old.map(|old| Act::Send(ClientOp::Cancel { id: old.wire }));
        cancel
            .into_iter()
            .chain([Act::Send(ClientOp::Watch(request))])
            .collect()
    }

    fn cancel_wire(&mut self, wire: Option<String>) -> Vec<Act> {
        let Some(id) = wire else { return Vec::new() };
        self.wires.remove(&id);
        vec![Act::Send(ClientOp::Cancel { id })]
    }
}

fn named(message: &ServerMessage) -> Option<&str> {
    match message {
        ServerMessage::Opened { id, .. }
        | ServerMessage::Snapshot { id, .. }
        | ServerMessage::Events { id, .. }
        | ServerMessage::Progress { id, .. }
        | ServerMessage::Paused { id, .. }
        | ServerMessage::Lagged { id, .. }
        | ServerMessage::Compacted { id, .. }
        | ServerMessage::Reset { id, .. }
        | ServerMessage::Closed { id, .. }
        | ServerMessage::Error { id: Some(id), .. } => Some(id),
        _ => None,
    }
}
