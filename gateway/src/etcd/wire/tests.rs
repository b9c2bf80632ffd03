//! Unit tests of framing and parsing of watch calls.

use etcd_client::proto::{PbEvent, PbKeyValue, PbWatchResponse};

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
    read_with(Parser::new(false), bytes, step)
}

fn read_with(mut parser: Parser, bytes: &[u8], step: usize) -> Vec<Response> {
    let mut ready = VecDeque::new();
    for piece in bytes.chunks(step) {
        parser.push(piece, &mut ready).expect("well-formed");
    }
    ready.into()
}

fn events_of(response: &Response) -> Vec<PbEvent> {
    let events = response.events.iter();
    events.map(|received| received.event.clone()).collect()
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
        assert_eq!(events_of(&responses[1]), events.events, "{step}");
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
    let all: Vec<PbEvent> = responses.iter().flat_map(events_of).collect();
    assert_eq!(all, events);
}

/// Every field of an event, with the values of the key and of the previous one.
fn full_event(revision: i64, value: usize) -> PbEvent {
    let kv = |revision: i64| PbKeyValue {
        key: "k".repeat(300).into_bytes(),
        create_revision: 3,
        mod_revision: revision,
        version: 4,
        value: vec![b'v'; value],
        lease: 0x694d_604f_1cc1_3f0f,
    };
    PbEvent {
        r#type: 1,
        kv: Some(kv(revision)),
        prev_kv: Some(kv(revision - 1)),
    }
}

fn without_values(mut event: PbEvent) -> PbEvent {
    for kv in [&mut event.kv, &mut event.prev_kv].into_iter().flatten() {
        kv.value.clear();
    }
    event
}

#[test]
fn without_values_every_other_field_is_read_whatever_the_chunk_sizes() {
    let events = vec![
        full_event(6, 5_000),
        full_event(7, 0),
        event(8, 0),
        PbEvent {
            kv: Some(PbKeyValue::default()),
            ..PbEvent::default()
        },
        event(9, 40_000),
    ];
    let mut bytes = message(&PbWatchResponse {
        header: Some(header(9)),
        fragment: true,
        events: events.clone(),
        ..PbWatchResponse::default()
    });
    bytes.extend(message(&PbWatchResponse::default()));
    let expected: Vec<PbEvent> = events.into_iter().map(without_values).collect();
    for step in [1, 2, 3, 7, 64, 100_000] {
        let responses = read_with(Parser::new(true), &bytes, step);
        assert_eq!(responses.len(), 2, "{step}");
        assert_eq!(events_of(&responses[0]), expected, "{step}");
        let sizes = responses[0].events.iter().map(|event| event.value_size);
        let sizes: Vec<_> = sizes.collect();
        let expected = [5_000, 0, 0, 0, 40_000].map(Some);
        assert_eq!(sizes, expected, "{step}");
        assert!(responses[0].fragment && responses[0].complete, "{step}");
    }
}

#[test]
fn skipped_values_are_neither_buffered_nor_counted() {
    let events: Vec<PbEvent> = (1..=30).map(|n| event(n, 1 << 20)).collect();
    let bytes = message(&PbWatchResponse {
        header: Some(header(30)),
        events,
        ..PbWatchResponse::default()
    });
    let (mut parser, mut ready) = (Parser::new(true), VecDeque::new());
    for piece in bytes.chunks(16 << 10) {
        parser.push(piece, &mut ready).expect("well-formed");
        assert!(parser.buffered() < 64, "{}", parser.buffered());
    }
    assert_eq!(ready.len(), 1, "30 MiB of values make no chunk");
    assert_eq!(ready[0].events.len(), 30);
}

#[test]
fn invalid_bytes_are_an_error() {
    for bytes in [
        &[1, 0, 0, 0, 0][..],
        &[0, 0, 0, 0, 2, 0x5a, 0x7f],
        &[0, 0, 0, 0, 3, 0x0b, 0x01, 0x01],
        // An event whose key is longer than the event, and one with an unknown wire type in its key.
        &[0, 0, 0, 0, 4, 0x5a, 0x02, 0x12, 0x05],
        &[0, 0, 0, 0, 7, 0x5a, 0x05, 0x12, 0x03, 0x0b, 0x01, 0x01],
    ] {
        for keys_only in [false, true] {
            let mut parser = Parser::new(keys_only);
            assert!(
                parser.push(bytes, &mut VecDeque::new()).is_err(),
                "{bytes:?}"
            );
        }
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
