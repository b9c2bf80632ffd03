//! `GET /cluster/snapshot`: complete, verified, and never silently corrupt.

use etcd_client::proto::{
    PbAlarmResponse, PbMember, PbMemberListResponse, PbResponseHeader, PbSnapshotResponse,
    PbStatusResponse,
};
use http_body_util::BodyExt as _;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use support::auth::{self, ROOT};
use support::gateway::InProcess;
use support::{DEADLINE, Etcd, FakeEtcd, ensure, eventually, fill};

/// Bytes of the checksum after the data.
const SUM: usize = 32;
/// The magic number in the first page of a bolt file: its offset and value.
const MAGIC_AT: usize = 16;
const MAGIC: [u8; 4] = 0xed0c_daed_u32.to_le_bytes();

/// Checks that these bytes are a database with its checksum.
#[track_caller]
pub(crate) fn check(snapshot: &[u8]) {
    let (data, sum) = snapshot.split_at(snapshot.len() - SUM);
    assert_eq!(Sha256::digest(data)[..], *sum);
    assert_eq!(data[MAGIC_AT..MAGIC_AT + 4], MAGIC, "a bolt file");
    assert_eq!(data.len() % 512, 0, "of whole pages");
}

#[tokio::test]
async fn a_snapshot_is_a_file_with_its_checksum() {
    let etcd = Etcd::start().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let api = gateway.api();
    let entries = (0..200).map(|n| (format!("k/{n}").into_bytes(), vec![b'v'; 10_000]));
    fill::fill(&etcd.client().await, entries).await;
    let revision = api.write("last", "a value that occurs nowhere else").await;
    let response = api.get("/cluster/snapshot").send().await.expect(200);
    assert_eq!(response.header("content-type"), "application/octet-stream");
    assert_eq!(
        response.header("content-length"),
        response.body.len().to_string()
    );
    assert!(response.revision() >= revision);
    let cluster = api.get("/cluster").send().await.json(200);
    let id = cluster["members"][0]["id"].as_str().expect("an id");
    assert_eq!(
        response.header("content-disposition"),
        format!(
            "attachment; filename=\"default-{id}-{}.db\"",
            response.revision()
        )
    );
    assert!(response.body.len() > 2_000_000);
    check(&response.body);
    let value = b"a value that occurs nowhere else";
    let mut windows = response.body.windows(value.len());
    assert!(windows.any(|window| window == value));
}

#[tokio::test]
async fn the_result_of_a_download_can_be_learned() {
    let etcd = Etcd::start().await;
    let mut root = etcd.enable_auth().await;
    auth::user(&mut root, "other", "secret", &[]).await;
    let gateway = InProcess::start(&etcd.url(), &["--user", &format!("root:{ROOT}")]).await;
    let api = gateway.api();
    let progress = "/cluster/snapshot/tab-1";
    api.get(progress).send().await.problem(404, "not_found");
    let response = api.get("/cluster/snapshot?id=tab-1").send().await;
    let response = response.expect(200);
    let done = eventually("the result", DEADLINE, async || {
        let done = api.get(progress).send().await.json(200);
        ensure(done["state"] != "running", || done.to_string())?;
        Ok(done)
    })
    .await;
    let length = response.body.len();
    let sum = response.body[length - SUM..].iter();
    let sum = sum.fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    assert_eq!(
        (
            &done["state"],
            &done["sent"],
            &done["length"],
            &done["sha256"]
        ),
        (
            &json!("complete"),
            &json!(length),
            &json!(length),
            &json!(sum)
        )
    );
    assert_eq!(done["revision"], response.revision());
    let again = api.get("/cluster/snapshot?id=tab-1").send().await;
    again.problem(409, "conflict");
    let malformed = api.get("/cluster/snapshot?id=a%2Fb").send().await;
    malformed.problem(400, "bad_request");
    // Other callers do not see it.
    let other = api.with_password("other", "secret");
    other.get(progress).send().await.problem(404, "not_found");
}

#[tokio::test]
async fn a_failed_download_is_reported() {
    let data = [7; 4096];
    let fake = etcd_with_snapshot(&[&data, &[0; SUM]]);
    let gateway = InProcess::start(&fake.url(), &[]).await;
    let api = gateway.api();
    let opened = api.get("/cluster/snapshot?id=x").open().await;
    // The response ends early; its head may not even be sent.
    drop(opened);
    let failed = eventually("the result", DEADLINE, async || {
        let found = api.get("/cluster/snapshot/x").send().await;
        let found = found.json(200);
        ensure(found["state"] != "running", || found.to_string())?;
        Ok(found)
    })
    .await;
    assert_ne!(failed["state"], "complete", "{failed}");
    assert_eq!(failed.get("sha256"), None);
}

