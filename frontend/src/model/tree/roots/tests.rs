use super::super::tests::{delete, entry, name, page, put};
use super::*;

fn range(json: &str) -> RangeSpec {
    serde_json::from_str(json).expect("a range")
}

fn roots(ranges: &[&str]) -> Option<Roots> {
    let ranges: Vec<_> = ranges.iter().map(|json| range(json)).collect();
    Roots::of(&ranges)
}

fn labels(tree: &Tree) -> Vec<String> {
    let rows = tree.rows("");
    let labels = rows
        .iter()
        .map(|row| String::from_utf8_lossy(row.label()).into_owned());
    labels.collect()
}

/// An account that may read `/a/`, `odd` and the key `k`.
fn limited() -> Tree {
    let mut tree = Tree::default();
    tree.expand(&name(""));
    let of = [
        r#"{"prefix":"/a/"}"#,
        r#"{"prefix":"odd"}"#,
        r#"{"key":"k"}"#,
    ];
    tree.set_roots(
        roots(&of).expect("a limited account"),
        vec![entry("k", 3, 1)],
        10,
    );
    tree
}

#[test]
fn ranges_become_prefixes_where_possible() {
    assert_eq!(roots(&[r#"{"prefix":""}"#]), None);
    let found = roots(&[
        r#"{"prefix":"/a/"}"#,
        r#"{"start":"/b","end":"/d"}"#,
        r#"{"key":"k"}"#,
        r#"{"from":"x"}"#,
        r#"{"start":"m","end":"nn"}"#,
    ]);
    let found = found.expect("a limited account");
    assert_eq!(found.prefixes, [name("/a/"), name("/b"), name("/c")]);
    assert_eq!(found.keys, [name("k")]);
    assert_eq!(found.others.len(), 2);
    assert!(roots(&[]).expect("a limited account").is_empty());
}

#[test]
fn roots_are_on_the_top_level_and_open_as_folders() {
    let mut tree = limited();
    assert_eq!(labels(&tree), ["/a", "k", "odd"]);
    let root = name("/a/");
    tree.expand(&root);
    tree.request_page(&root).expect("the page is missing");
    tree.merge(&root, true, page("/a/", 11, &["/a/b/"], &["/a/x"], None));
    assert_eq!(labels(&tree), ["/a", "b", "x", "k", "odd"]);
    assert!(tree.may_read(b"/a/") && tree.may_read(b"/a/b/") && tree.may_read(b"odd/x/"));
    assert!(!tree.may_read(b"") && !tree.may_read(b"/") && !tree.may_read(b"/b/"));
}

#[test]
fn events_update_roots_and_never_remove_a_root_folder() {
    let mut tree = limited();
    let root = name("/a/");
    tree.request_page(&root).expect("the page is missing");
    tree.merge(&root, true, page("/a/", 10, &[], &["/a/x"], None));
    let touched = tree.apply(&put("/a/y", 11, 1));
    assert_eq!(touched.shown, [(false, name("/a/y")), (true, root.clone())]);
    tree.apply(&delete("/a/x", 12));
    tree.apply(&delete("/a/y", 13));
    assert_eq!(labels(&tree), ["/a", "k", "odd"], "an empty root stays");
    tree.apply(&delete("k", 14));
    assert_eq!(labels(&tree), ["/a", "odd"]);
    tree.apply(&put("k", 15, 1));
    assert_eq!(tree.meta(b"k").expect("the key exists").mod_revision, 15);
}

#[test]
fn a_page_of_the_whole_keyspace_replaces_the_roots() {
    let mut tree = limited();
    let all = name("");
    tree.invalidate();
    tree.request_page(&all).expect("the level is stale");
    tree.merge(&all, true, page("", 20, &["z/"], &["k"], None));
    assert_eq!(labels(&tree), ["k", "z"]);
    assert!(tree.may_read(b"") && tree.roots().is_none());
}
