//! Watches, each on an upstream stream of its own, in the gateway's types.
//!
//! The module reports etcd's responses and decides nothing: where to resume after a lost stream, a compaction or
//! a replaced cluster is decided by [`crate::live`]. One watch per stream, because etcd's creation errors
//! and progress responses do not name the watch that they belong to.

use std::time::Duration;

use shared::{Code, Entry, Event, EventType, Header, MemberId};
use tokio::time::timeout;
use tonic::{Code as Grpc, Status};

use super::account::{Transport, refuses_credentials};
use super::kv::{entry, header};
use super::wire::{Received, WatchCall, WatchCreateRequest};
use super::{Caller, Effect, Etcd, Get, Identity, Range, Use, Version, error};
use crate::failure::{Failure, Result};

/// Timeout for etcd to accept a stream, and for a response on it.
const OPEN_TIMEOUT: Duration = Duration::from_secs(10);

/// etcd's filters.
const NO_PUT: i32 = 0;
const NO_DELETE: i32 = 1;

/// Options of a watch.
#[derive(Clone, Copy, Debug, Default)]
pub struct WatchOptions {
    /// The first revision to deliver; 0 is the next one. Never negative.
    pub start_revision: i64,
    /// Include the previous entry of each change, if it is not compacted.
    pub prev: bool,
    /// Only changes of this type; by default both.
    pub only: Option<EventType>,
    /// Skip the values that etcd sends: events then have none.
    pub keys_only: bool,
}

/// A response on a watch.
#[derive(Debug)]
pub enum Update {
    /// The watch exists. The header is the member's own and may lag behind the cluster.
    Created(Header),
    /// Changes in order of their revisions.
    Batch {
        /// The changes.
        events: Vec<Event>,
        /// etcd's response continues, and with it perhaps the last revision.
        more: bool,
    },
    /// Everything up to this revision has been delivered; see [`WatchFeatures::bookmarks`].
    Progress(i64),
    /// The watch has ended: history before this revision is compacted.
    Compacted(i64),
    /// The watch has ended or was refused.
    Cancelled(Failure),
}

/// One watch on a stream of its own; dropping it frees etcd's watch.
#[derive(Debug)]
pub struct WatchStream {
    call: WatchCall,
    prev: bool,
}

impl WatchStream {
    /// The next response; an error if the stream is lost. Cancel safe.
    pub async fn next(&mut self) -> Result<Update> {
        let response = self.call.next().await;
        let response = response.map_err(|status| error::from_status(Effect::Read, status))?;
        let Some(response) = response else {
            return Err(Failure::new(Code::Unavailable, "etcd ended the stream"));
        };
        if response.canceled {
            return Ok(cancelled(response.compact_revision, response.cancel_reason));
        }
        if response.created {
            return Ok(Update::Created(header(response.header)));
        }
        let more = response.fragment || !response.complete;
        if response.events.is_empty() && !more && !response.continued {
            return Ok(Update::Progress(header(response.header).revision));
        }
        let changes = response.events.into_iter();
        let changes = changes.filter_map(|received| change(received, self.prev));
        Ok(Update::Batch {
            events: changes.collect(),
            more,
        })
    }

    /// Requests an [`Update::Progress`]. etcd does not respond while the watch is not up to date.
    pub fn request_progress(&self) {
        self.call.request_progress();
    }
}

fn cancelled(compact_revision: i64, reason: String) -> Update {
    if compact_revision > 0 {
        return Update::Compacted(compact_revision);
    }
    Update::Cancelled(if reason.is_empty() {
        Failure::new(Code::Unavailable, "etcd cancelled the watch")
    } else {
        error::from_status(Effect::Read, Status::new(Grpc::Unknown, reason))
    })
}

/// An event as an API type. Reads the fields: the library's accessor panics on an unknown type.
fn change(received: Received, prev: bool) -> Option<Event> {
    let Received { event, value_size } = received;
    let entry = |kv| {
        let entry = entry(kv, false);
        Entry {
            value: entry.value.filter(|_| value_size.is_none()),
            ..entry
        }
    };
    let kv = event.kv?;
    let prev = prev.then(|| event.prev_kv.map(entry));
    match event.r#type {
        0 => Some(Event::Put {
            entry: entry(kv),
            size: value_size.map(|size| size as i64),
            prev,
        }),
        1 => Some(Event::Delete {
            key: kv.key.into(),
            mod_revision: kv.mod_revision,
            prev,
        }),
        unknown => {
            tracing::warn!(unknown, "etcd sent an event of an unknown type");
            None
        }
    }
}

/// Which features of watches work in an etcd release.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WatchFeatures {
    /// A watch can resume from reported progress (3.4.31, 3.5.13 and later).
    pub bookmarks: bool,
    /// A watch that starts exactly at the compacted revision misses no event (3.4.36, 3.5.18 and later).
    pub exact_compaction: bool,
}

impl WatchFeatures {
    /// Those of a version as etcd reports it; an invalid version has none.
    pub(crate) fn of(version: &str) -> Self {
        let Ok(version) = version.parse::<Version>() else {
            return Self::default();
        };
        let from = |patch_34: u32, patch_35: u32| match version {
            Version(3, 4, patch) => patch >= patch_34,
            Version(3, 5, patch) => patch >= patch_35,
            other => other > Version(3, 5, 0),
        };
        Self {
            bookmarks: from(31, 13),
            exact_compaction: from(36, 18),
        }
    }
}

