//! Unit tests of framing and parsing of watch calls.

use etcd_client::proto::{PbKeyValue, PbWatchResponse};

use super::*;

fn event(revision: i64, size: usize) -> PbEvent {
    PbEvent {
        r#type: 0,
        kv: Some(PbKeyValue {
            key: format!("k{revision}").into_bytes(),
            value: vec![b'v'; size],
            mod_revision: revision,
            ..PbKeyValue::default()
        }),
        prev_kv: None,
    }
}

fn message(response: &PbWatchResponse) -> Vec<u8> {
    let body = response.encode_to_vec();
    let mut bytes = vec![0];
    bytes.extend_from_slice(&u32::try_from(body.len()).expect("small").to_be_bytes());
    bytes.extend_from_slice(&body);
    bytes
}

fn header(revision: i64) -> PbResponseHeader {
    PbResponseHeader {
        cluster_id: 7,
        member_id: 8,
        revision,
        raft_term: 2,
    }
}

/// Parses the bytes in pieces of `step`.
fn read(bytes: &[u8], step: usize) -> Vec<Response> {
    let mut parser = Parser::default();
    let mut ready = VecDeque::new();
    for piece in bytes.chunks(step) {
        parser.push(piece, &mut ready).expect("well-formed");
    }
    ready.into()
}

#[test]
fn parsing_does_not_depend_on_chunk_sizes() {
    let created = PbWatchResponse {
        header: Some(header(5)),
        watch_id: -1,
        created: true,
        canceled: true,
        compact_revision: 300,
        cancel_reason: "no".repeat(100),
        ..PbWatchResponse::default()
    };
    let events = PbWatchResponse {
        header: Some(header(9)),
        fragment: true,
        events: vec![event(6, 10), event(7, 300), event(8, 0)],
        ..PbWatchResponse::default()
    };
    let mut bytes = message(&created);
    bytes.extend(message(&events));
    bytes.extend(message(&PbWatchResponse::default()));
    for step in [1, 2, 3, 7, 64, 100_000] {
        let responses = read(&bytes, step);
        assert_eq!(responses.len(), 3, "{step}");
        let first = &responses[0];
        assert!(first.created && first.canceled && first.complete);
        assert_eq!(first.compact_revision, 300);
        assert_eq!(first.cancel_reason, created.cancel_reason);
        assert_eq!(first.header, created.header);
        assert_eq!(responses[1].events, events.events, "{step}");
        assert!(responses[1].fragment && !responses[1].continued);
        assert!(responses[2].events.is_empty() && responses[2].complete);
    }
}

#[test]
fn a_large_response_is_delivered_in_chunks() {
    let events: Vec<PbEvent> = (1..=30).map(|n| event(n, 100_000)).collect();
    let response = PbWatchResponse {
        header: Some(header(30)),
        events: events.clone(),
        ..PbWatchResponse::default()
    };
    let responses = read(&message(&response), 16 << 10);
    assert!(responses.len() > 4);
    let (last, before) = responses.split_last().expect("some");
    assert!(last.complete && last.continued && !last.fragment);
    assert!(
        before
            .iter()
            .all(|response| !response.complete && response.events.len() <= 6)
    );
    let all: Vec<PbEvent> = responses
        .into_iter()
        .flat_map(|response| response.events)
        .collect();
    assert_eq!(all, events);
}

#[test]
fn invalid_bytes_are_an_error() {
    for bytes in [
        &[1, 0, 0, 0, 0][..],
        &[0, 0, 0, 0, 2, 0x5a, 0x7f],
        &[0, 0, 0, 0, 3, 0x0b, 0x01, 0x01],
    ] {
        let mut parser = Parser::default();
        assert!(
            parser.push(bytes, &mut VecDeque::new()).is_err(),
            "{bytes:?}"
        );
    }
}

#[test]
fn a_request_has_a_grpc_prefix() {
    let request = WatchRequest {
        create: None,
        progress: Some(WatchProgressRequest {}),
    };
    assert_eq!(&encode_frame(&request)[..], &[0, 0, 0, 0, 2, 0x1a, 0]);
}
