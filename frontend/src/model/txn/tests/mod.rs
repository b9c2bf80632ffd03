//! JSON and builder are two views of the same bytes; faults are named by their place.

use proptest::prelude::*;
use shared::{
    Bytes, CompareOp, CompareRequest, CompareTarget, CompareValue, DeleteOp, Entry, GetOp, LeaseId,
    OpRequest, PutOp, SortOrder, SortTarget, TxnRequest,
};

use super::*;

mod commands;
mod links;

fn some_bytes() -> impl Strategy<Value = Bytes> {
    let piece = prop_oneof![
        "[a-z/]{1,4}".prop_map(String::into_bytes),
        any::<char>().prop_map(|c| c.to_string().into_bytes()),
        any::<u8>().prop_map(|byte| vec![byte]),
        Just(b"\r\n".to_vec()),
        Just("\u{202E}".as_bytes().to_vec()),
    ];
    proptest::collection::vec(piece, 0..5).prop_map(|pieces| Bytes(pieces.concat()))
}

fn key() -> impl Strategy<Value = Bytes> {
    some_bytes().prop_filter("a key", |key| !key.is_empty())
}

/// A range in each form: `key`, `prefix`, `start`, `end`, `from`.
fn range() -> impl Strategy<Value = RangeSpec> {
    let none = RangeSpec::default;
    prop_oneof![
        key().prop_map(move |key| RangeSpec {
            key: Some(key),
            ..none()
        }),
        some_bytes().prop_map(move |prefix| RangeSpec {
            prefix: Some(prefix),
            ..none()
        }),
        some_bytes().prop_map(move |from| RangeSpec {
            from: Some(from),
            ..none()
        }),
        (some_bytes(), key()).prop_filter_map("start is below end", move |(start, end)| {
            (start < end && end.0 != [0]).then(|| RangeSpec {
                start: Some(start),
                end: Some(end),
                ..none()
            })
        }),
    ]
}

fn lease() -> impl Strategy<Value = LeaseId> {
    any::<i64>()
        .prop_filter("an id", |id| *id != 0)
        .prop_map(LeaseId)
}

fn compare() -> impl Strategy<Value = CompareRequest> {
    use CompareTarget::{CreateRevision, Lease, ModRevision, Value, Version};
    let number = (
        proptest::sample::select(vec![Version, CreateRevision, ModRevision]),
        any::<i64>().prop_map(CompareValue::Number),
    );
    let bytes = (Just(Value), some_bytes().prop_map(CompareValue::Bytes));
    let id = lease().prop_map(|id| CompareValue::Bytes(id.to_string().into()));
    let of_lease = (Just(Lease), prop_oneof![Just(CompareValue::None), id]);
    let ops = vec![
        CompareOp::Equal,
        CompareOp::NotEqual,
        CompareOp::Less,
        CompareOp::Greater,
    ];
    (
        range(),
        prop_oneof![number, bytes, of_lease],
        proptest::sample::select(ops),
    )
        .prop_map(|(range, (target, value), op)| CompareRequest {
            key: range.key,
            prefix: range.prefix,
            start: range.start,
            end: range.end,
            from: range.from,
            target,
            op,
            value,
        })
}

fn put() -> impl Strategy<Value = PutOp> {
    let lease = prop_oneof![
        Just(None),
        Just(Some("keep".to_owned())),
        lease().prop_map(|id| Some(id.to_string())),
    ];
    (key(), some_bytes(), lease, any::<bool>()).prop_map(|(key, value, lease, prev)| PutOp {
        key,
        value,
        lease,
        prev,
    })
}

fn get() -> impl Strategy<Value = GetOp> {
    use SortTarget::{CreateRevision, Key, ModRevision, Value, Version};
    let sort = prop_oneof![
        Just(None),
        proptest::sample::select(vec![Key, Version, CreateRevision, ModRevision, Value])
            .prop_map(Some),
    ];
    let order = proptest::sample::select(vec![None, Some(SortOrder::Asc), Some(SortOrder::Desc)]);
    let numbers = proptest::array::uniform6(prop_oneof![Just(0), 0..i64::MAX]);
    let flags = proptest::array::uniform3(any::<bool>());
    (range(), numbers, flags, sort, order).prop_map(|(range, numbers, flags, sort, order)| GetOp {
        key: range.key,
        prefix: range.prefix,
        start: range.start,
        end: range.end,
        from: range.from,
        limit: numbers[0],
        revision: numbers[1],
        keys_only: flags[0],
        count_only: flags[1],
        serializable: flags[2],
        sort,
        order,
        min_create_revision: numbers[2],
        max_create_revision: numbers[3],
        min_mod_revision: numbers[4],
        max_mod_revision: numbers[5],
    })
}

