use super::*;

fn query(raw: &str) -> Query {
    Query::parse(Some(raw)).expect("parses")
}

#[test]
fn a_flag_without_a_value_is_true() {
    assert!(query("prev").flag("prev").expect("reads"));
    assert!(query("prev=1").flag("prev").expect("reads"));
    assert!(query("prev=true").flag("prev").expect("reads"));
    assert!(!query("prev=false").flag("prev").expect("reads"));
    assert!(!query("").flag("prev").expect("reads"));
    assert!(query("prev=yes").flag("prev").is_err());
}

#[test]
fn a_list_of_bytes_is_split_before_it_is_decoded() {
    let list = query("open=/a/,/b%2Cc/,%FF/").bytes_list("open");
    let expected = [&b"/a/"[..], b"/b,c/", b"\xff/"].map(<[u8]>::to_vec);
    assert_eq!(list.expect("reads"), Some(expected.to_vec()));
    assert!(query("open=%f").bytes_list("open").is_err());
}

#[test]
fn unknown_duplicate_and_too_many_parameters_are_refused() {
    assert!(query("perfix=/a").finish().is_err());
    assert!(Query::parse(Some("a=1&a=2")).is_err());
    assert!(Query::parse(Some("a=1&%61=2")).is_err());
    let many: Vec<_> = (0..=MAX_PARAMETERS).map(|n| n.to_string()).collect();
    assert!(Query::parse(Some(&many[..MAX_PARAMETERS].join("&"))).is_ok());
    assert!(Query::parse(Some(&many.join("&"))).is_err());
    let mut one = query("limit=5&x=1");
    assert_eq!(one.number("limit", 1..=10).expect("reads"), Some(5));
    assert!(one.finish().is_err());
}

#[test]
fn durations_have_an_upper_bound() {
    let max = Duration::from_mins(10);
    let read = |raw: &str| query(raw).duration("timeout", max);
    for raw in ["timeout=10m", "timeout=600s", "timeout=600000ms"] {
        assert_eq!(read(raw).expect("reads"), Some(max), "{raw}");
    }
    for raw in ["timeout=11m", "timeout=601s", "timeout=600001ms"] {
        assert!(read(raw).is_err(), "{raw}");
    }
}

#[test]
fn numbers_have_bounds() {
    assert!(query("limit=0").number("limit", 1..=10).is_err());
    assert!(query("limit=x").number("limit", 1..=10).is_err());
    assert!(query("revision=-1").revision("revision").is_err());
    assert!(
        query("limit=99999999999999999999")
            .number("limit", 1..=10)
            .is_err()
    );
}
