use shared::{Bytes, Entry, Event, Folder, Header, MemberId, TreeLevel};

use super::rows::{Move, best, step, typeahead};
use super::{Coverage, Name, PageRequest, RowKind, Tree, Typed, ancestors, typed};

pub(super) fn name(text: &str) -> Name {
    text.as_bytes().into()
}

pub(super) fn entry(key: &str, revision: i64, version: i64) -> Entry {
    Entry {
        key: Bytes::from(key),
        value: None,
        create_revision: 1,
        mod_revision: revision,
        version,
        lease: None,
    }
}

pub(super) fn page(
    prefix: &str,
    revision: i64,
    folders: &[&str],
    keys: &[&str],
    next: Option<&str>,
) -> TreeLevel {
    TreeLevel {
        header: Header {
            cluster_id: MemberId(1),
            member_id: MemberId(1),
            revision,
            raft_term: 1,
        },
        prefix: Bytes::from(prefix),
        folders: folders
            .iter()
            .map(|folder| Folder {
                name: Bytes::from(&folder[prefix.len()..]),
                prefix: Bytes::from(*folder),
                count: None,
            })
            .collect(),
        entries: keys.iter().map(|key| entry(key, 1, 1)).collect(),
        next: next.map(str::to_owned),
    }
}

pub(super) fn put(key: &str, revision: i64, version: i64) -> Event {
    Event::Put {
        entry: entry(key, revision, version),
        size: None,
        prev: None,
    }
}

pub(super) fn delete(key: &str, revision: i64) -> Event {
    Event::Delete {
        key: Bytes::from(key),
        mod_revision: revision,
        prev: None,
    }
}

pub(super) fn load(tree: &mut Tree, prefix: &str, revision: i64, folders: &[&str], keys: &[&str]) {
    assert!(
        tree.request_page(&name(prefix)).is_some(),
        "{prefix} is missing"
    );
    tree.merge(
        &name(prefix),
        true,
        page(prefix, revision, folders, keys, None),
    );
}

/// Rows as `depth:label`, folders with a slash, an ellipsis for a missing page.
pub(super) fn render(tree: &Tree, filter: &str) -> String {
    let show = |row: &super::Row| {
        let label = String::from_utf8_lossy(row.label()).into_owned();
        match row.kind {
            RowKind::Folder { open } => {
                format!("{}:{label}{}", row.depth, if open { "/-" } else { "/+" })
            }
            RowKind::Key => format!("{}:{label}", row.depth),
            RowKind::More => format!("{}:…", row.depth),
            RowKind::Rest => format!("{}:+…", row.depth),
            RowKind::Failed => format!("{}:!", row.depth),
        }
    };
    tree.rows(filter)
        .iter()
        .map(show)
        .collect::<Vec<_>>()
        .join(" ")
}

pub(super) fn cron() -> Tree {
    let mut tree = Tree::default();
    load(&mut tree, "", 10, &["/", "dev/"], &["foo"]);
    load(&mut tree, "/", 10, &["/cron/"], &["/a"]);
    tree.expand(&name("/cron/"));
    load(&mut tree, "/cron/", 10, &["/cron/jobs/"], &["/cron/x"]);
    tree
}

#[test]
fn levels_become_rows_and_the_root_slash_has_none() {
    let mut tree = cron();
    assert_eq!(
        render(&tree, ""),
        "0:/a 0:/cron/- 1:jobs/+ 1:x 0:dev/+ 0:foo"
    );
    tree.collapse(b"/cron/");
    assert_eq!(render(&tree, ""), "0:/a 0:/cron/+ 0:dev/+ 0:foo");
}

#[test]
fn unusual_keys_all_have_distinct_rows() {
    let mut tree = Tree::default();
    load(&mut tree, "", 10, &["/", "a/"], &["%", "+", "?"]);
    load(&mut tree, "/", 10, &["/a/"], &["/", "/a"]);
    for prefix in ["/a/", "a/", "/a//", "a/../"] {
        tree.expand(&name(prefix));
    }
    load(&mut tree, "/a/", 10, &["/a//"], &["/a/", "/a/b"]);
    load(&mut tree, "/a//", 10, &[], &["/a//b"]);
    load(&mut tree, "a/", 10, &["a/../"], &["a/b"]);
    load(&mut tree, "a/../", 10, &[], &["a/../b"]);
    assert_eq!(
        render(&tree, ""),
        "0:% 0:+ 0:/ 0:/a 0:/a/- 1: 1://- 2:b 1:b 0:? 0:a/- 1:../- 2:b 1:b"
    );
}