fn op() -> impl Strategy<Value = OpRequest> {
    let none = OpRequest::default;
    let leaf = prop_oneof![
        put().prop_map(move |put| OpRequest {
            put: Some(put),
            ..none()
        }),
        get().prop_map(move |get| OpRequest {
            get: Some(get),
            ..none()
        }),
        (range(), any::<bool>()).prop_map(move |(range, prev)| OpRequest {
            delete: Some(DeleteOp {
                key: range.key,
                prefix: range.prefix,
                start: range.start,
                end: range.end,
                from: range.from,
                prev,
            }),
            ..none()
        }),
    ];
    leaf.prop_recursive(3, 12, 3, move |op| {
        let ops = || proptest::collection::vec(op.clone(), 0..3);
        (proptest::collection::vec(compare(), 0..2), ops(), ops()).prop_map(
            move |(compare, then, or_else)| OpRequest {
                txn: Some(TxnRequest {
                    compare,
                    then,
                    or_else,
                }),
                ..none()
            },
        )
    })
}

fn body() -> impl Strategy<Value = Body> {
    let ops = || proptest::collection::vec(op(), 0..4);
    let compares = proptest::collection::vec(compare(), 0..4);
    prop_oneof![
        (compares, ops(), ops()).prop_map(|(compare, then, or_else)| {
            Body::Txn(TxnRequest {
                compare,
                then,
                or_else,
            })
        }),
        op().prop_map(Body::Single),
    ]
}

fn mode_of(body: &Body) -> Mode {
    match body {
        Body::Txn(_) => Mode::Txn,
        Body::Single(_) => Mode::Single,
    }
}

fn document(body: &Body) -> Document {
    let mut document = Document::default();
    document.replace(body).expect("a valid body");
    document
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn json_and_builder_keep_every_byte(body in body()) {
        // From the JSON into the builder, from the builder to the JSON.
        let text = print(&body);
        let parsed = parse(mode_of(&body), &text);
        prop_assert_eq!(parsed.as_ref(), Ok(&body), "{}", text);
        let document = document(&body);
        prop_assert_eq!(document.body(), Ok(body.clone()));
        // No character that a reader could not see.
        for c in text.chars() {
            prop_assert!(c == '\n' || c == ' ' || c.is_ascii_graphic() || !c.is_ascii(), "{:?}", c);
            prop_assert!(!crate::model::key_text::changes_direction(c), "{:?}", c);
        }
        // A draft, too, in this tab's storage.
        let draft = serde_json::to_string(&document).expect("our own types serialise");
        let draft: Document = serde_json::from_str(&draft).expect("what was written");
        prop_assert_eq!(draft.form(), document.form());
        prop_assert_eq!(draft.places(), document.places());
        // Unchanged, the rows are kept, so that the builder does not lose the focus.
        let mut again = document.clone();
        again.replace(&body).expect("a valid body");
        prop_assert_eq!(again.places(), document.places());
    }

    #[test]
    fn every_row_has_a_place_that_leads_back_to_it(body in body()) {
        let document = document(&body);
        let places = document.places();
        let mut rows = 0;
        for id in 0..1000 {
            if let Some(place) = places.get(id) {
                rows += 1;
                prop_assert_eq!(places.row_at(place), Some(id));
                let member = format!("{place}.put.key");
                prop_assert_eq!(places.row_at(&member), Some(id));
                prop_assert!(document.op(id).is_some() || document.compare(id).is_some());
            }
        }
        prop_assert_eq!(rows, document.rows());
    }

    #[test]
    fn a_value_survives_its_field_and_another_encoding(value in some_bytes()) {
        let form = ValueForm::of(&value.0);
        prop_assert_eq!(form.bytes(), Ok(value.clone()));
        if form.encoding == Encoding::Text {
            // What a text field would change.
            prop_assert!(!form.text.contains('\r'));
        }
        for encoding in [Encoding::Text, Encoding::Base64] {
            prop_assert_eq!(form.converted(encoding).bytes(), Ok(value.clone()));
        }
    }

    #[test]
    fn damaged_json_never_panics(body in body(), cut in 0_usize..400, mode in any::<bool>()) {
        let text = print(&body);
        let cut: String = text.chars().take(cut).collect();
        let mode = if mode { Mode::Txn } else { Mode::Single };
        if let Ok(body) = parse(mode, &cut) {
            // Faults are named, never a panic.
            let _ = Document::default().replace(&body);
        }
    }
}

