//! The watches on one socket.

use std::collections::{BTreeMap, HashMap};

use shared::{Bytes, ClientOp, RangeSpec, ServerMessage, WatchRequest};

use super::watch::{Watch, WatchPhase};
use super::{Millis, SessionAction, WatchKey, WatchUpdate};

/// An unused key. Watching it costs etcd nothing, and the responses carry the cluster's current revision.
const PULSE_KEY: &str = "\u{0}watchgate/pulse";

/// The watch that reports the cluster's current revision.
struct Pulse {
    id: String,
    open: bool,
}

/// Many watches over one socket.
#[derive(Default)]
pub(crate) struct Session {
    /// Whether there is an open socket.
    live: bool,
    watches: BTreeMap<WatchKey, Watch>,
    /// Watches by their id on the current socket.
    keys_by_id: HashMap<String, WatchKey>,
    pulse: Option<Pulse>,
    last_number: u64,
    head: Option<i64>,
    /// Whether `head` is from before this connection: data may have been restored meanwhile.
    head_is_old: bool,
}

impl Session {
    /// The latest revision received on any watch.
    pub(crate) fn head(&self) -> Option<i64> {
        self.head
    }

    /// The phase of a watch; `None` once it is cancelled.
    pub(crate) fn phase(&self, key: WatchKey) -> Option<WatchPhase> {
        self.watches.get(&key).map(|watch| watch.phase)
    }

    /// Adds a watch; the request's `id` is ignored.
    pub(crate) fn watch(&mut self, request: WatchRequest) -> (WatchKey, Vec<SessionAction>) {
        self.last_number += 1;
        let key = WatchKey(self.last_number);
        self.watches.insert(key, Watch::new(request));
        (key, self.open(key))
    }

    /// Cancels a watch.
    pub(crate) fn cancel(&mut self, key: WatchKey) -> Vec<SessionAction> {
        let id = self.watches.remove(&key).and_then(|watch| watch.id);
        self.cancel_id(id)
    }

    /// Stops a watch's events at the gateway; [`Session::resume`] continues without a gap.
    pub(crate) fn suspend(&mut self, key: WatchKey) -> Vec<SessionAction> {
        let Some(watch) = self
            .watches
            .get_mut(&key)
            .filter(|watch| watch.phase == WatchPhase::Live)
        else {
            return Vec::new();
        };
        let id = watch.id.take();
        watch.suspend();
        self.cancel_id(id)
    }

    /// The last revision up to which a watch has received everything; `None` before the first.
    pub(crate) fn position(&self, key: WatchKey) -> Option<i64> {
        self.watches.get(&key)?.position()
    }

    /// Changes the open folders of a watch (`collapse`), which continues where it is. It is requested again, without an
    /// update for the page.
    pub(crate) fn set_open(&mut self, key: WatchKey, open: Vec<Bytes>) -> Vec<SessionAction> {
        let Some(watch) = self.watches.get_mut(&key) else {
            return Vec::new();
        };
        if !watch.set_open(open) {
            return Vec::new();
        }
        let id = watch.id.take();
        let mut actions = self.cancel_id(id);
        actions.extend(self.open(key));
        actions
    }

    /// Reopens a suspended or closed watch where it stopped.
    pub(crate) fn resume(&mut self, key: WatchKey) -> Vec<SessionAction> {
        match self.watches.get_mut(&key) {
            Some(watch) if matches!(watch.phase, WatchPhase::Suspended | WatchPhase::Closed) => {
                watch.phase = WatchPhase::Opening;
                self.open(key)
            }
            _ => Vec::new(),
        }
    }

    /// The socket is open.
    pub(crate) fn on_connect(&mut self) -> Vec<SessionAction> {
        self.live = true;
        self.head_is_old = true;
        let keys: Vec<WatchKey> = self.watches.keys().copied().collect();
        let mut actions: Vec<SessionAction> =
            keys.into_iter().flat_map(|key| self.open(key)).collect();
        actions.extend(self.request_head());
        actions
    }

    /// The socket was lost.
    pub(crate) fn on_disconnect(&mut self, now: Millis) -> Vec<SessionAction> {
        self.live = false;
        self.keys_by_id.clear();
        self.pulse = None;
        let watches = self.watches.iter_mut();
        watches
            .filter_map(|(key, watch)| {
                Some(SessionAction::Deliver(*key, watch.on_disconnect(now)?))
            })
            .collect()
    }

