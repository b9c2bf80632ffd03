//! Saying things to the client within its share of memory, and asking etcd for what is needed.

use shared::Header;
use tokio::time::Instant;

use super::{ANSWER, End, Follower, Step};
use crate::etcd::{Etcd, WatchOptions, WatchStream};
use crate::failure::Result;
use crate::identity::Caller;
use crate::live::frame::{Bookmark, Frame, message};

impl Follower {
    /// Says it once there is room. Not to be waited for with a stream open.
    pub(super) async fn say(&mut self, mut frame: Frame) -> Step<()> {
        frame.share = Some(self.budget.share(frame.tail.len()).await);
        self.pass(frame).await
    }

    /// Says how far it is, unless much is waiting for the client anyway. Within a revision or a snapshot it
    /// says nothing: the transport's `idle` keeps the stream alive.
    pub(super) fn beat(&mut self) -> Step<()> {
        self.spoke = Instant::now();
        if self.snapshot_pending || self.pieces.inside_revision() {
            return Ok(());
        }
        let done = self.pieces.done();
        let mut frame = message::progress(done).at(self.bookmark(done));
        frame.share = self.budget.try_share(frame.tail.len());
        if frame.share.is_some() {
            self.out.try_send(frame).map_err(|_| End::Gone)?;
        }
        Ok(())
    }

    pub(super) async fn pass(&mut self, frame: Frame) -> Step<()> {
        self.out.send(frame).await.map_err(|_| End::Gone)?;
        self.spoke = Instant::now();
        Ok(())
    }

    pub(super) fn bookmark(&self, revision: i64) -> Bookmark {
        Bookmark {
            cluster: self.cluster,
            revision,
        }
    }

    pub(super) fn caller(&self) -> Caller {
        Caller::new(self.identity.clone(), Some(ANSWER))
    }

    pub(super) fn etcd(&self) -> &Etcd {
        &self.hub.etcd
    }

    /// The store's current header.
    pub(super) async fn now(&self) -> Result<Header> {
        self.etcd()
            .current_header(&self.caller(), &self.range)
            .await
    }

    /// Opens a stream.
    pub(super) async fn watch(&self, start_revision: i64) -> Result<WatchStream> {
        let options = WatchOptions {
            start_revision,
            prev: self.options.prev,
            only: self.options.only,
        };
        let caller = Caller::new(self.identity.clone(), None);
        self.etcd().watch(&caller, &self.range, options).await
    }
}
