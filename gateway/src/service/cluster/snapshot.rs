//! A member's whole backend as a download, verified while it is streamed.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use sha2::{Digest as _, Sha256};
use shared::{Code, Header, MemberId, SnapshotProgress};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::ClusterService;
use super::downloads::{Recorder, require_id};
use super::maintenance::no_member;
use super::reach::Found;
use crate::etcd::{SnapshotPiece, SnapshotStream};
use crate::failure::{Failure, Result};
use crate::identity::Caller;

/// Bytes of the SHA-256 that etcd sends after the data.
const SUM: usize = 32;
/// Chunks buffered for the client; each is 32 KiB at most.
const AHEAD: usize = 8;
/// How long a client may stop reading: etcd keeps the database pages for as long as a snapshot lasts.
const STALL: Duration = Duration::from_mins(1);

/// A snapshot ready to be sent. Dropping it cancels the stream from etcd.
#[derive(Debug)]
pub struct Download {
    /// The response header of the member it comes from.
    pub header: Header,
    /// The member it comes from.
    pub member: MemberId,
    /// The cluster's name at this gateway.
    pub cluster: String,
    /// Total bytes, including the checksum.
    pub length: u64,
    pieces: mpsc::Receiver<Result<Bytes>>,
    left: u64,
    /// For a download with an id.
    recorder: Option<Recorder>,
}

impl Download {
    /// The next chunk. An error is the last item; only an intact snapshot ends without one.
    pub async fn next(&mut self) -> Option<Result<Bytes>> {
        let next = self.next_piece().await;
        if let Some(recorder) = &self.recorder {
            match &next {
                Some(Ok(piece)) => {
                    recorder.sent(piece.len());
                    if self.left == 0 {
                        // The last piece is the checksum, which was compared with the data.
                        recorder.complete(piece);
                    }
                }
                Some(Err(failure)) => recorder.failed(failure),
                None => {}
            }
        }
        next
    }

    async fn next_piece(&mut self) -> Option<Result<Bytes>> {
        match self.pieces.recv().await {
            Some(Ok(piece)) => {
                self.left = self.left.saturating_sub(piece.len() as u64);
                Some(Ok(piece))
            }
            Some(Err(failure)) => {
                self.left = 0;
                Some(Err(failure))
            }
            None if self.left > 0 => {
                self.left = 0;
                Some(Err(corrupt("the stream ended early")))
            }
            None => None,
        }
    }
}

impl ClusterService {
    /// Starts a snapshot of a member, or of the first configured endpoint that responds. The bytes are
    /// what `etcdctl snapshot save` writes: the database file followed by its SHA-256. The last chunk
    /// is sent only if the checksum matches.
    /// With an `id`, [`Self::snapshot_progress`] shows how the download goes.
    pub async fn snapshot(
        &self,
        caller: &Caller,
        member: Option<MemberId>,
        id: Option<String>,
    ) -> Result<Download> {
        id.as_deref().map(require_id).transpose()?;
        // Finding the member is limited in time; the snapshot itself is not.
        let finding = Caller::new(caller.identity.clone(), Some(FINDING));
        let (url, header) = self.source(&finding, member).await?;
        let etcd = self.connect(&url)?;
        let mut stream = etcd.snapshot(caller).await?;
        let first = stream.next().await?;
        let first = first.ok_or_else(|| corrupt("the member sent nothing"))?;
        let length = first.remaining + first.bytes.len() as u64 + SUM as u64;
        let recorder = id.map(|id| self.downloads.begin(&caller.identity, id, header, length));
        let recorder = recorder.transpose()?;
        let (sender, pieces) = mpsc::channel(AHEAD);
        let stop = self.tasks.stop().clone();
        self.tasks.spawn(async move {
            let ended = tokio::select! {
                ended = pump(stream, first, length, &sender) => ended,
                () = sender.closed() => return,
                () = stop.cancelled() => {
                    Err(Failure::new(Code::Unavailable, "this gateway is shutting down"))
                }
            };
            let Err(failure) = ended else { return };
            tracing::warn!(member = %header.member_id, "snapshot ended: {}", failure.chain());
            let _ = sender.try_send(Err(failure));
        });
        Ok(Download {
            header,
            member: header.member_id,
            cluster: self.name.clone(),
            length,
            pieces,
            left: length,
            recorder,
        })
    }

    /// The state of a snapshot that the caller requested with an id.
    pub fn snapshot_progress(&self, caller: &Caller, id: &str) -> Result<SnapshotProgress> {
        self.downloads.progress(&caller.identity, id)
    }

