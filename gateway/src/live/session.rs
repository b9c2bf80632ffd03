//! One client's watches: its operations in, their messages out. Knows no transport.

use std::collections::HashMap;

use futures_util::StreamExt as _;
use shared::{Code, ServerMessage};
use tokio_stream::StreamMap;

use super::hub::{Budget, Hub, Pause, Subscription};
use super::ops::{self, BadOp, Op, Watch};
use super::stream::{Gone, Message, Ops, Out};
use crate::identity::Identity;

/// Watches on one socket.
const MOST_WATCHES: usize = 256;

/// Runs a client's watches, beginning with `first`, until it can ask for nothing more and the last
/// has ended.
pub async fn run(hub: Hub, identity: Identity, first: Option<Watch>, out: Out, mut ops: Ops) {
    let mut session = Session {
        hub,
        identity,
        out,
        budget: Budget::default(),
        watches: HashMap::new(),
        frames: StreamMap::new(),
    };
    if let Some(watch) = first {
        session.open(watch);
    }
    let mut listening = true;
    while listening || !session.frames.is_empty() {
        let said = tokio::select! {
            op = ops.next(), if listening => {
                listening = op.is_some();
                match op {
                    Some(text) => session.handle(&text).await,
                    None => Ok(()),
                }
            }
            Some((id, frame)) = session.frames.next() => session.forward(id, frame).await,
            // The process stops: the last watch has ended without `closed`, and no operation can come.
            else => return,
        };
        if said.is_err() {
            return;
        }
    }
}

struct Session {
    hub: Hub,
    identity: Identity,
    out: Out,
    budget: Budget,
    watches: HashMap<String, Open>,
    frames: StreamMap<String, Subscription>,
}

struct Open {
    /// The id as a JSON string, for the head of every message.
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
        self.frames.insert(watch.id, subscription);
    }

    async fn handle(&mut self, text: &str) -> Result<(), Gone> {
        let op = match ops::parse(text) {
            Ok(op) => op,
            Err(BadOp { id, failure }) => {
                return self.error(id, failure.code, failure.detail).await;
            }
        };
        match op {
            Op::Watch(watch) if self.watches.contains_key(&watch.id) => {
                let detail = "a watch of this id is open on this socket".to_owned();
                self.error(Some(watch.id), Code::AlreadyExists, detail)
                    .await
            }
            Op::Watch(watch) if self.watches.len() >= MOST_WATCHES => {
                let detail = format!("a socket may have {MOST_WATCHES} watches");
                self.error(Some(watch.id), Code::RateLimited, detail).await
            }
            Op::Watch(watch) => {
                self.open(watch);
                Ok(())
            }
            Op::Cancel(id) => {
                if self.watches.remove(&id).is_none() {
                    return self.unknown(id).await;
                }
                self.frames.remove(&id);
                let closed = ServerMessage::Closed {
                    id,
                    code: "cancelled".to_owned(),
                    detail: "as asked".to_owned(),
                };
                self.out.send(&closed).await
            }
            Op::Pause(id) => self.set_paused(id, true).await,
            Op::Resume(id) => self.set_paused(id, false).await,
        }
    }

    async fn set_paused(&mut self, id: String, paused: bool) -> Result<(), Gone> {
        match self.watches.get(&id) {
            Some(open) => {
                open.pause.set(paused);
                Ok(())
            }
            None => self.unknown(id).await,
        }
    }

    async fn forward(&mut self, id: String, frame: super::Frame) -> Result<(), Gone> {
        let last = frame.last;
        let Some(open) = self.watches.get(&id) else {
            return Ok(());
        };
        let message = Message::framed(frame, &open.head_id);
        if last {
            self.watches.remove(&id);
            self.frames.remove(&id);
        }
        self.out.forward(message).await
    }

    async fn unknown(&self, id: String) -> Result<(), Gone> {
        let detail = "no watch of this id is open on this socket".to_owned();
        self.error(Some(id), Code::NotFound, detail).await
    }

    async fn error(&self, id: Option<String>, code: Code, detail: String) -> Result<(), Gone> {
        self.out
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
    async fn a_session_without_operations_ends_with_its_last_watch_at_shutdown() {
        let nobody = vec!["http://127.0.0.1:1".to_owned()];
        let settings = Settings::new(nobody, Duration::from_secs(1));
        let etcd = Etcd::new(settings).await.expect("it is a URL");
        let tasks = Tasks::default();
        let hub = Hub::new(etcd, tasks.clone());
        let Ok(Op::Watch(watch)) = ops::parse(r#"{"op":"watch","id":"0","key":"k"}"#) else {
            panic!("it is a watch");
        };
        let (out, mut messages, no_ops) = stream::unconnected();
        let session = tasks.spawn(run(hub, Identity::Gateway, Some(watch), out, no_ops));
        // `error unavailable`: the watch is open, and the session waits for its next frame.
        assert!(messages.recv().await.is_some());
        tasks.cancel();
        let ended = timeout(Duration::from_secs(10), session).await;
        ended.expect("it ends").expect("it does not panic");
    }
}