#[test]
fn puts_add_keys_and_folders() {
    let mut tree = cron();
    let touched = tree.apply(&put("/cron/y", 11, 1));
    assert_eq!(
        touched.shown,
        [
            (false, name("/cron/y")),
            (true, name("/cron/")),
            (true, name("/"))
        ]
    );
    tree.apply(&put("new/key", 12, 1));
    assert_eq!(
        render(&tree, ""),
        "0:/a 0:/cron/- 1:jobs/+ 1:x 1:y 0:dev/+ 0:foo 0:new/+"
    );
}

#[test]
fn events_older_than_the_page_change_nothing() {
    let mut tree = cron();
    tree.apply(&delete("/cron/x", 10));
    tree.apply(&put("/cron/old", 9, 1));
    assert_eq!(
        render(&tree, ""),
        "0:/a 0:/cron/- 1:jobs/+ 1:x 0:dev/+ 0:foo"
    );
}

#[test]
fn deleting_the_last_key_removes_its_folders() {
    let mut tree = cron();
    tree.expand(&name("/cron/jobs/"));
    load(&mut tree, "/cron/jobs/", 11, &[], &["/cron/jobs/j"]);
    tree.apply(&delete("/cron/x", 12));
    assert_eq!(
        tree.apply(&delete("/cron/jobs/j", 13)).maybe_empty,
        Vec::<Name>::new()
    );
    assert_eq!(render(&tree, ""), "0:/a 0:dev/+ 0:foo");
}

#[test]
fn a_folder_that_may_be_empty_is_counted() {
    let mut tree = cron();
    assert_eq!(
        tree.apply(&delete("dev/lock/a", 11)).maybe_empty,
        [name("dev/")]
    );
    assert!(tree.begin_count(&name("dev/")));
    assert!(!tree.begin_count(&name("dev/")), "one request at a time");
    tree.counted(&name("dev/"), 0, 11);
    assert_eq!(
        (render(&tree, "dev").as_str(), tree.count(b"dev/")),
        ("", Some(0))
    );
    tree.apply(&put("dev/new", 12, 1));
    assert_eq!(
        (render(&tree, "dev").as_str(), tree.count(b"dev/")),
        ("0:dev/+", Some(1))
    );
}

#[test]
fn an_empty_count_older_than_a_put_removes_nothing() {
    let mut tree = cron();
    tree.apply(&delete("dev/a", 11));
    tree.begin_count(&name("dev/"));
    tree.apply(&put("dev/b", 12, 1));
    tree.counted(&name("dev/"), 0, 11);
    assert_eq!(
        (tree.count(b"dev/"), render(&tree, "dev").as_str()),
        (Some(1), "0:dev/+")
    );
}

#[test]
fn a_prefix_within_a_name_is_a_level_too() {
    let mut tree = cron();
    load(&mut tree, "/cron/jo", 10, &["/cron/jobs/"], &[]);
    tree.apply(&put("/cron/joke", 11, 1));
    tree.apply(&put("/cron/other", 12, 1));
    let level = tree.level(b"/cron/jo").expect("the level is loaded");
    assert_eq!(
        level
            .items()
            .map(|(name, _)| name.clone())
            .collect::<Vec<_>>(),
        [name("/cron/jobs/"), name("/cron/joke")]
    );
}

#[test]
fn events_update_counts() {
    let mut tree = cron();
    assert_eq!(tree.count(b"/cron/"), None);
    tree.begin_count(&name("/cron/"));
    tree.counted(&name("/cron/"), 5, 10);
    tree.apply(&put("/cron/new", 11, 1));
    tree.apply(&put("/cron/new", 12, 2));
    tree.apply(&delete("/cron/jobs/a", 13));
    tree.apply(&delete("/cron/jobs/b", 13));
    assert_eq!(tree.count(b"/cron/"), Some(4));
}