/// Opens a watch, with a new token if etcd refuses the present one. etcd refuses a watch in its first
/// response.
async fn open(
    transport: Transport,
    create: WatchCreateRequest,
    keys_only: bool,
) -> std::result::Result<WatchCall, Status> {
    let Some(account) = transport.account().cloned() else {
        return WatchCall::open(transport, create, keys_only).await;
    };
    let before = account.current_pass();
    match WatchCall::open(transport.clone(), create.clone(), keys_only).await {
        Ok(mut call) => match call.peek().await? {
            Some(first) if first.canceled && refuses_credentials(&first.cancel_reason) => {}
            _ => return Ok(call),
        },
        Err(status) if refuses_credentials(status.message()) => {}
        Err(status) => return Err(status),
    }
    account.renew(before.as_ref()).await?;
    WatchCall::open(transport, create, keys_only).await
}

impl Etcd {
    /// Opens a watch. The first update is [`Update::Created`], or the reason for the refusal.
    pub async fn watch(
        &self,
        caller: &Caller,
        range: &Range,
        options: WatchOptions,
    ) -> Result<WatchStream> {
        let create = WatchCreateRequest {
            key: range.key.clone().into(),
            range_end: range.end.clone().unwrap_or_default().into(),
            start_revision: options.start_revision,
            filters: match options.only {
                Some(EventType::Put) => vec![NO_DELETE],
                Some(EventType::Delete) => vec![NO_PUT],
                None => Vec::new(),
            },
            prev_kv: options.prev,
            ..WatchCreateRequest::default()
        };
        let call = timeout(
            OPEN_TIMEOUT,
            open(
                self.transport(caller, Use::Watches),
                create,
                options.keys_only,
            ),
        )
        .await
        .map_err(|_| Failure::new(Code::Unavailable, "etcd did not respond in time"))?
        .map_err(|status| error::from_status(Effect::Read, status))?;
        Ok(WatchStream {
            call,
            prev: options.prev,
        })
    }

    /// The compacted revision; `None` if nothing was compacted.
    ///
    /// etcd reports it only to a watch that starts before it, and checks permissions first: `key` is any key
    /// that the caller may read, existing or not.
    pub async fn compacted_revision(&self, caller: &Caller, key: &[u8]) -> Result<Option<i64>> {
        let readable = Range::single(key);
        match self
            .range(caller, &readable, &Get::count_only().at(1))
            .await
        {
            Ok(_) => return Ok(None),
            Err(failure) if failure.code == Code::Compacted => {}
            Err(failure) => return Err(failure),
        }
        let options = WatchOptions {
            start_revision: 1,
            ..WatchOptions::default()
        };
        let compacted = async {
            let mut watch = self.watch(caller, &readable, options).await?;
            loop {
                match watch.next().await? {
                    Update::Compacted(revision) => return Ok(Some(revision)),
                    Update::Cancelled(failure) => return Err(failure),
                    Update::Created(_) | Update::Batch { .. } | Update::Progress(_) => {}
                }
            }
        };
        timeout(OPEN_TIMEOUT, compacted)
            .await
            .unwrap_or_else(|_| Err(Failure::new(Code::Timeout, "etcd did not respond in time")))
    }

    /// The member that serves watches now, and the features of its release; `None` if etcd refuses both the
    /// gateway's account and the caller.
    ///
    /// The gateway's account is tried first: a release is the same for every caller, and etcd before 3.6.12
    /// refuses `Status` to all users except administrators.
    pub async fn watch_features(
        &self,
        caller: &Caller,
    ) -> Result<Option<(MemberId, WatchFeatures)>> {
        let refused =
            |failure: &Failure| matches!(failure.code, Code::Forbidden | Code::Unauthenticated);
        let status = match self.watch_member_status(&caller.as_gateway()).await {
            Err(failure) if refused(&failure) && caller.identity != Identity::Gateway => {
                self.watch_member_status(caller).await
            }
            status => status,
        };
        match status {
            Ok(status) => {
                let features = WatchFeatures::of(&status.version);
                Ok(Some((status.header.member_id, features)))
            }
            Err(failure) if refused(&failure) => Ok(None),
            Err(failure) => Err(failure),
        }
    }
}

#[cfg(test)]
mod tests {
    use etcd_client::proto::PbEvent;

    use super::*;

    fn check(version: &str, bookmarks: bool, exact_compaction: bool) {
        let expected = WatchFeatures {
            bookmarks,
            exact_compaction,
        };
        assert_eq!(WatchFeatures::of(version), expected, "{version}");
    }

    #[test]
    fn a_feature_works_from_the_version_with_the_fix() {
        check("3.4.23", false, false);
        check("3.4.31", true, false);
        check("3.4.36", true, true);
        check("3.5.8", false, false);
        check("3.5.13", true, false);
        check("3.5.18", true, true);
        check("3.6.0-rc.1", true, true);
        check("3.7.3", true, true);
        check("4.0.0", true, true);
        check("3.3.27", false, false);
        check("", false, false);
    }

    #[test]
    fn a_cancellation_is_classified_by_its_message() {
        let reason = "rpc error: code = PermissionDenied desc = etcdserver: permission denied";
        let Update::Cancelled(failure) = cancelled(0, reason.to_owned()) else {
            panic!("not cancelled");
        };
        assert_eq!(failure.code, Code::Forbidden);
        assert!(matches!(cancelled(7, String::new()), Update::Compacted(7)));
    }

    #[test]
    fn an_event_of_an_unknown_type_does_not_panic() {
        let event = PbEvent {
            r#type: 9,
            kv: Some(super::super::KeyValue::default()),
            prev_kv: None,
        };
        let received = Received {
            event,
            value_size: None,
        };
        assert!(change(received, true).is_none());
    }
}
