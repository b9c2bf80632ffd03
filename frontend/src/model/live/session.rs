//! The socket and the watches on it.

use std::collections::{BTreeMap, HashMap};

use shared::{Bytes, ClientOp, RangeSpec, ServerMessage, WatchRequest};

use super::backoff::{Backoff, CONNECT_MS, SILENCE_MS};
use super::watch::{Phase, Watch};
use super::{Effect, Millis, Update, WatchKey};

/// A key that nobody has. Watching it costs etcd nothing, and its answers say which revision the
/// cluster is at.
const PULSE_KEY: &str = "\u{0}watchgate/pulse";

/// The state of the connection.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Link {
    /// Not wanted yet.
    Idle,
    /// A socket is being opened.
    Connecting {
        /// Since when.
        since: Millis,
    },
    /// Open and talking.
    Live,
    /// Gone; the next attempt comes by itself.
    Waiting {
        /// When the next attempt is made.
        until: Millis,
        /// Attempts that failed in a row.
        failures: u32,
    },
}

/// The watch that tells the cluster's revision.
struct Pulse {
    wire: String,
    open: bool,
}

/// Many watches over one socket.
pub struct Session {
    link: Link,
    backoff: Backoff,
    heard: Millis,
    watches: BTreeMap<WatchKey, Watch>,
    wires: HashMap<String, WatchKey>,
    pulse: Option<Pulse>,
    next_key: u64,
    next_wire: u64,
    head: Option<i64>,
    /// The head is from before this connection; data may have been restored meanwhile.
    head_is_old: bool,
}

impl Default for Session {
    fn default() -> Self {
        Self {
            link: Link::Idle,
            backoff: Backoff::default(),
            heard: 0.0,
            watches: BTreeMap::new(),
            wires: HashMap::new(),
            pulse: None,
            next_key: 1,
            next_wire: 1,
            head: None,
            head_is_old: false,
        }
    }
}

impl Session {
    /// The state of the connection.
    pub fn link(&self) -> Link {
        self.link
    }

    /// The latest revision heard of on any watch.
    pub fn head(&self) -> Option<i64> {
        self.head
    }

    /// Where a watch stands; `None` once it is cancelled.
    pub fn phase(&self, key: WatchKey) -> Option<Phase> {
        self.watches.get(&key).map(|watch| watch.phase)
    }

    /// Opens the connection.
    pub fn start(&mut self, now: Millis) -> Vec<Effect> {
        if self.link == Link::Idle { self.connect(now) } else { Vec::new() }
    }

    /// Adds a watch; the request's `id` is ignored.
    pub fn watch(&mut self, request: WatchRequest) -> (WatchKey, Vec<Effect>) {
        let key = WatchKey(self.next_key);
        self.next_key += 1;
        self.watches.insert(key, Watch::new(request));
        (key, self.open(key))
    }

    /// Ends a watch for good.
    pub fn cancel(&mut self, key: WatchKey) -> Vec<Effect> {
        let wire = self.watches.remove(&key).and_then(|watch| watch.wire);
        self.cancel_wire(wire)
    }

    /// Stops a watch's events at the gateway; [`Session::resume`] goes on without a gap.
    pub fn suspend(&mut self, key: WatchKey) -> Vec<Effect> {
        let Some(watch) = self.watches.get_mut(&key).filter(|watch| watch.phase == Phase::Live) else {
            return Vec::new();
        };
        let wire = watch.wire.take();
        watch.suspend();
        self.cancel_wire(wire)
    }

    /// Opens a suspended or closed watch again, where it stopped.
    pub fn resume(&mut self, key: WatchKey) -> Vec<Effect> {
        match self.watches.get_mut(&key) {
            Some(watch) if matches!(watch.phase, Phase::Suspended | Phase::Closed) => {
                watch.phase = Phase::Opening;
                self.open(key)
            }
            _ => Vec::new(),
        }
    }

    /// The socket is open.
    pub fn connected(&mut self, now: Millis) -> Vec<Effect> {
        self.link = Link::Live;
        self.heard = now;
        self.head_is_old = true;
        let keys: Vec<WatchKey> = self.watches.keys().copied().collect();
        let mut effects: Vec<Effect> = keys.into_iter().flat_map(|key| self.open(key)).collect();
        effects.extend(self.ask_head());
        effects
    }

    /// The socket is closed, or could not be opened.
    pub fn disconnected(&mut self, now: Millis, jitter: f64) -> Vec<Effect> {
        self.wires.clear();
        self.pulse = None;
        let until = now + self.backoff.next(jitter);
        self.link = Link::Waiting { until, failures: self.backoff.failures() };
        self.watches
            .iter_mut()
            .filter_map(|(key, watch)| Some(Effect::Deliver(*key, watch.lose(now)?)))
            .collect()
    }

    /// To be called about once a second.
    pub fn tick(&mut self, now: Millis, jitter: f64) -> Vec<Effect> {
        let dead = match self.link {
            Link::Idle => false,
            Link::Waiting { until, .. } if now >= until => return self.connect(now),
            Link::Waiting { .. } => false,
            Link::Connecting { since } => now - since >= CONNECT_MS,
            Link::Live => now - self.heard >= SILENCE_MS,
        };
        if !dead {
            return Vec::new();
        }
        let mut effects = vec![Effect::Disconnect];
        effects.extend(self.disconnected(now, jitter));
        effects
    }

