//! Watches that survive a restart or fail-over of etcd without the client noticing.
//!
//! The client's requests and etcd's responses pass through unchanged. Beside them, the delivery state of each
//! watch is recorded ([`Delivered`]: where to resume, which re-sent events to drop). When the stream to etcd
//! is lost:
//!
//! 1. [`ResumableWatch::back_off`] waits, or gives up ([`Outage`]);
//! 2. [`ResumableWatch::open`] opens another stream and re-creates every watch under its own id, from its
//!    first undelivered revision;
//! 3. [`ResumableWatch::handle_created`] checks that the member which created a watch has the data seen
//!    before;
//! 4. [`Delivered::filter`] drops the events that the client already has.
//!
//! The client only notices a delay. A token that etcd no longer knows is replaced if the account is the
//! gateway's, and a stream is opened with the new one.
//!
//! Some losses cannot be hidden. Compacted history and a client's own token that has expired are reported with
//! etcd's own errors. Data other than that seen before (another cluster, wiped or restored data) is an error,
//! and so is an etcd that stays unavailable for too long.

mod delivered;
mod messages;
mod outage;
mod progress;
mod upstream;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use prost::Message as _;
use tokio::time::{Instant, sleep};

use self::delivered::{Delivered, WatchResponse, cancelled};
use self::messages::{Create, Header, WatchRequest, current_revision};
use self::outage::Outage;
use self::progress::Progress;
use self::upstream::Upstream;
use super::Call;
use super::errors::{CallError, code};
use crate::etcd::{Refusal, refuses_credentials};

/// The watch id with which etcd reports the progress of all watches of a stream.
const ALL_WATCHES: i64 = -1;

/// A watch call whose stream to etcd is reopened when it is lost.
pub(super) struct ResumableWatch {
    call: Call,
    /// The client's requests.
    requests: BoxStream<'static, Bytes>,
    /// The client will send no more requests.
    half_closed: bool,
    /// A request that etcd's stream has no room for yet.
    pending: Option<Pending>,
    upstream: Option<Upstream>,
    outage: Outage,
    progress: Progress,
    /// etcd refused the token, it was replaced, and not every creation has been accepted since.
    token_renewed: bool,
    cluster_id: Option<u64>,
    /// The latest known revision of the cluster, which can never be lower.
    latest_revision: i64,
    /// The created watches, by id.
    watches: BTreeMap<i64, Delivered>,
    /// Creations that etcd has not responded to, in order, and the current revision before each.
    creating: VecDeque<(Create, Option<i64>)>,
    /// Watches that the client cancels and etcd has not confirmed yet.
    cancelling: BTreeSet<i64>,
    /// Watches being re-created on a new stream, in order.
    recreating: VecDeque<i64>,
}

struct Pending {
    request: Bytes,
    /// The request is recorded, and so is sent again whenever a stream is opened.
    recorded: bool,
}

enum Step {
    /// etcd has sent a response.
    Response(Bytes),
    /// Something else has happened.
    Continue,
    /// The client has ended the call before any watch.
    End,
}

/// What to do after a response of etcd.
enum Outcome {
    /// Deliver this to the client.
    Deliver(Bytes),
    /// Deliver nothing.
    Drop,
    /// Open another stream, with the renewed token.
    Reopen,
    /// Open another stream, as when the connection is lost.
    Lost(Refusal),
}

impl ResumableWatch {
    pub(super) fn new(call: Call, requests: BoxStream<'static, Bytes>) -> Self {
        Self {
            call,
            requests,
            half_closed: false,
            pending: None,
            upstream: None,
            outage: Outage::default(),
            progress: Progress::new(),
            token_renewed: false,
            cluster_id: None,
            latest_revision: 0,
            watches: BTreeMap::new(),
            creating: VecDeque::new(),
            cancelling: BTreeSet::new(),
            recreating: VecDeque::new(),
        }
    }