    /// Handles a message from the socket.
    pub(crate) fn on_message(&mut self, message: ServerMessage, now: Millis) -> Vec<SessionAction> {
        if let ServerMessage::Opened {
            id,
            cluster_id,
            revision,
        } = message
        {
            return self.on_opened(&id, cluster_id, revision, now);
        }
        let Some(id) = watch_id(&message).map(str::to_owned) else {
            return Vec::new();
        };
        if self.is_pulse(&id) {
            return self.on_pulse(&message);
        }
        let Some((key, watch)) = self
            .keys_by_id
            .get(&id)
            .and_then(|key| Some((*key, self.watches.get_mut(key)?)))
        else {
            return Vec::new();
        };
        let mut received = None;
        let update = match message {
            ServerMessage::Snapshot {
                revision,
                entries,
                more,
                ..
            } => {
                received = Some(revision);
                let (first, last) = watch.on_snapshot(revision, more);
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
                folders,
                unlisted,
                more,
                ..
            } => {
                received = Some(revision);
                let after = watch.position().unwrap_or(0);
                let events = watch.on_events(revision, events, more);
                let counted = !folders.is_empty() || unlisted > 0;
                let updates = [
                    (!events.is_empty() || !(more || counted))
                        .then_some(WatchUpdate::Events { revision, events }),
                    counted.then_some(WatchUpdate::Folders {
                        after,
                        revision,
                        folders,
                        unlisted,
                    }),
                ];
                let updates = updates.into_iter().flatten();
                let actions = updates.map(|update| SessionAction::Deliver(key, update));
                let actions = actions.collect();
                return self.advance_head(received, actions);
            }
            ServerMessage::Progress { revision, .. } => {
                received = Some(revision);
                watch.on_progress(revision);
                WatchUpdate::Progress { revision }
            }
            ServerMessage::Lagged { resume_from, .. } => WatchUpdate::Lagged { resume_from },
            ServerMessage::Compacted { from, to, .. } => watch.on_compacted(from, to),
            ServerMessage::Reset {
                reason, revision, ..
            } => {
                self.head = Some(revision);
                watch.on_reset(reason, revision)
            }
            ServerMessage::Error { code, detail, .. } => {
                let update = watch.on_error(code, detail);
                if watch.id.is_none() {
                    self.keys_by_id.remove(&id);
                }
                update
            }
            ServerMessage::Closed { code, detail, .. } => {
                watch.on_closed();
                self.keys_by_id.remove(&id);
                WatchUpdate::Closed { code, detail }
            }
            _ => return Vec::new(),
        };
        self.advance_head(received, vec![SessionAction::Deliver(key, update)])
    }

    fn advance_head(
        &mut self,
        revision: Option<i64>,
        actions: Vec<SessionAction>,
    ) -> Vec<SessionAction> {
        self.head = self.head.max(revision);
        actions
    }

    fn on_opened(
        &mut self,
        id: &str,
        cluster: shared::MemberId,
        revision: i64,
        now: Millis,
    ) -> Vec<SessionAction> {
        if self.is_pulse(id) {
            return self.on_head(revision - 1);
        }
        let Some(key) = self.keys_by_id.get(id).copied() else {
            return Vec::new();
        };
        let Some(watch) = self.watches.get_mut(&key) else {
            return Vec::new();
        };
        if watch.is_foreign(cluster) {
            // A request on a socket carries only the revision, not the cluster: we have to notice that the revision
            // is meaningless here.
            let old_id = watch.id.take();
            watch.forget_cluster();
            let reset = WatchUpdate::Reset {
                reason: "another cluster".to_owned(),
                revision: revision - 1,
            };
            let mut actions = self.cancel_id(old_id);
            actions.push(SessionAction::Deliver(key, reset));
            actions.extend(self.open(key));
            return actions;
        }
        let updates = watch.on_opened(cluster, revision, now);
        self.head = self.head.max(Some(revision - 1));
        updates
            .into_iter()
            .map(|update| SessionAction::Deliver(key, update))
            .collect()
    }

    fn on_pulse(&mut self, message: &ServerMessage) -> Vec<SessionAction> {
        match message {
            ServerMessage::Progress { revision, .. } => self.head = self.head.max(Some(*revision)),
            ServerMessage::Reset { revision, .. } => self.head = Some(*revision),
            ServerMessage::Closed { .. } | ServerMessage::Error { .. } => self.pulse = None,
            _ => {}
        }
        Vec::new()
    }

    fn is_pulse(&self, id: &str) -> bool {
        self.pulse.as_ref().is_some_and(|pulse| pulse.id == id)
    }

    fn on_head(&mut self, revision: i64) -> Vec<SessionAction> {
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
                SessionAction::Deliver(*key, WatchUpdate::Head { revision })
            })
            .collect()
    }

    fn new_id(&mut self) -> String {
        self.last_number += 1;
        format!("w{}", self.last_number)
    }

    fn open(&mut self, key: WatchKey) -> Vec<SessionAction> {
        if !self.live {
            return Vec::new();
        }
        let id = self.new_id();
        let Some(watch) = self
            .watches
            .get_mut(&key)
            .filter(|watch| watch.phase == WatchPhase::Opening)
        else {
            return Vec::new();
        };
        let request = watch.request(id.clone());
        let wants_head = watch.wants_head;
        self.keys_by_id.insert(id, key);
        let mut actions = vec![SessionAction::Send(ClientOp::Watch(request))];
        if wants_head {
            actions.extend(self.request_head());
        }
        actions
    }

    /// Opens a new pulse: its `opened` carries the cluster's current revision. A pulse that is still opening
    /// serves later callers, too.
    fn request_head(&mut self) -> Vec<SessionAction> {
        if self.pulse.as_ref().is_some_and(|pulse| !pulse.open) {
            return Vec::new();
        }
        let id = self.new_id();
        let old = self.pulse.replace(Pulse {
            id: id.clone(),
            open: false,
        });
        let range = RangeSpec {
            key: Some(Bytes::from(PULSE_KEY)),
            ..RangeSpec::default()
        };
        let request = WatchRequest {
            id,
            range,
            ..WatchRequest::default()
        };
        let cancel = old.map(|old| SessionAction::Send(ClientOp::Cancel { id: old.id }));
        cancel
            .into_iter()
            .chain([SessionAction::Send(ClientOp::Watch(request))])
            .collect()
    }

    fn cancel_id(&mut self, id: Option<String>) -> Vec<SessionAction> {
        let Some(id) = id else { return Vec::new() };
        self.keys_by_id.remove(&id);
        vec![SessionAction::Send(ClientOp::Cancel { id })]
    }
}

fn watch_id(message: &ServerMessage) -> Option<&str> {
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
