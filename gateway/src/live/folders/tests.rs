//! Which folder a key counts for, and sums of changes.

use shared::{Bytes, Entry};

use super::*;

fn collapse(prefix: &str, separator: &str, open: &[&str]) -> Collapse {
    let open = open.iter().map(|folder| folder.as_bytes().to_vec());
    Collapse::new(
        prefix.as_bytes(),
        separator.as_bytes().to_vec(),
        open.collect(),
    )
    .expect("valid")
}

#[test]
fn a_key_counts_for_the_topmost_closed_folder() {
    let check = |prefix: &str, open: &[&str], key: &str, folder: Option<&str>| {
        let collapse = collapse(prefix, "/", open);
        let found = collapse.closed_folder_of(key.as_bytes());
        assert_eq!(found, folder.map(str::as_bytes), "{key}, open: {open:?}");
    };
    check("", &[], "key", None);
    check("", &[], "/a/b", Some("/"));
    check("", &["/"], "/a", None);
    check("", &["/"], "/a/", Some("/a/"));
    check("", &["/"], "/a/b/c", Some("/a/"));
    check("", &["/", "/a/"], "/a/b/c", Some("/a/b/"));
    check("", &["/", "/a/"], "/a/", None);
    check("", &["/", "/a/"], "/a//b", Some("/a//"));
    // A folder in a closed one is closed.
    check("", &["/", "/a/b/"], "/a/b/c", Some("/a/"));
    check("/a/", &["/a/b/"], "/a/b/c", None);
    check("/a", &[], "/ab/c", Some("/ab/"));
    check("/a", &[], "/a/c", Some("/a/"));
}

#[test]
fn a_separator_may_be_any_text() {
    let collapse = collapse("", "::", &["a::"]);
    assert_eq!(collapse.closed_folder_of(b"a:b"), None);
    assert_eq!(collapse.closed_folder_of(b"a::b"), None);
    assert_eq!(collapse.closed_folder_of(b"a::b::c"), Some(&b"a::b::"[..]));
    assert!(Collapse::new(b"", Vec::new(), Vec::new()).is_err());
    let open = |folders: usize| (0..folders).map(|n| n.to_string().into_bytes()).collect();
    assert!(Collapse::new(b"", b"/".to_vec(), open(MAX_OPEN)).is_ok());
    assert!(Collapse::new(b"", b"/".to_vec(), open(MAX_OPEN + 1)).is_err());
}

fn put(key: &str, revision: i64, version: i64) -> Event {
    Event::Put {
        entry: Entry {
            key: key.into(),
            value: None,
            create_revision: 1,
            mod_revision: revision,
            version,
            lease: None,
        },
        size: None,
        prev: None,
    }
}

fn delete(key: &str, revision: i64) -> Event {
    Event::Delete {
        key: key.into(),
        mod_revision: revision,
        prev: None,
    }
}

fn taken(folders: &mut Folders) -> serde_json::Value {
    let members = String::from_utf8(folders.take()).expect("JSON is UTF-8");
    serde_json::from_str(&format!("{{\"revision\":1{members}}}")).expect("members of an object")
}

#[test]
fn changes_are_summed_by_folder_once_their_revision_is_complete() {
    let mut folders = Folders::new(Arc::new(collapse("", "/", &[])));
    assert!(!folders.count(&put("key", 5, 1)), "not in a folder");
    for event in [
        put("a/1", 5, 1),
        put("a/1", 6, 2),
        put("a/2", 7, 1),
        delete("a/1", 8),
        delete("b/1", 9),
    ] {
        assert!(folders.is_empty() || event.mod_revision() > 5);
        assert!(folders.count(&event));
        folders.complete_revision();
    }
    // Interrupted inside a revision: etcd re-sends it.
    assert!(folders.count(&put("a/3", 10, 1)));
    folders.interrupt();
    folders.complete_revision();
    assert_eq!(
        taken(&mut folders),
        serde_json::json!({"revision": 1, "folders": [
            {"prefix": "a/", "created": 2, "updated": 1, "deleted": 1, "revision": 8},
            {"prefix": "b/", "deleted": 1, "revision": 9},
        ]})
    );
    assert!(folders.is_empty() && folders.take().is_empty());
}

#[test]
fn the_number_of_folders_is_bounded_and_the_rest_is_reported() {
    let mut folders = Folders::new(Arc::new(collapse("", "/", &[])));
    for n in 0..MAX_FOLDERS + 3 {
        assert!(folders.count(&put(&format!("{n}/x"), 5, 1)));
    }
    assert!(folders.count(&put("0/x", 5, 2)), "a listed one");
    folders.complete_revision();
    let members = taken(&mut folders);
    assert_eq!(members["unlisted"], 3);
    let listed: Vec<FolderChange> =
        serde_json::from_value(members["folders"].clone()).expect("folders");
    assert_eq!(listed.len(), MAX_FOLDERS);
    assert_eq!(listed[0].prefix, Bytes::from("0/"));
    assert_eq!((listed[0].created, listed[0].updated), (1, 1));
}