fn faults(mode: Mode, json: &str) -> Option<WrongAt> {
    let body = parse(mode, json).expect("a body");
    Document::default().replace(&body).err()
}

#[test]
fn faults_of_json_are_named_by_their_place() {
    for (json, place, wrong) in [
        (r#"{"then":[{}]}"#, "then[0]", Wrong::OpMembers),
        (
            r#"{"then":[{"get":{"key":"a"},"put":{"key":"a","value":""}}]}"#,
            "then[0]",
            Wrong::OpMembers,
        ),
        (
            r#"{"then":[{"put":{"key":"","value":""}}]}"#,
            "then[0].put.key",
            Wrong::KeyNeeded,
        ),
        (
            r#"{"else":[{"put":{"key":"a","value":"","lease":"zz"}}]}"#,
            "else[0].put.lease",
            Wrong::BadLease,
        ),
        (r#"{"then":[{"get":{}}]}"#, "then[0].get", Wrong::RangeForms),
        (
            r#"{"then":[{"get":{"key":"a","limit":-1}}]}"#,
            "then[0].get.limit",
            Wrong::Negative,
        ),
        (
            r#"{"then":[{"delete":{"start":"b","end":"a"}}]}"#,
            "then[0].delete.end",
            Wrong::EmptyRange,
        ),
        (
            r#"{"compare":[{"key":"a","target":"value","op":"=","value":3}]}"#,
            "compare[0].value",
            Wrong::BytesNeeded,
        ),
        (
            r#"{"then":[{"txn":{"compare":[{"key":"a","target":"version","op":"=","value":"x"}]}}]}"#,
            "then[0].txn.compare[0].value",
            Wrong::NumberNeeded,
        ),
    ] {
        let place = place.to_owned();
        assert_eq!(
            faults(Mode::Txn, json),
            Some(WrongAt { place, wrong }),
            "{json}"
        );
    }
    let nested = r#"{"put":{"key":"","value":""}}"#;
    let fault = faults(Mode::Single, nested).expect("a fault");
    assert_eq!(fault.place, "op.put.key");
}

#[test]
fn invalid_json_is_located() {
    let error = parse(Mode::Txn, "{\n  \"then\": [,]\n}").expect_err("invalid");
    assert_eq!((error.line, error.column), (2, 12));
    assert!(!error.message.contains("line"), "{}", error.message);
    let unknown = parse(Mode::Txn, r#"{"than":[]}"#).expect_err("unknown");
    assert!(unknown.message.contains("than"), "{}", unknown.message);
}

#[test]
fn every_fault_of_the_builder_is_found_at_once() {
    let mut document = Document::default();
    document.add_compare(None);
    document.add_op(None, Branch::Then, OpKind::Put);
    document.add_op(None, Branch::Else, OpKind::Txn);
    let txn = document.form().or_else[0].id;
    document.add_op(Some(txn), Branch::Then, OpKind::Delete);
    let faults = document.body().expect_err("keys are missing");
    let places: Vec<_> = faults.iter().map(|fault| &fault.place[..]).collect();
    assert_eq!(
        places,
        [
            "compare[0].key",
            "compare[0].value",
            "then[0].put.key",
            "else[0].txn.then[0].delete.key",
        ]
    );
    document.clear();
    assert!(document.is_empty());
}

#[test]
fn rows_are_moved_removed_and_change_their_kind() {
    let mut document = Document::default();
    for kind in [OpKind::Put, OpKind::Get, OpKind::Delete] {
        document.add_op(None, Branch::Then, kind);
    }
    let ids: Vec<_> = document.form().then.iter().map(|row| row.id).collect();
    document.shift(ids[2], true);
    document.shift(ids[0], true);
    let kinds = |document: &Document| {
        let rows = document.form().then.iter();
        rows.map(|row| row.body.kind()).collect::<Vec<_>>()
    };
    assert_eq!(kinds(&document), [OpKind::Put, OpKind::Delete, OpKind::Get]);
    document.remove(ids[0]);
    let mut get = GetForm::default();
    get.range.first = "/a".to_owned();
    document.set_op(ids[1], OpForm::Get(get));
    document.set_kind(ids[1], OpKind::Put);
    assert_eq!(kinds(&document), [OpKind::Delete, OpKind::Put]);
    let OpForm::Put(put) = &document.form().then[1].body else {
        panic!("a put")
    };
    assert_eq!(put.key, "/a");
    assert_ne!(
        document.form().then[1].id,
        ids[1],
        "its fields are drawn again"
    );
}

#[test]
fn the_single_op_and_the_transaction_are_kept_while_the_other_is_shown() {
    let mut document = Document::default();
    document.add_op(None, Branch::Then, OpKind::Delete);
    document.set_mode(Mode::Single);
    assert_eq!(document.rows(), 1);
    assert_eq!(
        document.places().get(document.form().then[0].id),
        Some("op")
    );
    document.set_mode(Mode::Txn);
    assert_eq!(document.form().then[0].body.kind(), OpKind::Delete);
}

#[test]
fn short_objects_stay_on_one_line() {
    let body = Body::Txn(template::create(b"/a"));
    assert_eq!(
        print(&body),
        r#"{
  "compare": [{"key": "/a", "target": "create_revision", "op": "=", "value": 0}],
  "then": [{"put": {"key": "/a", "value": ""}}],
  "else": [{"get": {"key": "/a"}}]
}"#
    );
    let hostile = OpRequest {
        get: Some(GetOp {
            prefix: Some("a\u{202E}\u{1F512}\"\\".into()),
            ..GetOp::default()
        }),
        ..OpRequest::default()
    };
    assert_eq!(
        print(&Body::Single(hostile)),
        "{\n  \"get\": {\"prefix\": \"a\\u202e🔒\\\"\\\\\"}\n}"
    );
}

#[test]
fn a_place_is_split_from_a_message() {
    for (detail, split) in [
        (
            "then[3].put.key: must not be empty",
            Some(("then[3].put.key", "must not be empty")),
        ),
        (
            "else[0].txn.compare[1].value: x: y",
            Some(("else[0].txn.compare[1].value", "x: y")),
        ),
        ("then: too many", Some(("then", "too many"))),
        (
            "op.put.lease: not an id",
            Some(("op.put.lease", "not an id")),
        ),
        ("etcdserver: no leader", None),
        ("the key: a then[0]", None),
        ("no colon", None),
    ] {
        assert_eq!(split_place(detail), split, "{detail}");
    }
}

#[test]
fn ranges_that_are_deleted_are_found_at_any_depth() {
    let json = r#"{"then":[{"delete":{"key":"a"}},{"txn":{"else":[{"delete":{"prefix":"/x/"}}]}}],
        "else":[{"delete":{"from":"z"}}]}"#;
    let found = deleted_ranges(&parse(Mode::Txn, json).expect("a body"));
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].prefix, Some("/x/".into()));
    assert_eq!(found[1].from, Some("z".into()));
}

#[test]
fn a_move_checks_both_keys_and_keeps_the_lease() {
    let entry = Entry {
        key: "/a".into(),
        value: Some("v".into()),
        create_revision: 4,
        mod_revision: 9,
        version: 2,
        lease: Some(LeaseId(0x1f)),
    };
    let txn = template::existing(template::Template::Move, &entry, b"/b");
    let values: Vec<_> = txn.compare.iter().map(|one| one.value.clone()).collect();
    assert_eq!(values, [CompareValue::Number(9), CompareValue::Number(0)]);
    let put = txn.then[0].put.as_ref().expect("a put");
    assert_eq!(
        (put.lease.as_deref(), put.value.as_str()),
        (Some("1f"), Some("v"))
    );
    for template in template::Template::ALL {
        let txn = template::existing(template, &entry, b"/b");
        let body = Body::Txn(txn);
        assert_eq!(document(&body).body(), Ok(body));
    }
}
