use shared::{Bytes, Entry, Event, FolderChange};

use super::{Backlog, FolderChanges, MAX_BYTES, MAX_EVENTS, Queued};

fn put(key: &str, value: usize) -> Event {
    Event::Put {
        entry: Entry {
            key: Bytes::from(key),
            value: Some(vec![0; value].into()),
            create_revision: 1,
            mod_revision: 1,
            version: 1,
            lease: None,
        },
        size: None,
        prev: None,
    }
}

#[test]
fn sizes_are_kept_and_values_are_not() {
    let mut backlog = Backlog::default();
    assert!(backlog.is_empty() && backlog.push(vec![put("a", 1_000_000)]));
    let events = backlog.take().expect("no overflow");
    let Queued::Event(queued) = &events[0] else {
        panic!("an event");
    };
    let Event::Put { entry, .. } = &queued.event else {
        panic!("a put");
    };
    assert_eq!((&entry.value, queued.size), (&None, 1_000_000));
    assert!(backlog.is_empty());
}

#[test]
fn the_backlog_is_bounded_and_reports_an_overflow() {
    let mut backlog = Backlog::default();
    for _ in 0..MAX_EVENTS / 1_000 {
        assert!(backlog.push((0..1_000).map(|_| put("k", 0)).collect()));
    }
    assert!(!backlog.push(vec![put("k", 0)]), "one too many");
    assert!(!backlog.push(vec![put("k", 0)]), "nothing after a gap");
    assert!(backlog.events.is_empty() && !backlog.is_empty());
    assert_eq!(backlog.take(), None);
    assert!(backlog.push(vec![put("k", 0)]) && backlog.take().is_some());

    let long = "k".repeat(MAX_BYTES / 4);
    for queued in [true, true, true, true, false] {
        assert_eq!(backlog.push(vec![put(&long, 0)]), queued);
    }
}

#[test]
fn changed_folders_count_like_events() {
    let folder = FolderChange {
        prefix: Bytes::from("a/"),
        created: 1,
        updated: 0,
        deleted: 0,
        revision: 2,
    };
    let changes = |folders: usize| FolderChanges {
        after: 1,
        folders: vec![folder.clone(); folders],
        incomplete: false,
    };
    let mut backlog = Backlog::default();
    assert!(backlog.push_folders(changes(MAX_EVENTS)));
    assert!(!backlog.push_folders(changes(0)));
    assert_eq!(backlog.take(), None);
    assert!(backlog.push_folders(changes(1)));
    let taken = backlog.take().expect("no overflow");
    assert_eq!(taken, [Queued::Folders(changes(1))]);
}
