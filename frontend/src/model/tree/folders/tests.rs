//! Sums of changes in closed folders, and which folders are open.

use shared::Bytes;

use super::super::tests::{cron, delete, load, name, page, put, render};
use super::*;

fn change(prefix: &str, created: i64, deleted: i64, revision: i64) -> FolderChange {
    FolderChange {
        prefix: Bytes::from(prefix),
        created,
        updated: 0,
        deleted,
        revision,
    }
}

fn apply(tree: &mut Tree, after: i64, folders: Vec<FolderChange>) -> Touched {
    tree.apply_folders(&FolderChanges {
        after,
        folders,
        incomplete: false,
    })
}

fn counted(tree: &mut Tree, prefix: &str, keys: i64, revision: i64) -> bool {
    tree.begin_count(&name(prefix));
    tree.counted(&name(prefix), keys, revision)
}

#[test]
fn a_change_marks_its_folder_and_those_above() {
    let mut tree = cron();
    let touched = apply(&mut tree, 10, vec![change("/cron/jobs/", 1, 0, 12)]);
    assert_eq!(
        touched.shown,
        [
            (true, name("/cron/jobs/")),
            (true, name("/cron/")),
            (true, name("/"))
        ]
    );
    let before = render(&tree, "");
    let old = apply(&mut tree, 8, vec![change("/cron/older/", 1, 0, 9)]);
    assert_eq!((old.shown.len(), render(&tree, "")), (0, before));
}

#[test]
fn a_new_folder_appears_and_one_that_came_and_went_does_not() {
    let mut tree = cron();
    apply(&mut tree, 10, vec![change("new/", 2, 1, 12)]);
    apply(&mut tree, 12, vec![change("brief/", 3, 3, 14)]);
    assert_eq!(
        render(&tree, ""),
        "0:/a 0:/cron/- 1:jobs/+ 1:x 0:dev/+ 0:foo 0:new/+"
    );
    // The level was read within these changes: it is not known which of them it has.
    let touched = apply(&mut tree, 8, vec![change("unsure/", 3, 3, 14)]);
    assert_eq!(touched.maybe_empty, [name("unsure/")]);
    assert!(render(&tree, "").contains("unsure/+"));
    assert!(counted(&mut tree, "unsure/", 0, 14));
    assert!(!render(&tree, "").contains("unsure/"));
}

#[test]
fn sums_keep_counts_exact_and_an_empty_folder_is_removed() {
    let mut tree = cron();
    assert!(counted(&mut tree, "dev/", 5, 10));
    assert!(counted(&mut tree, "", 100, 10));
    apply(&mut tree, 10, vec![change("dev/", 4, 2, 12)]);
    assert_eq!((tree.count(b"dev/"), tree.count(b"")), (Some(7), Some(102)));
    let touched = apply(&mut tree, 12, vec![change("dev/", 0, 7, 13)]);
    assert!(touched.maybe_empty.is_empty());
    assert!(!render(&tree, "").contains("dev/"));
    assert_eq!(tree.count(b""), Some(95));
}

#[test]
fn a_count_within_a_sum_is_read_again() {
    let mut tree = cron();
    assert!(counted(&mut tree, "dev/", 5, 11));
    let touched = apply(&mut tree, 10, vec![change("dev/", 1, 0, 12)]);
    assert_eq!(tree.count(b"dev/"), None);
    assert_eq!(touched.maybe_empty, [name("dev/")]);
    tree.begin_count(&name("dev/"));
    apply(&mut tree, 12, vec![change("dev/", 1, 0, 15)]);
    assert!(!tree.counted(&name("dev/"), 7, 14), "within 13 to 15");
    tree.begin_count(&name("dev/"));
    apply(&mut tree, 15, vec![change("dev/", 1, 0, 18)]);
    assert!(tree.counted(&name("dev/"), 7, 15));
    assert_eq!(tree.count(b"dev/"), Some(8));
}

#[test]
fn an_uncounted_folder_with_deletions_is_counted() {
    let mut tree = cron();
    let touched = apply(&mut tree, 10, vec![change("dev/", 0, 1, 12)]);
    assert_eq!(touched.maybe_empty, [name("dev/")]);
}

#[test]
fn a_change_beyond_the_loaded_pages_is_applied_with_its_page() {
    let mut tree = Tree::default();
    tree.request_page(&name(""));
    tree.merge(&name(""), true, page("", 10, &[], &["a"], Some("c1")));
    apply(&mut tree, 10, vec![change("z/", 1, 0, 12)]);
    assert_eq!(render(&tree, ""), "0:a 0:…");
    tree.request_page(&name(""));
    tree.merge(&name(""), false, page("", 10, &[], &["b"], None));
    assert_eq!(render(&tree, ""), "0:a 0:b 0:z/+");
}

#[test]
fn the_level_of_a_closed_folder_is_dropped_when_it_changes() {
    let mut tree = cron();
    tree.expand(&name("/cron/jobs/"));
    load(&mut tree, "/cron/jobs/", 11, &[], &["/cron/jobs/j"]);
    tree.collapse(b"/cron/");
    apply(&mut tree, 11, vec![change("/cron/", 1, 0, 11)]);
    assert!(tree.level(b"/cron/jobs/").is_some(), "it is not older");
    apply(&mut tree, 11, vec![change("/cron/", 1, 0, 12)]);
    assert!(tree.level(b"/cron/").is_none() && tree.level(b"/cron/jobs/").is_none());
    assert!(tree.missing_levels().is_empty(), "not in view");
    tree.expand(&name("/cron/"));
    let mut missing = tree.missing_levels();
    missing.sort();
    assert_eq!(missing, [name("/cron/"), name("/cron/jobs/")]);
}

#[test]
fn only_folders_in_view_are_open_for_the_watch() {
    let mut tree = cron();
    let shown = |tree: &Tree, selected: Option<(bool, &str)>| {
        let selected = selected.map(|(folder, text)| (folder, name(text)));
        let shown = tree.shown_folders(selected.as_ref().map(|(folder, name)| (*folder, name)));
        let texts = shown
            .iter()
            .map(|name| String::from_utf8_lossy(name).into_owned());
        texts.collect::<Vec<_>>().join(" ")
    };
    tree.expand(&name("/cron/jobs/"));
    assert_eq!(shown(&tree, None), "/ /cron/ /cron/jobs/");
    tree.collapse(b"/cron/");
    assert_eq!(shown(&tree, None), "/");
    assert_eq!(shown(&tree, Some((false, "x/y/k"))), "/ x/ x/y/");
    assert_eq!(shown(&tree, Some((true, "x/y/"))), "/ x/ x/y/");
    assert_eq!(shown(&tree, Some((true, "x/y"))), "/ x/");
}

#[test]
fn a_response_from_before_the_watch_is_requested_again() {
    let mut tree = Tree::default();
    tree.set_not_before(20);
    tree.request_page(&name(""));
    assert!(tree.merge(&name(""), true, page("", 19, &[], &["a"], None)));
    assert!(tree.request_page(&name("")).is_some());
    assert!(!tree.merge(&name(""), true, page("", 20, &[], &["a"], None)));
    assert_eq!(render(&tree, ""), "0:a");
}

#[test]
fn events_and_sums_together_keep_a_count() {
    let mut tree = cron();
    assert!(counted(&mut tree, "/cron/", 2, 10));
    tree.apply(&put("/cron/y", 11, 1));
    apply(&mut tree, 10, vec![change("/cron/jobs/", 3, 0, 12)]);
    tree.apply(&delete("/cron/x", 13));
    assert_eq!(tree.count(b"/cron/"), Some(5));
}