    /// The next response for the client; `None` at the end of the call.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, CallError> {
        loop {
            let outcome = match self.step().await {
                Ok(Step::Response(response)) => self.handle(response).await?,
                Ok(Step::Continue) => continue,
                Ok(Step::End) => return Ok(None),
                Err(refusal) => Outcome::Lost(refusal),
            };
            match outcome {
                Outcome::Deliver(response) => {
                    self.outage.end();
                    return Ok(Some(response));
                }
                Outcome::Drop => self.outage.end(),
                Outcome::Reopen => self.upstream = None,
                Outcome::Lost(refusal) => {
                    self.upstream = None;
                    self.back_off(refusal).await?;
                }
            }
        }
    }

    /// Waits before the next attempt after a lost stream; an error if there is to be none.
    async fn back_off(&mut self, lost: Refusal) -> Result<(), CallError> {
        let delay = self.outage.record_loss(Instant::now());
        // A call that fails before it has a watch fails. But if the endpoint cannot be reached or has no
        // leader, one more attempt is made, which takes another endpoint.
        let other_endpoint = self.outage.attempts() == 1 && (lost.lost || is_leaderless(&lost));
        let failed_first = self.watches.is_empty() && !other_endpoint;
        match delay {
            Some(delay) if !failed_first && self.survives(&lost) => {
                sleep(delay).await;
                Ok(())
            }
            _ => Err(lost.into()),
        }
    }

    /// Whether the watches can be resumed after this error.
    fn survives(&self, lost: &Refusal) -> bool {
        if is_leaderless(lost) && self.call.context.requires_leader() {
            return false;
        }
        lost.lost || [code::UNAVAILABLE, code::CANCELLED].contains(&lost.code)
    }

    async fn step(&mut self) -> Result<Step, Refusal> {
        let Some(upstream) = &mut self.upstream else {
            // etcd sends nothing before it has a request.
            let recorded = !self.watches.is_empty() || !self.creating.is_empty();
            if !recorded && self.pending.is_none() {
                let Some(request) = self.requests.next().await else {
                    return Ok(Step::End);
                };
                self.record(request).await;
            }
            self.open();
            return Ok(Step::Continue);
        };
        let has_pending = self.pending.is_some();
        let all_created = !self.watches.is_empty() && self.recreating.is_empty();
        let (to_etcd, closed) = (upstream.requests.clone(), upstream.closed);
        tokio::select! {
            biased;
            response = upstream.next() => response.map(Step::Response),
            permit = to_etcd.reserve(), if has_pending && !closed => {
                match permit {
                    Ok(permit) => permit.send(self.pending.take().expect("just checked").request),
                    // Kept for the next stream. Why this one accepts no more requests, its responses tell.
                    Err(_) => upstream.closed = true,
                }
                Ok(Step::Continue)
            }
            request = self.requests.next(), if !has_pending && !self.half_closed => {
                match request {
                    Some(request) => self.record(request).await,
                    // The stream stays open: etcd sends responses even if it is half-closed.
                    None => self.half_closed = true,
                }
                Ok(Step::Continue)
            }
            () = self.progress.due(&self.call), if all_created && !closed => {
                if to_etcd.try_send(WatchRequest::progress()).is_ok() {
                    self.progress.requested_by_gateway();
                }
                Ok(Step::Continue)
            }
        }
    }

    /// Opens a stream, and creates every watch on it from its first undelivered revision.
    fn open(&mut self) {
        let mut requests: Vec<Bytes> = Vec::new();
        self.recreating.clear();
        // In the order of their ids: watch 0 only gets its id by being the first one.
        for (id, delivered) in &mut self.watches {
            delivered.restart();
            requests.push(WatchRequest::create(Create {
                start_revision: delivered.next,
                watch_id: *id,
                ..delivered.create.clone()
            }));
            self.recreating.push_back(*id);
        }
        for (create, _) in &self.creating {
            requests.push(WatchRequest::create(create.clone()));
        }
        for id in &self.cancelling {
            requests.push(WatchRequest::cancel(*id));
        }
        if self.progress.restart() {
            requests.push(WatchRequest::progress());
        }
        if self
            .pending
            .as_ref()
            .is_some_and(|pending| pending.recorded)
        {
            self.pending = None;
        }
        self.upstream = Some(Upstream::open(self.call.clone(), requests));
    }

    /// Records a request of the client, which is then pending.
    async fn record(&mut self, request: Bytes) {
        let decoded = WatchRequest::decode(request.clone()).unwrap_or_default();
        let mut recorded = false;
        if let Some(create) = decoded.create {
            let before = match create.start_revision {
                0 => current_revision(&self.call, &create.key).await.ok(),
                _ => None,
            };
            self.creating.push_back((create, before));
            recorded = true;
        }
        if let Some(cancel) = decoded.cancel
            && self.watches.contains_key(&cancel.watch_id)
        {
            self.cancelling.insert(cancel.watch_id);
            recorded = true;
        }
        if decoded.progress.is_some() {
            self.progress.requested_by_client();
            recorded = true;
        }
        self.pending = Some(Pending { request, recorded });
    }

    /// Records a response of etcd, and decides what the client gets of it.
    async fn handle(&mut self, bytes: Bytes) -> Result<Outcome, CallError> {
        let response = WatchResponse::decode(&bytes).ok_or_else(CallError::malformed_response)?;
        let header = response.header.unwrap_or_default();
        if header.cluster_id != 0
            && *self.cluster_id.get_or_insert(header.cluster_id) != header.cluster_id
        {
            return Err(another_cluster("its cluster id has changed"));
        }
        if response.created {
            return self.handle_created(bytes, &response, header).await;
        }
        self.latest_revision = self.latest_revision.max(header.revision);
        if response.canceled {
            self.watches.remove(&response.watch_id);
            self.cancelling.remove(&response.watch_id);
            return Ok(Outcome::Deliver(bytes));
        }
        if response.is_progress() {
            return Ok(self.handle_progress(bytes, &response, header));
        }
        let filtered = match self.watches.get_mut(&response.watch_id) {
            Some(delivered) => delivered.filter(bytes, &response),
            None => Some(bytes),
        };
        Ok(filtered.map_or(Outcome::Drop, Outcome::Deliver))
    }

    /// A watch was created, or its creation was refused.
    async fn handle_created(
        &mut self,
        bytes: Bytes,
        response: &WatchResponse,
        header: Header,
    ) -> Result<Outcome, CallError> {
        let outcome = if response.canceled {
            self.renew_token(&response.cancel_reason).await
        } else {
            self.check_revision(header.revision).await?
        };
        if let Some(outcome) = outcome {
            return Ok(outcome);
        }
        let outcome = if let Some(id) = self.recreating.pop_front() {
            if response.canceled {
                // Refused only now: the client knows the watch by its id.
                self.watches.remove(&id);
                self.cancelling.remove(&id);
                Outcome::Deliver(cancelled(&bytes, id))
            } else {
                Outcome::Drop
            }
        } else {
            let (create, before) = self.creating.pop_front().unwrap_or_default();
            if !response.canceled {
                // Either may be the lower one: `before` was read earlier, and the member that created the
                // watch may be another one that lags behind.
                let current = before.map_or(header.revision, |before| before.min(header.revision));
                let next = match create.start_revision {
                    0 => current + 1,
                    start => start,
                };
                self.watches
                    .insert(response.watch_id, Delivered::new(create, next));
            }
            Outcome::Deliver(bytes)
        };
        if self.recreating.is_empty() && self.creating.is_empty() {
            self.token_renewed = false;
        }
        Ok(outcome)
    }

    /// Renews the token if etcd refused that of an account of the gateway. etcd refuses it in its response to
    /// a creation, as it refuses every watch.
    async fn renew_token(&mut self, cancel_reason: &str) -> Option<Outcome> {
        if self.token_renewed || !refuses_credentials(cancel_reason) {
            return None;
        }
        let upstream = self.upstream.as_ref()?;
        let renewed = upstream.signature.as_ref()?.renew().await;
        match renewed {
            Ok(()) => {
                self.token_renewed = true;
                Some(Outcome::Reopen)
            }
            // The password could not be checked.
            Err(refusal) if refusal.lost || refusal.code == code::UNAVAILABLE => {
                Some(Outcome::Lost(refusal))
            }
            Err(_) => None,
        }
    }

    /// Compares the revision of the member that created a watch with what was seen before. Wiped or restored
    /// data can have the same cluster id, and the watch would silently wait until the revision is reached
    /// again.
    async fn check_revision(&mut self, revision: i64) -> Result<Option<Outcome>, CallError> {
        if revision < self.latest_revision {
            // This member may only lag behind the others: a linearizable read decides.
            let created = match self.recreating.front() {
                Some(id) => self.watches.get(id).map(|delivered| &delivered.create),
                None => self.creating.front().map(|(create, _)| create),
            };
            let key = created.map_or_else(Bytes::new, |create| create.key.clone());
            let current = match current_revision(&self.call, &key).await {
                Ok(current) => current,
                Err(refusal) => {
                    let lost = Refusal {
                        lost: true,
                        ..refusal
                    };
                    return Ok(Some(Outcome::Lost(lost)));
                }
            };
            if current < self.latest_revision {
                return Err(another_cluster(&format!(
                    "its data went back from revision {} to {current}: it was restored or wiped",
                    self.latest_revision
                )));
            }
        }
        self.latest_revision = self.latest_revision.max(revision);
        Ok(None)
    }

    /// etcd has reported progress.
    fn handle_progress(
        &mut self,
        bytes: Bytes,
        response: &WatchResponse,
        header: Header,
    ) -> Outcome {
        let trusted = self.progress.trusts(header.member_id);
        if response.watch_id != ALL_WATCHES {
            // The progress of one watch, which the client requested when it created the watch.
            if trusted && let Some(delivered) = self.watches.get_mut(&response.watch_id) {
                delivered.advance(header.revision);
            }
            return Outcome::Deliver(bytes);
        }
        if trusted {
            // Except watches still to be re-created: their events may arrive after this response.
            let recreating = &self.recreating;
            for (_, delivered) in self
                .watches
                .iter_mut()
                .filter(|(id, _)| !recreating.contains(id))
            {
                delivered.advance(header.revision);
            }
        }
        if self.progress.responded() {
            Outcome::Deliver(bytes)
        } else {
            Outcome::Drop
        }
    }
}

fn is_leaderless(lost: &Refusal) -> bool {
    lost.message.contains("no leader")
}

fn another_cluster(reason: &str) -> CallError {
    let message = format!(
        "etcd returned as another cluster ({reason}): its revisions are not those seen before"
    );
    CallError::new(code::UNAVAILABLE, message)
}
