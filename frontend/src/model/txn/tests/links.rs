//! Links and what is saved.

use proptest::prelude::*;
use shared::TxnRequest;

use super::super::link::{Fragment, MAX_FRAGMENT, fragment, read};
use super::super::saved::{MAX_SAVED, MAX_SIZE, NotSaved, SavedList, storage_name};
use super::super::{Body, Mode, parse};
use super::body;

proptest! {
    #[test]
    fn a_link_and_a_saved_transaction_keep_every_byte(body in body()) {
        if let Some(text) = fragment(&body) {
            prop_assert!(text.len() <= MAX_FRAGMENT);
            prop_assert_eq!(read(&format!("#{text}")), Fragment::Body(Box::new(body.clone())));
        }
        let mut list = SavedList::default();
        list.add(" mine ", &body).expect("small enough");
        let again = SavedList::read(Some(&list.text()));
        prop_assert_eq!(&again, &list);
        prop_assert_eq!(&again.all()[0].name, "mine");
        prop_assert_eq!(again.all()[0].body(), Some(body));
    }

    #[test]
    fn no_fragment_panics(text in "#?(txn|op|x)=[A-Za-z0-9_-]{0,40}") {
        read(&text);
    }
}

fn of_size(bytes: usize) -> Body {
    let value = "x".repeat(bytes);
    let json = format!(r#"{{"put":{{"key":"a","value":"{value}"}}}}"#);
    parse(Mode::Single, &json).expect("a body")
}

#[test]
fn long_and_damaged_links_are_refused() {
    assert_eq!(fragment(&of_size(MAX_FRAGMENT)), None);
    assert_eq!(read(""), Fragment::None);
    assert_eq!(read("#section"), Fragment::None);
    assert_eq!(
        read("#txn=e30"),
        Fragment::Body(Box::new(Body::Txn(TxnRequest::default())))
    );
    for damaged in ["#txn=", "#txn=%7B", "#op=e3", "#txn=bm8"] {
        assert_eq!(read(damaged), Fragment::Invalid, "{damaged}");
    }
    let long = format!("txn={}", "A".repeat(MAX_FRAGMENT));
    assert_eq!(read(&long), Fragment::Invalid);
}

#[test]
fn saved_transactions_are_named_bounded_and_erasable() {
    let mut list = SavedList::default();
    let small = of_size(1);
    assert_eq!(list.add("  ", &small), Err(NotSaved::NameNeeded));
    assert_eq!(list.add("a", &of_size(MAX_SIZE)), Err(NotSaved::TooLarge));
    for n in 0..MAX_SAVED {
        list.add(&format!("n{n:03}"), &small).expect("room");
    }
    assert_eq!(list.add("one more", &small), Err(NotSaved::TooMany));
    // The same name is replaced.
    list.add("n000", &of_size(2)).expect("replaced");
    assert_eq!(list.all().len(), MAX_SAVED);
    list.remove("n000");
    assert_eq!(list.all().len(), MAX_SAVED - 1);
    assert_eq!(SavedList::read(Some("{broken")), SavedList::default());
}

#[test]
fn clusters_and_users_do_not_share_a_list() {
    let names = [
        storage_name("a", None),
        storage_name("a", Some("")),
        storage_name("a.b", None),
        storage_name("a", Some("b")),
        storage_name("a.b", Some("c")),
        storage_name("a", Some("b.c")),
    ];
    for (n, name) in names.iter().enumerate() {
        assert!(!names[..n].contains(name), "{name}");
    }
}