    /// The browser says that the network is back: no reason to wait any longer.
    pub fn hurry(&mut self, now: Millis) -> Vec<Effect> {
        match self.link {
            Link::Waiting { .. } => self.connect(now),
            _ => Vec::new(),
        }
    }

    /// Takes a message from the socket. One of a newer gateway is only a sign of life.
    pub fn message(&mut self, text: &str, now: Millis) -> Vec<Effect> {
        self.heard = now;
        self.backoff.reset();
        serde_json::from_str(text).map_or_else(|_| Vec::new(), |message| self.take(message, now))
    }

    fn take(&mut self, message: ServerMessage, now: Millis) -> Vec<Effect> {
        if let ServerMessage::Opened { id, cluster_id, revision } = message {
            return self.opened(&id, cluster_id, revision, now);
        }
        let Some(id) = named(&message).map(str::to_owned) else {
            return Vec::new();
        };
        if self.is_pulse(&id) {
            return self.pulsed(&message);
        }
        let Some((key, watch)) =
            self.wires.get(&id).and_then(|key| Some((*key, self.watches.get_mut(key)?)))
        else {
            return Vec::new();
        };
        let mut seen = None;
        let update = match message {
            ServerMessage::Snapshot { revision, entries, more, .. } => {
                seen = Some(revision);
                let (first, last) = watch.snapshot(revision, more);
                Update::Snapshot { revision, entries, first, last }
            }
            ServerMessage::Events { revision, events, more, .. } => {
                seen = Some(revision);
                let events = watch.events(revision, events, more);
                if events.is_empty() && more {
                    return self.saw(seen, Vec::new());
                }
                Update::Events { revision, events }
            }
            ServerMessage::Progress { revision, .. } => {
                seen = Some(revision);
                watch.progress(revision);
                Update::Progress { revision }
            }
            ServerMessage::Lagged { resume_from, .. } => Update::Lagged { resume_from },
            ServerMessage::Compacted { from, to, .. } => watch.compacted(from, to),
            ServerMessage::Reset { reason, revision, .. } => {
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
                Update::Closed { code, detail }
            }
            _ => return Vec::new(),
        };
        self.saw(seen, vec![Effect::Deliver(key, update)])
    }

    fn saw(&mut self, revision: Option<i64>, effects: Vec<Effect>) -> Vec<Effect> {
        self.head = self.head.max(revision);
        effects
    }

    fn opened(
        &mut self,
        id: &str,
        cluster: shared::MemberId,
        revision: i64,
        now: Millis,
    ) -> Vec<Effect> {
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
            let told = Update::Reset { reason: "another cluster".to_owned(), revision: revision - 1 };
            let mut effects = self.cancel_wire(wire);
            effects.push(Effect::Deliver(key, told));
            effects.extend(self.open(key));
            return effects;
        }
        let updates = watch.opened(cluster, revision, now);
        self.head = self.head.max(Some(revision - 1));
        updates.into_iter().map(|update| Effect::Deliver(key, update)).collect()
    }

    fn pulsed(&mut self, message: &ServerMessage) -> Vec<Effect> {
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

    fn head_known(&mut self, revision: i64) -> Vec<Effect> {
        let known = self.head.filter(|_| !std::mem::take(&mut self.head_is_old));
        self.head = known.max(Some(revision));
        if let Some(pulse) = &mut self.pulse {
            pulse.open = true;
        }
        let waiting = self.watches.iter_mut().filter(|(_, watch)| watch.wants_head);
        waiting
            .map(|(key, watch)| {
                watch.wants_head = false;
                Effect::Deliver(*key, Update::Head { revision })
            })
            .collect()
    }

    fn connect(&mut self, now: Millis) -> Vec<Effect> {
        self.link = Link::Connecting { since: now };
        vec![Effect::Connect]
    }

    fn wire(&mut self) -> String {
        let wire = format!("w{}", self.next_wire);
        self.next_wire += 1;
        wire
    }

    fn open(&mut self, key: WatchKey) -> Vec<Effect> {
        if self.link != Link::Live {
            return Vec::new();
        }
        let wire = self.wire();
        let Some(watch) = self.watches.get_mut(&key).filter(|watch| watch.phase == Phase::Opening)
        else {
            return Vec::new();
        };
        let request = watch.request(wire.clone());
        let from_the_past = watch.wants_head;
        self.wires.insert(wire, key);
        let mut effects = vec![Effect::Send(ClientOp::Watch(request))];
        if from_the_past {
            effects.extend(self.ask_head());
        }
        effects
    }

    /// A fresh pulse: its `opened` says at which revision the cluster is now. One that is still awaited
    /// serves whoever asks meanwhile.
    fn ask_head(&mut self) -> Vec<Effect> {
        if self.pulse.as_ref().is_some_and(|pulse| !pulse.open) {
            return Vec::new();
        }
        let wire = self.wire();
        let old = self.pulse.replace(Pulse { wire: wire.clone(), open: false });
        let range = RangeSpec { key: Some(Bytes::from(PULSE_KEY)), ..RangeSpec::default() };
        let request = WatchRequest { id: wire, range, ..WatchRequest::default() };
        let cancel = old.map(|old| Effect::Send(ClientOp::Cancel { id: old.wire }));
        cancel.into_iter().chain([Effect::Send(ClientOp::Watch(request))]).collect()
    }

    fn cancel_wire(&mut self, wire: Option<String>) -> Vec<Effect> {
        let Some(id) = wire else { return Vec::new() };
        self.wires.remove(&id);
        vec![Effect::Send(ClientOp::Cancel { id })]
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
