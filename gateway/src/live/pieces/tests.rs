//! Cutting, and duplicates after an interruption.

use shared::{Entry, ServerMessage};

use super::*;

fn put(revision: i64, key: &str, size: usize) -> Event {
    Event::Put {
        entry: Entry {
            key: key.into(),
            value: Some("v".repeat(size).into()),
            create_revision: revision,
            mod_revision: revision,
            version: 1,
            lease: None,
        },
        size: None,
        prev: None,
    }
}

/// Pieces of at most `max_bytes` bytes.
fn pieces(last_delivered: i64, max_bytes: usize) -> Pieces {
    Pieces {
        max_bytes,
        ..Pieces::after(last_delivered)
    }
}

/// One of etcd's responses.
fn response(pieces: &mut Pieces, events: &[Event], more: bool) {
    for event in events {
        pieces.push(event);
    }
    pieces.end(more);
}

/// The pieces: for each its revision, whether it continues, and the keys with their revisions.
fn out(pieces: &mut Pieces) -> Vec<String> {
    let mut lines = Vec::new();
    while let Some(piece) = pieces.pop() {
        let text = piece.message.text(r#""w""#);
        let ServerMessage::Events {
            revision,
            events,
            folders,
            unlisted,
            more,
            ..
        } = serde_json::from_slice(&text).expect("a message")
        else {
            panic!("not an `events` message");
        };
        assert_eq!((piece.revision, piece.more), (revision, more));
        assert_eq!(unlisted, 0);
        let keys = events
            .iter()
            .map(|event| format!("{}@{}", event.key().to_lossy(), event.mod_revision()));
        let folders = folders.iter().map(|folder| {
            let count = folder.created + folder.updated + folder.deleted;
            format!("{}×{count}@{}", folder.prefix.to_lossy(), folder.revision)
        });
        let keys = keys.chain(folders).collect::<Vec<_>>().join(" ");
        lines.push(format!(
            "{revision}{}: {keys}",
            if more { " more" } else { "" }
        ));
    }
    lines
}

#[test]
fn whole_revisions_share_a_piece() {
    let mut p = pieces(4, 10_000);
    response(
        &mut p,
        &[put(5, "a", 1), put(5, "b", 1), put(6, "c", 1)],
        false,
    );
    assert_eq!(out(&mut p), ["6: a@5 b@5 c@6"]);
    assert_eq!(p.last_delivered(), 6);
}

#[test]
fn delivered_revisions_are_dropped() {
    let mut p = pieces(4, 10_000);
    response(
        &mut p,
        &[put(3, "a", 1), put(4, "b", 1), put(6, "c", 1)],
        false,
    );
    response(&mut p, &[put(5, "late", 1), put(6, "again", 1)], false);
    assert_eq!(out(&mut p), ["6: c@6"]);
}

#[test]
fn a_large_revision_is_cut_and_shares_no_piece() {
    let mut p = pieces(0, 300);
    let mut events = vec![put(5, "a", 1)];
    events.extend((0..4).map(|n| put(6, &format!("b{n}"), 100)));
    events.push(put(7, "c", 1));
    response(&mut p, &events, false);
    assert_eq!(
        out(&mut p),
        [
            "5: a@5",
            "6 more: b0@6",
            "6 more: b1@6",
            "6 more: b2@6",
            "6: b3@6",
            "7: c@7"
        ]
    );
}

#[test]
fn many_small_revisions_are_split_between_revisions() {
    let mut p = pieces(0, 400);
    let events: Vec<Event> = (1..=6).map(|n| put(n, "k", 60)).collect();
    response(&mut p, &events, false);
    let lines = out(&mut p);
    assert!(lines.len() > 1 && lines.iter().all(|line| !line.contains("more")));
    assert_eq!(p.last_delivered(), 6);
}

#[test]
fn a_response_that_ends_inside_a_small_revision_keeps_it_whole() {
    let mut p = pieces(0, 10_000);
    response(&mut p, &[put(5, "a", 1), put(6, "b", 1)], true);
    assert_eq!(out(&mut p), ["5: a@5"]);
    assert_eq!(p.last_delivered(), 5);
    response(&mut p, &[put(6, "c", 1), put(7, "d", 1)], true);
    assert_eq!(out(&mut p), ["6: b@6 c@6"]);
    response(&mut p, &[], false);
    assert_eq!(out(&mut p), ["7: d@7"]);
}

#[test]
fn after_an_interruption_inside_a_revision_duplicates_are_dropped() {
    let mut p = pieces(0, 300);
    let events: Vec<Event> = (0..4).map(|n| put(6, &format!("b{n}"), 100)).collect();
    response(&mut p, &events[..3], true);
    assert_eq!(out(&mut p), ["6 more: b0@6", "6 more: b1@6"]);
    assert!(p.inside_revision());
    assert_eq!(p.resume_from(), 6);
    p.interrupt();
    response(&mut p, &events, false);
    assert_eq!(out(&mut p), ["6 more: b2@6", "6: b3@6"]);
    assert_eq!((p.resume_from(), p.inside_revision()), (7, false));
}

#[test]
fn after_an_interruption_before_its_first_piece_a_revision_is_read_again() {
    let mut p = pieces(0, 10_000);
    response(&mut p, &[put(5, "a", 1), put(6, "b", 1)], true);
    assert_eq!(out(&mut p), ["5: a@5"]);
    p.interrupt();
    assert_eq!(p.resume_from(), 6);
    response(&mut p, &[put(6, "b", 1), put(6, "c", 1)], false);
    assert_eq!(out(&mut p), ["6: b@6 c@6"]);
}

#[test]
fn progress_advances_only_between_revisions() {
    let mut p = pieces(4, 10_000);
    assert!(p.advance(9));
    assert!(!p.advance(9) && !p.advance(3));
    response(&mut p, &[put(9, "old", 1), put(10, "a", 1)], true);
    assert!(!p.advance(12), "revision 10 may continue");
    assert_eq!(p.resume_from(), 10);
    response(&mut p, &[], false);
    assert_eq!(out(&mut p), ["10: a@10"]);
}

#[test]
fn an_event_larger_than_a_piece_is_sent_alone() {
    let mut p = pieces(0, 300);
    response(
        &mut p,
        &[put(5, "a", 1), put(5, "big", 900), put(5, "z", 1)],
        false,
    );
    assert_eq!(out(&mut p), ["5 more: a@5", "5 more: big@5", "5: z@5"]);
}

/// Pieces in which every folder but `open/` is closed.
fn collapsing(max_bytes: usize) -> Pieces {
    let open = vec![b"open/".to_vec()];
    let collapse = Collapse::new(b"", b"/".to_vec(), open).expect("valid");
    pieces(0, max_bytes).collapsing(Some(&Arc::new(collapse)))
}

#[test]
fn with_closed_folders_complete_revisions_are_held_until_flushed() {
    let mut p = collapsing(10_000);
    let events = [
        put(5, "closed/a", 1),
        put(5, "key", 1),
        put(6, "closed/b", 1),
        put(7, "open/a", 1),
    ];
    response(&mut p, &events, false);
    assert_eq!((p.held(), p.last_delivered()), (Held::Events, 7));
    assert!(out(&mut p).is_empty() && !p.advance(9));
    p.flush();
    assert_eq!(out(&mut p), ["7: key@5 open/a@7 closed/×2@6"]);
    response(&mut p, &[put(8, "closed/a", 1)], false);
    assert_eq!(p.held(), Held::Folders);
    p.flush();
    assert_eq!(out(&mut p), ["8: closed/×1@8"]);
    assert!(p.held() == Held::Nothing && p.advance(9));
}

#[test]
fn a_piece_counts_only_folders_of_its_own_revisions() {
    let mut p = collapsing(300);
    let events = [
        put(5, "a", 100),
        put(5, "closed/a", 1),
        put(6, "b", 100),
        put(6, "closed/b", 1),
    ];
    response(&mut p, &events, false);
    assert_eq!(out(&mut p), ["5: a@5 closed/×1@5"], "full");
    p.flush();
    assert_eq!(out(&mut p), ["6: b@6 closed/×1@6"]);
}

#[test]
fn the_folders_of_a_revision_that_is_cut_come_with_its_last_piece_and_once() {
    let mut p = collapsing(300);
    let mut events = vec![put(5, "closed/x", 1), put(6, "closed/a", 1)];
    events.extend((0..3).map(|n| put(6, &format!("b{n}"), 100)));
    events.push(put(6, "closed/b", 1));
    response(&mut p, &events, true);
    assert_eq!(
        out(&mut p),
        ["5: closed/×1@5", "6 more: b0@6", "6 more: b1@6"]
    );
    p.interrupt();
    response(&mut p, &events[1..], false);
    assert_eq!(out(&mut p), ["6: b2@6 closed/×2@6"]);
}

#[test]
fn after_an_interruption_the_folders_of_an_incomplete_revision_are_counted_again() {
    let mut p = collapsing(10_000);
    response(
        &mut p,
        &[put(5, "closed/a", 1), put(6, "closed/a", 1)],
        true,
    );
    p.flush();
    assert_eq!(out(&mut p), ["5: closed/×1@5"]);
    p.interrupt();
    assert_eq!(p.resume_from(), 6);
    response(
        &mut p,
        &[put(6, "closed/a", 1), put(6, "closed/b", 1)],
        false,
    );
    p.flush();
    assert_eq!(out(&mut p), ["6: closed/×2@6"]);
}