#[test]
fn events_beyond_the_loaded_pages_are_applied_with_their_page() {
    let mut tree = Tree::default();
    assert_eq!(
        tree.request_page(&name("")),
        Some(PageRequest {
            prefix: name(""),
            cursor: None,
            replaces: 0,
        })
    );
    assert_eq!(tree.request_page(&name("")), None, "one page at a time");
    tree.apply(&put("early", 11, 1));
    tree.apply(&put("a0", 9, 1));
    tree.merge(&name(""), true, page("", 10, &[], &["a", "b"], Some("c1")));
    assert_eq!(render(&tree, ""), "0:a 0:b 0:…");
    tree.apply(&put("a1", 12, 1));
    tree.apply(&delete("d", 13));
    tree.apply(&put("z/z", 14, 1));
    assert_eq!(
        tree.request_page(&name("")),
        Some(PageRequest {
            prefix: name(""),
            cursor: Some("c1".to_owned()),
            replaces: 0,
        })
    );
    tree.merge(&name(""), false, page("", 10, &[], &["c", "d", "f"], None));
    assert_eq!(render(&tree, ""), "0:a 0:a1 0:b 0:c 0:early 0:f 0:z/+");
}

#[test]
fn a_failed_page_can_be_requested_again() {
    let mut tree = Tree::default();
    tree.request_page(&name(""));
    tree.fail(b"");
    assert_eq!(render(&tree, ""), "0:!");
    assert!(tree.request_page(&name("")).is_some());
}

#[test]
fn invalidated_levels_keep_their_rows_until_the_new_pages_arrive() {
    let mut tree = cron();
    let mut again = tree.invalidate();
    again.sort();
    assert_eq!(again, [name(""), name("/cron/")]);
    assert!(render(&tree, "").contains("0:dev/+"));
    tree.apply(&put("later", 21, 1));
    load(&mut tree, "", 20, &["dev/"], &[]);
    assert_eq!(render(&tree, ""), "0:dev/+ 0:later");
}

#[test]
fn the_filter_keeps_matching_items_and_their_folders() {
    let mut tree = cron();
    tree.collapse(b"/cron/");
    assert_eq!(render(&tree, "X"), "0:/cron/- 1:x");
    assert_eq!(render(&tree, "oo"), "0:foo");
    assert_eq!(render(&tree, "nothing"), "");
}

#[test]
fn the_cursor_moves_over_rows() {
    let rows = cron().rows("");
    for (at, by, to) in [
        (Some(0), Move::Next, Some(1)),
        (Some(0), Move::Previous, Some(0)),
        (Some(5), Move::Next, Some(5)),
        (None, Move::Next, Some(0)),
        (None, Move::Last, Some(5)),
        (Some(3), Move::Parent, Some(1)),
        (Some(0), Move::Parent, None),
        (Some(99), Move::First, Some(0)),
    ] {
        assert_eq!(step(&rows, at, by), to, "{at:?} {by:?}");
    }
    assert_eq!(step(&[], Some(0), Move::Next), None);
    assert_eq!(typeahead(&rows, Some(0), "d"), Some(4));
    assert_eq!(
        typeahead(&rows, Some(4), "c"),
        Some(1),
        "wraps around, and ignores the slash"
    );
    assert_eq!(typeahead(&rows, Some(1), "cr"), Some(1));
    assert_eq!(typeahead(&rows, None, "zz"), None);
}

#[test]
fn ancestors_are_the_prefixes_above() {
    for (key, above) in [
        ("/a/b", vec!["", "/", "/a/"]),
        ("a", vec![""]),
        ("/a/", vec!["", "/"]),
        ("", vec![""]),
    ] {
        assert_eq!(
            ancestors(key.as_bytes()),
            above.into_iter().map(name).collect::<Vec<_>>(),
            "{key}"
        );
    }
}

/// A folder whose first page is loaded, and which has another one.
fn long_folder() -> Tree {
    let mut tree = Tree::default();
    load(&mut tree, "", 10, &["a/", "z/"], &[]);
    tree.expand(&name("a/"));
    tree.request_page(&name("a/"));
    tree.merge(
        &name("a/"),
        true,
        page("a/", 10, &[], &["a/k1", "a/k2"], Some("c1")),
    );
    tree
}

