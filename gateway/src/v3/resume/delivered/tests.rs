use super::*;

fn event(revision: i64) -> Vec<u8> {
    let mut kv = Vec::new();
    prost::encoding::int64::encode(3, &revision, &mut kv);
    let mut event = Vec::new();
    put(&mut event, 2, &kv);
    event
}

fn response(id: i64, fragment: bool, revisions: &[i64]) -> Bytes {
    let mut out = Vec::new();
    put(&mut out, number::HEADER, &Header::default().encode_to_vec());
    if id != 0 {
        prost::encoding::int64::encode(number::WATCH_ID, &id, &mut out);
    }
    if fragment {
        prost::encoding::bool::encode(number::FRAGMENT, &true, &mut out);
    }
    for revision in revisions {
        put(&mut out, number::EVENTS, &event(*revision));
    }
    out.into()
}

/// A watch created from revision 5 on.
fn delivered() -> Delivered {
    Delivered::new(Create::default(), 5)
}

/// The revisions that the client gets of a response; `None` if it gets no response.
fn filtered(delivered: &mut Delivered, bytes: &Bytes) -> Option<Vec<i64>> {
    let decoded = WatchResponse::decode(bytes).expect("well-formed");
    let kept = delivered.filter(bytes.clone(), &decoded)?;
    Some(WatchResponse::decode(&kept).expect("well-formed").revisions)
}

#[test]
fn events_before_the_resume_revision_are_dropped() {
    let mut delivered = delivered();
    let revisions = filtered(&mut delivered, &response(0, false, &[5, 5, 9]));
    assert_eq!(revisions, Some(vec![5, 5, 9]));
    assert_eq!(delivered.next, 10);
    // Some releases of etcd send events from before the start revision.
    delivered.restart();
    assert_eq!(filtered(&mut delivered, &response(0, false, &[9])), None);
    assert_eq!(
        filtered(&mut delivered, &response(0, false, &[9, 10])),
        Some(vec![10])
    );
}

#[test]
fn events_of_a_fragmented_response_are_not_delivered_twice() {
    let mut delivered = delivered();
    assert_eq!(
        filtered(&mut delivered, &response(0, true, &[5, 6])),
        Some(vec![5, 6])
    );
    assert_eq!((delivered.next, delivered.received), (5, 2));
    // The stream is lost, and another one is opened.
    delivered.restart();
    assert_eq!(filtered(&mut delivered, &response(0, true, &[5])), None);
    // Lost again, after fewer events than the first time.
    delivered.restart();
    assert_eq!(
        filtered(&mut delivered, &response(0, false, &[5, 6, 6])),
        Some(vec![6])
    );
    assert_eq!((delivered.next, delivered.duplicates), (7, 0));
}

#[test]
fn the_last_fragment_is_delivered_even_without_events() {
    let mut delivered = delivered();
    filtered(&mut delivered, &response(0, true, &[5, 6]));
    delivered.restart();
    assert_eq!(
        filtered(&mut delivered, &response(0, false, &[5, 6])),
        Some(vec![])
    );
    assert_eq!(delivered.next, 7);
}

#[test]
fn progress_advances_the_resume_revision() {
    let mut delivered = delivered();
    delivered.advance(20);
    assert_eq!(delivered.next, 21);
    delivered.advance(7);
    assert_eq!(delivered.next, 21);
    // Not within a fragmented response.
    filtered(&mut delivered, &response(0, true, &[22]));
    delivered.advance(30);
    assert_eq!(delivered.next, 21);
    delivered.restart();
    delivered.advance(30);
    assert_eq!(delivered.next, 21, "the rest of it is still to come");
}

#[test]
fn progress_is_distinguished_from_other_responses() {
    let is_progress = |bytes: &Bytes| {
        WatchResponse::decode(bytes)
            .expect("well-formed")
            .is_progress()
    };
    assert!(is_progress(&response(-1, false, &[])));
    assert!(!is_progress(&response(0, false, &[7])));
    // A fragment without events.
    assert!(!is_progress(&response(0, true, &[])));
    let mut created = response(0, false, &[]).to_vec();
    prost::encoding::bool::encode(number::CREATED, &true, &mut created);
    assert!(!is_progress(&created.into()));
}

#[test]
fn a_refused_creation_cancels_the_watch_by_its_id() {
    let mut refused = response(-1, false, &[]).to_vec();
    prost::encoding::bool::encode(number::CREATED, &true, &mut refused);
    prost::encoding::bool::encode(number::CANCELED, &true, &mut refused);
    let reason = "no".to_owned();
    prost::encoding::string::encode(number::CANCEL_REASON, &reason, &mut refused);
    let ended = WatchResponse::decode(&cancelled(&refused, 7)).expect("well-formed");
    assert_eq!(
        (ended.watch_id, ended.canceled, ended.created),
        (7, true, false)
    );
}