fn header() -> PbResponseHeader {
    PbResponseHeader {
        cluster_id: 1,
        member_id: 7,
        revision: 5,
        raft_term: 2,
    }
}

/// An etcd whose snapshot consists of these chunks.
fn etcd_with_snapshot(pieces: &[&[u8]]) -> FakeEtcd {
    let fake = FakeEtcd::start();
    let members = PbMemberListResponse {
        header: Some(header()),
        members: vec![PbMember {
            id: 7,
            name: "fake".into(),
            client_ur_ls: vec![fake.url()],
            ..PbMember::default()
        }],
    };
    fake.respond_with("Cluster/MemberList", &[members]);
    let status = PbStatusResponse {
        header: Some(header()),
        version: "3.7.3".into(),
        leader: 7,
        ..PbStatusResponse::default()
    };
    fake.respond_with("Maintenance/Status", &[status]);
    let alarms = PbAlarmResponse {
        header: Some(header()),
        alarms: Vec::new(),
    };
    fake.respond_with("Maintenance/Alarm", &[alarms]);
    // As etcd counts: the remaining data, without the checksum at the end.
    let whole: usize = pieces.iter().map(|piece| piece.len()).sum();
    let mut left = (whole - SUM) as u64;
    let pieces: Vec<_> = pieces
        .iter()
        .map(|piece| {
            left = left.saturating_sub(piece.len() as u64);
            PbSnapshotResponse {
                remaining_bytes: left,
                blob: piece.to_vec(),
                ..PbSnapshotResponse::default()
            }
        })
        .collect();
    fake.respond_with("Maintenance/Snapshot", &pieces);
    fake
}

/// The announced length of a snapshot, the received bytes, and whether the response was complete.
async fn download(fake: &FakeEtcd) -> (u64, Vec<u8>, bool) {
    let gateway = InProcess::start(&fake.url(), &[]).await;
    let opened = gateway.api().get("/cluster/snapshot").open().await;
    let Ok(mut head) = opened else {
        // A response this small can fail before its head has been sent.
        return (u64::MAX, Vec::new(), false);
    };
    assert_eq!(head.status, 200);
    let length = head.headers["content-length"].to_str().expect("digits");
    let length = length.parse().expect("a number");
    let mut got = Vec::new();
    loop {
        match head.body.frame().await {
            None => return (length, got, true),
            Some(Err(_)) => return (length, got, false),
            Some(Ok(frame)) => got.extend(frame.into_data().unwrap_or_default()),
        }
    }
}

#[tokio::test]
async fn an_intact_snapshot_completes() {
    let data = [7; 4096];
    let sum = Sha256::digest(data);
    let fake = etcd_with_snapshot(&[&data[..1000], &data[1000..], &sum]);
    let (length, got, whole) = download(&fake).await;
    assert!(whole && got.len() as u64 == length);
    assert_eq!((&got[..4096], &got[4096..]), (&data[..], &sum[..]));
}

#[tokio::test]
async fn a_snapshot_with_a_wrong_checksum_does_not_complete() {
    let data = [7; 4096];
    let mut sum = Sha256::digest(data);
    sum[31] ^= 1;
    let (length, got, whole) = download(&etcd_with_snapshot(&[&data, &sum])).await;
    assert!(!whole, "the client must see that it is incomplete");
    assert!((got.len() as u64) < length, "{} of {length}", got.len());
}

#[tokio::test]
async fn a_truncated_snapshot_does_not_complete() {
    let data = [7; 4096];
    let sum = Sha256::digest(data);
    let fake = etcd_with_snapshot(&[&data[..2048], &data[2048..], &sum]);
    let cut = PbSnapshotResponse {
        remaining_bytes: 2048,
        blob: data[..2048].to_vec(),
        ..PbSnapshotResponse::default()
    };
    fake.respond_with("Maintenance/Snapshot", &[cut]);
    let (length, got, whole) = download(&fake).await;
    assert!(!whole && (got.len() as u64) < length);
}

#[tokio::test]
async fn a_refused_snapshot_is_a_problem_document() {
    let fake = etcd_with_snapshot(&[&[0; SUM]]);
    fake.fail_with("Maintenance/Snapshot", 7, "etcdserver: permission denied");
    let gateway = InProcess::start(&fake.url(), &[]).await;
    let response = gateway.api().get("/cluster/snapshot").send().await;
    response.problem(403, "forbidden");
}