#[test]
fn a_found_key_beyond_the_pages_has_a_row() {
    let mut tree = long_folder();
    let above = ancestors(b"a/k9");
    assert_eq!(tree.coverage(&above, b"a/k9"), Coverage::Beyond);
    tree.add_found(&entry("a/k9", 5, 1), 10);
    assert_eq!(tree.coverage(&above, b"a/k9"), Coverage::Covered);
    // The page between is loaded only on request: it would push the key out of view.
    assert_eq!(render(&tree, ""), "0:a/- 1:k1 1:k2 1:+… 1:k9 0:z/+");
    tree.add_found(&entry("a/k1", 5, 1), 10);
    tree.add_found(&entry("a/sub/deep", 5, 1), 10);
    assert_eq!(
        render(&tree, ""),
        "0:a/- 1:k1 1:k2 1:+… 1:k9 1:sub/+ 0:z/+",
        "loaded items are not duplicated"
    );
    tree.apply(&put("a/k9", 11, 2));
    assert_eq!(tree.meta(b"a/k9").map(|meta| meta.version), Some(2));
    tree.apply(&delete("a/k9", 12));
    let maybe_empty = tree.apply(&delete("a/sub/deep", 13)).maybe_empty;
    assert!(maybe_empty.contains(&name("a/sub/")), "{maybe_empty:?}");
    tree.counted(&name("a/sub/"), 0, 13);
    assert_eq!(render(&tree, ""), "0:a/- 1:k1 1:k2 1:… 0:z/+");
}

#[test]
fn a_page_that_reaches_found_items_replaces_them() {
    let mut tree = long_folder();
    tree.add_found(&entry("a/k4", 5, 1), 10);
    tree.add_found(&entry("a/k9", 5, 1), 10);
    tree.request_page(&name("a/"));
    tree.merge(
        &name("a/"),
        false,
        page("a/", 10, &[], &["a/k3", "a/k4"], Some("c2")),
    );
    assert_eq!(
        render(&tree, ""),
        "0:a/- 1:k1 1:k2 1:k3 1:k4 1:+… 1:k9 0:z/+"
    );
    assert!(tree.forget_found());
    assert_eq!(render(&tree, ""), "0:a/- 1:k1 1:k2 1:k3 1:k4 1:… 0:z/+");
}

#[test]
fn an_event_newer_than_the_search_result_wins() {
    let mut tree = long_folder();
    tree.apply(&delete("a/k8", 12));
    tree.apply(&put("a/k9", 13, 7));
    tree.add_found(&entry("a/k8", 5, 1), 11);
    tree.add_found(&entry("a/k9", 5, 1), 11);
    assert_eq!(render(&tree, ""), "0:a/- 1:k1 1:k2 1:+… 1:k9 0:z/+");
    assert_eq!(tree.meta(b"a/k9").map(|meta| meta.version), Some(7));
}

#[test]
fn the_end_is_known_after_the_last_page() {
    let mut tree = Tree::default();
    assert_eq!(tree.unloaded_end(), None);
    load(&mut tree, "", 10, &["a/", "z/"], &[]);
    assert_eq!(tree.unloaded_end(), None);
    tree.expand(&name("z/"));
    tree.request_page(&name("z/"));
    tree.merge(&name("z/"), true, page("z/", 10, &[], &["z/1"], Some("c")));
    tree.add_found(&entry("z/9", 5, 1), 10);
    assert_eq!(tree.unloaded_end(), Some(name("z/")));
    tree.request_page(&name("z/"));
    tree.merge(&name("z/"), false, page("z/", 10, &[], &["z/9"], None));
    assert_eq!(tree.unloaded_end(), None);
}

