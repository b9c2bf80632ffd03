use super::*;

fn event(revision: i64) -> Vec<u8> {
    let mut kv = Vec::new();
    prost::encoding::int64::encode(3, &revision, &mut kv);
    let mut event = Vec::new();
    put(&mut event, 2, &kv);
    event
}

fn answer(id: i64, fragment: bool, revisions: &[i64]) -> Bytes {
    let mut out = Vec::new();
    put(&mut out, answer::HEADER, &Header::default().encode_to_vec());
    if id != 0 {
        prost::encoding::int64::encode(answer::WATCH_ID, &id, &mut out);
    }
    if fragment {
        prost::encoding::bool::encode(answer::FRAGMENT, &true, &mut out);
    }
    for revision in revisions {
        put(&mut out, answer::EVENTS, &event(*revision));
    }
    out.into()
}

/// What has been told of a watch that was asked for from revision 5 on.
fn told() -> Told {
    Told::new(Create::default(), 5)
}

/// Passes an answer on; the revisions that the client gets, none where it gets no answer.
fn passed(told: &mut Told, bytes: &Bytes) -> Option<Vec<i64>> {
    let read = Answer::read(bytes).expect("well-formed");
    let kept = told.pass(bytes.clone(), &read)?;
    Some(Answer::read(&kept).expect("well-formed").revisions)
}

#[test]
fn a_watch_goes_on_behind_what_it_has_seen() {
    let mut told = told();
    let seen = passed(&mut told, &answer(0, false, &[5, 5, 9]));
    assert_eq!(seen, Some(vec![5, 5, 9]));
    assert_eq!(told.next, 10);
    // Some versions send what was before the start.
    told.restart();
    assert_eq!(passed(&mut told, &answer(0, false, &[9])), None);
    assert_eq!(
        passed(&mut told, &answer(0, false, &[9, 10])),
        Some(vec![10])
    );
}

#[test]
fn what_was_given_of_an_answer_is_not_given_again() {
    let mut told = told();
    assert_eq!(
        passed(&mut told, &answer(0, true, &[5, 6])),
        Some(vec![5, 6])
    );
    assert_eq!((told.next, told.given), (5, 2));
    // The stream is lost, and another one is opened.
    told.restart();
    assert_eq!(passed(&mut told, &answer(0, true, &[5])), None);
    // Lost once more, before it came as far as the first time.
    told.restart();
    assert_eq!(
        passed(&mut told, &answer(0, false, &[5, 6, 6])),
        Some(vec![6])
    );
    assert_eq!((told.next, told.skip), (7, 0));
}

#[test]
fn the_end_of_a_cut_answer_is_said_even_with_nothing_in_it() {
    let mut told = told();
    passed(&mut told, &answer(0, true, &[5, 6]));
    told.restart();
    assert_eq!(passed(&mut told, &answer(0, false, &[5, 6])), Some(vec![]));
    assert_eq!(told.next, 7);
}

#[test]
fn a_watch_goes_on_behind_what_etcd_says_it_has_seen() {
    let mut told = told();
    told.advance(20);
    assert_eq!(told.next, 21);
    told.advance(7);
    assert_eq!(told.next, 21);
    // Half an answer is none.
    passed(&mut told, &answer(0, true, &[22]));
    told.advance(30);
    assert_eq!(told.next, 21);
    told.restart();
    told.advance(30);
    assert_eq!(told.next, 21, "the rest of it is still to come");
}

#[test]
fn progress_is_told_from_the_rest() {
    let progress = |bytes: &Bytes| Answer::read(bytes).expect("well-formed").is_progress();
    assert!(progress(&answer(-1, false, &[])));
    assert!(!progress(&answer(0, false, &[7])));
    // The end of an answer that was cut.
    assert!(!progress(&answer(0, true, &[])));
    let mut created = answer(0, false, &[]).to_vec();
    prost::encoding::bool::encode(answer::CREATED, &true, &mut created);
    assert!(!progress(&created.into()));
}

#[test]
fn a_refusal_names_the_watch_it_ends() {
    let mut refused = answer(-1, false, &[]).to_vec();
    prost::encoding::bool::encode(answer::CREATED, &true, &mut refused);
    prost::encoding::bool::encode(answer::CANCELED, &true, &mut refused);
    let said = "no".to_owned();
    prost::encoding::string::encode(answer::CANCEL_REASON, &said, &mut refused);
    let ended = Answer::read(&cancelled(&refused, 7)).expect("well-formed");
    assert_eq!(
        (ended.watch_id, ended.canceled, ended.created),
        (7, true, false)
    );
}
