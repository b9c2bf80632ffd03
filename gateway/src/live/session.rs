//! One client's watches: its operations in, their messages out. It knows no transport.

use std::collections::HashMap;

use futures_util::StreamExt as _;
use shared::{Code, ServerMessage};
use tokio_stream::StreamMap;

use super::hub::{Budget, Hub, Pause, Subscription};
use super::message::WatchMessage;
use super::ops::{self, InvalidOp, Op, Watch};
use super::stream::{Disconnected, Message, Ops, Sender};
use crate::etcd::Identity;

/// Open watches of one client.
const MAX_WATCHES: usize = 256;

/// Runs a client's watches, starting with `first`, until the client can send no more operations and the
/// last watch has ended.
pub async fn run(hub: Hub, identity: Identity, first: Option<Watch>, client: Sender, mut ops: Ops) {
    let mut session = Session {
        hub,
        identity,
        client,
        budget: Budget::default(),
        watches: HashMap::new(),
        subscriptions: StreamMap::new(),
    };
    if let Some(watch) = first {
        session.open(watch);
    }
    let mut accepts_ops = true;
    while accepts_ops || !session.subscriptions.is_empty() {
        let sent = tokio::select! {
            op = ops.next(), if accepts_ops => {
                accepts_ops = op.is_some();
                match op {
                    Some(text) => session.handle(&text).await,
                    None => Ok(()),
                }
            }
            Some((id, message)) = session.subscriptions.next() => {
                session.forward(id, message).await
            }
            // The process stops: the last watch has ended without `closed`, and no operation can arrive.
            else => return,
        };
        if sent.is_err() {
            return;
        }
    }
}

struct Session {
    hub: Hub,
    identity: Identity,
    client: Sender,
    budget: Budget,
    watches: HashMap<String, Open>,
    subscriptions: StreamMap<String, Subscription>,
}

/// An open watch.
struct Open {
    /// The id as a JSON string, for the head of each message.
    head_id: String,
    pause: Pause,
}

impl Session {
    fn open(&mut self, watch: Watch) {
        let subscription = self.hub.subscribe(
            self.identity.clone(),
            watch.range,
            watch.options,
            watch.start,
            &self.budget,
        );
        let open = Open {
            head_id: serde_json::to_string(&watch.id).expect("a string serialises"),
            pause: subscription.pause(),
        };
        self.watches.insert(watch.id.clone(), open);
        self.subscriptions.insert(watch.id, subscription);
    }

    async fn handle(&mut self, text: &str) -> Result<(), Disconnected> {
        let op = match ops::parse(text) {
            Ok(op) => op,
            Err(InvalidOp { id, failure }) => {
                return self.send_error(id, failure.code, failure.detail).await;
            }
        };
        match op {
            Op::Watch(watch) if self.watches.contains_key(&watch.id) => {
                let detail = "a watch with this `id` is already open on this socket".to_owned();
                self.send_error(Some(watch.id), Code::AlreadyExists, detail)
                    .await
            }
            Op::Watch(watch) if self.watches.len() >= MAX_WATCHES => {
                let detail = format!("too many watches on this socket; the limit is {MAX_WATCHES}");
                self.send_error(Some(watch.id), Code::RateLimited, detail)
                    .await
            }
            Op::Watch(watch) => {
                self.open(watch);
                Ok(())
            }
            Op::Cancel(id) => {
                if self.watches.remove(&id).is_none() {
                    return self.send_not_found(id).await;
                }
                self.subscriptions.remove(&id);
                let closed = ServerMessage::Closed {
                    id,
                    code: "cancelled".to_owned(),
                    detail: "cancelled by the client".to_owned(),
                };
                self.client.send(&closed).await
            }
            Op::Pause(id) => self.set_paused(id, true).await,
            Op::Resume(id) => self.set_paused(id, false).await,
        }
    }

    async fn set_paused(&mut self, id: String, paused: bool) -> Result<(), Disconnected> {
        match self.watches.get(&id) {
            Some(open) => {
                open.pause.set(paused);
                Ok(())
            }
            None => self.send_not_found(id).await,
        }
    }

    async fn forward(&mut self, id: String, message: WatchMessage) -> Result<(), Disconnected> {
        let last = message.last;
        let Some(open) = self.watches.get(&id) else {
            return Ok(());
        };
        let message = Message::of_watch(message, &open.head_id);
        if last {
            self.watches.remove(&id);
            self.subscriptions.remove(&id);
        }
        self.client.forward(message).await
    }

    async fn send_not_found(&self, id: String) -> Result<(), Disconnected> {
        let detail = "no watch with this `id` is open on this socket".to_owned();
        self.send_error(Some(id), Code::NotFound, detail).await
    }

    async fn send_error(
        &self,
        id: Option<String>,
        code: Code,
        detail: String,
    ) -> Result<(), Disconnected> {
        self.client
            .send(&ServerMessage::Error { id, code, detail })
            .await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;
    use crate::etcd::{Etcd, Settings};
    use crate::live::stream;
    use crate::tasks::Tasks;

    #[tokio::test]
    async fn at_shutdown_a_session_without_operations_ends_after_its_last_watch() {
        let unreachable = vec!["http://127.0.0.1:1".to_owned()];
        let settings = Settings::new(unreachable, Duration::from_secs(1));
        let etcd = Etcd::new(settings).await.expect("a URL");
        let tasks = Tasks::default();
        let hub = Hub::new(etcd, tasks.clone());
        let Ok(Op::Watch(watch)) = ops::parse(r#"{"op":"watch","id":"0","key":"k"}"#) else {
            panic!("not a watch");
        };
        let (client, mut messages, no_ops) = stream::unconnected();
        let session = tasks.spawn(run(hub, Identity::Gateway, Some(watch), client, no_ops));
        // `error unavailable`: the watch is open, and the session waits for its next message.
        assert!(messages.recv().await.is_some());
        tasks.cancel();
        let ended = timeout(Duration::from_secs(10), session).await;
        ended
            .expect("the session ends")
            .expect("the session does not panic");
    }
}