#[test]
fn a_filter_continues_in_incomplete_open_folders() {
    let mut tree = long_folder();
    assert_eq!(tree.incomplete_levels(), [name("a/")]);
    // No row matches so far, but that does not mean that there is no match.
    assert_eq!(render(&tree, "k9"), "0:a/- 1:…");
    tree.add_found(&entry("a/k9", 5, 1), 10);
    assert_eq!(render(&tree, "k9"), "0:a/- 1:… 1:k9");
    tree.request_page(&name("a/"));
    tree.merge(&name("a/"), false, page("a/", 10, &[], &["a/k3"], None));
    assert_eq!(render(&tree, "k9"), "");
    assert!(tree.incomplete_levels().is_empty());
}

#[test]
fn a_huge_folder_is_searched_to_its_end_only_on_request() {
    let mut tree = long_folder();
    let keys: Vec<String> = (0..100_000).map(|n| format!("a/l{n:06}")).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    tree.request_page(&name("a/"));
    tree.merge(&name("a/"), false, page("a/", 10, &[], &keys, Some("c2")));
    assert_eq!(render(&tree, "none such"), "0:a/- 1:+…");
    tree.request_page(&name("a/"));
    assert_eq!(render(&tree, "none such"), "0:a/- 1:…");
}

#[test]
fn pending_events_are_bounded_and_the_level_is_reloaded_on_overflow() {
    let mut tree = long_folder();
    for at in 0..20_001 {
        tree.apply(&put(&format!("a/x{at:06}"), 11 + at, 1));
    }
    let pending: usize = tree.levels.values().map(|level| level.pending.len()).sum();
    assert!(pending < 20_001, "{pending} events are pending");
    // The second page predates the dropped events: only a new first page is correct.
    let request = tree
        .request_page(&name("a/"))
        .expect("the level has more pages");
    assert_eq!((request.cursor, request.replaces), (None, 2));
    let outdated = page("a/", 20, &[], &["a/k1", "a/k2", "a/k3"], None);
    assert!(
        tree.merge(&name("a/"), true, outdated),
        "the page is older than the dropped events"
    );
    let request = tree
        .request_page(&name("a/"))
        .expect("the level is requested again");
    assert_eq!(request.cursor, None);
    let current = page("a/", 30_000, &[], &["a/k1", "a/x020000"], None);
    assert!(!tree.merge(&name("a/"), true, current));
    assert_eq!(render(&tree, ""), "0:a/- 1:k1 1:x020000 0:z/+");
}

#[test]
fn the_cursor_skips_notes_except_when_moving_down() {
    let mut tree = long_folder();
    tree.add_found(&entry("a/k9", 5, 1), 10);
    let rows = tree.rows("");
    // 0 a/, 1 k1, 2 k2, 3 the note, 4 k9, 5 z/
    for (at, by, to) in [
        (Some(2), Move::Next, Some(3)),
        (Some(4), Move::Previous, Some(2)),
        (Some(0), Move::Previous, Some(0)),
        (Some(0), Move::Last, Some(5)),
        (Some(4), Move::Parent, Some(0)),
    ] {
        assert_eq!(step(&rows, at, by), to, "{at:?} {by:?}");
    }
    assert_eq!(step(&rows[3..4], None, Move::Last), None);
}

#[test]
fn the_best_row_is_the_exact_match_or_the_first_key() {
    let rows = cron().rows("");
    for (typed, is) in [("jobs", "/cron/jobs/"), ("x", "/cron/x"), ("no", "/a")] {
        let row = best(&rows, typed.as_bytes()).map(|row| row.name);
        assert_eq!(row, Some(name(is)), "{typed}");
    }
    assert_eq!(best(&[], b"a"), None);
}

#[test]
fn a_typed_name_refers_to_a_key_a_prefix_or_nothing() {
    for (text, first, is) in [
        ("/a", &["/a"][..], Typed::Key),
        ("/a", &["/a", "/a/b"], Typed::Key),
        ("/a", &["/a/b", "/a/c"], Typed::Prefix),
        ("/a", &["/ab"], Typed::Prefix),
        ("/a/", &["/a/"], Typed::Key),
        ("/a/", &["/a/", "/a/b"], Typed::Prefix),
        ("/a", &[], Typed::Nothing),
    ] {
        let first: Vec<&[u8]> = first.iter().map(|key| key.as_bytes()).collect();
        assert_eq!(typed(text.as_bytes(), &first), is, "{text} {first:?}");
    }
}