    /// The URL to take it from, and the header of the member there.
    async fn source(&self, caller: &Caller, member: Option<MemberId>) -> Result<(String, Header)> {
        let Some(id) = member else {
            let mut refusal = None;
            for url in self.etcd.endpoints() {
                match self.request_status(caller, url).await {
                    Ok(status) => return Ok((url.clone(), status.header)),
                    Err(failure) => refusal = refusal.or(Some(failure)),
                }
            }
            return Err(refusal.expect("a cluster has an endpoint"));
        };
        let found = self.all_members(caller).await?;
        let found = found.iter().find(|found| found.fact.id == id);
        let reached = found.map(Found::require).ok_or_else(|| no_member(id))??;
        Ok((reached.url.clone(), reached.status.header))
    }
}

/// Time limit for finding a member.
const FINDING: Duration = Duration::from_secs(10);

/// Forwards chunks until the end, and verifies the checksum.
async fn pump(
    mut stream: SnapshotStream,
    first: SnapshotPiece,
    length: u64,
    sender: &mpsc::Sender<Result<Bytes>>,
) -> Result<()> {
    let mut check = Check::new(length);
    let mut piece = Some(first);
    while let Some(next) = piece {
        let good = check.pass(next.bytes)?;
        if !good.is_empty() && !send(sender, good).await? {
            return Ok(());
        }
        piece = stream.next().await?;
    }
    let sum = check.end()?;
    send(sender, sum).await?;
    Ok(())
}

/// Sends a chunk; whether the client is still connected.
async fn send(sender: &mpsc::Sender<Result<Bytes>>, piece: Bytes) -> Result<bool> {
    match timeout(STALL, sender.send(Ok(piece))).await {
        Ok(sent) => Ok(sent.is_ok()),
        Err(_) => Err(Failure::new(
            Code::Timeout,
            "the client did not read from the snapshot for a minute",
        )),
    }
}

fn corrupt(what: &str) -> Failure {
    Failure::new(
        Code::Unavailable,
        format!("the snapshot is corrupt: {what}"),
    )
}

/// Holds back the last 32 bytes, since they may be the checksum of everything before them.
struct Check {
    sum: Sha256,
    held: BytesMut,
    left: u64,
}

impl Check {
    fn new(length: u64) -> Self {
        Self {
            sum: Sha256::new(),
            held: BytesMut::new(),
            left: length,
        }
    }

    /// Accepts a chunk and returns the bytes that are certainly data.
    fn pass(&mut self, piece: Bytes) -> Result<Bytes> {
        let left = self.left.checked_sub(piece.len() as u64);
        self.left = left.ok_or_else(|| corrupt("the data is longer than announced"))?;
        self.held.extend_from_slice(&piece);
        let data = self.held.len().saturating_sub(SUM);
        let data = self.held.split_to(data).freeze();
        self.sum.update(&data);
        Ok(data)
    }

    /// The checksum, if it matches the data.
    fn end(self) -> Result<Bytes> {
        if self.left > 0 {
            return Err(corrupt("the stream ended early"));
        }
        if self.sum.finalize()[..] != self.held[..] {
            return Err(corrupt("the data does not match the checksum"));
        }
        Ok(self.held.freeze())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds a snapshot in chunks of `size`; returns the output.
    fn pass_in_chunks(snapshot: &[u8], length: usize, size: usize) -> Result<Vec<u8>> {
        let mut check = Check::new(length as u64);
        let mut out = Vec::new();
        for piece in snapshot.chunks(size) {
            out.extend(check.pass(Bytes::copy_from_slice(piece))?);
        }
        assert!(
            out.len() + SUM <= snapshot.len().max(SUM),
            "the checksum is held back"
        );
        out.extend(check.end()?);
        Ok(out)
    }

    fn with_checksum(data: &[u8]) -> Vec<u8> {
        let sum = Sha256::digest(data);
        data.iter().chain(sum.iter()).copied().collect()
    }

    #[test]
    fn an_intact_snapshot_passes_in_chunks_of_any_size() {
        let data: Vec<u8> = (0..1_000_u32).map(|n| n as u8).collect();
        let snapshot = with_checksum(&data);
        for size in [1, 7, 31, 32, 33, 512, 1_000, 5_000] {
            assert_eq!(
                pass_in_chunks(&snapshot, snapshot.len(), size).expect("sound"),
                snapshot
            );
        }
    }

    #[test]
    fn a_corrupt_snapshot_ends_with_an_error() {
        let good = with_checksum(&[7; 1_000]);
        for at in [0, 999, 1_000, 1_031] {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert!(
                pass_in_chunks(&bad, bad.len(), 100).is_err(),
                "a flipped bit at {at}"
            );
        }
        assert!(
            pass_in_chunks(&good[..900], good.len(), 100).is_err(),
            "ended early"
        );
        assert!(
            pass_in_chunks(&good, good.len() - 1, 100).is_err(),
            "too long"
        );
        assert!(pass_in_chunks(&[], 32, 100).is_err(), "nothing");
    }
}
