//! Ranges in queries: exactly one of `key`, `prefix`, `start` with `end`, `from`. Also sort orders and revision bounds.

use shared::{RangeSpec, SortOrder, SortTarget};

use super::query::Query;
use crate::etcd::Range;
use crate::failure::{Failure, Result};
use crate::service::kv::Filter;

/// Takes a range from a query; `None` if it names no range. `key` is taken only `with_key`, where the route allows
/// it.
pub fn from_query(query: &mut Query, with_key: bool) -> Result<Option<Range>> {
    spec_from_query(query, with_key)?
        .map(Range::try_from)
        .transpose()
}

/// Like [`from_query`], in the form of the query.
pub fn spec_from_query(query: &mut Query, with_key: bool) -> Result<Option<RangeSpec>> {
    let key = if with_key { query.bytes("key")? } else { None };
    let spec = RangeSpec {
        key: key.map(Into::into),
        prefix: query.bytes("prefix")?.map(Into::into),
        start: query.bytes("start")?.map(Into::into),
        end: query.bytes("end")?.map(Into::into),
        from: query.bytes("from")?.map(Into::into),
    };
    Ok((spec != RangeSpec::default()).then_some(spec))
}

/// Takes the bounds on revisions from a query.
pub fn filter(query: &mut Query) -> Result<Filter> {
    let mut bound = |name| Ok::<_, Failure>(query.revision(name)?.unwrap_or(0));
    Ok(Filter {
        min_create: bound("min_create_revision")?,
        max_create: bound("max_create_revision")?,
        min_mod: bound("min_mod_revision")?,
        max_mod: bound("max_mod_revision")?,
    })
}

/// Takes `sort` and `order` from a query. If only one is given, the other has its default: key, ascending.
pub fn sort(query: &mut Query) -> Result<Option<(SortTarget, SortOrder)>> {
    let target = match query.text("sort")?.as_deref() {
        None => None,
        Some("key") => Some(SortTarget::Key),
        Some("version") => Some(SortTarget::Version),
        Some("create_revision") => Some(SortTarget::CreateRevision),
        Some("mod_revision") => Some(SortTarget::ModRevision),
        Some("value") => Some(SortTarget::Value),
        Some(other) => {
            return Err(Failure::bad_request(format!(
                "unknown `sort` value `{other}`; one of key, version, create_revision, mod_revision, value"
            )));
        }
    };
    let order = match query.text("order")?.as_deref() {
        None => None,
        Some("asc") => Some(SortOrder::Asc),
        Some("desc") => Some(SortOrder::Desc),
        Some(other) => {
            let detail = format!("unknown `order` value `{other}`; one of asc, desc");
            return Err(Failure::bad_request(detail));
        }
    };
    Ok((target.is_some() || order.is_some()).then(|| {
        (
            target.unwrap_or(SortTarget::Key),
            order.unwrap_or(SortOrder::Asc),
        )
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(raw: &str, expected: Option<Range>) {
        let mut query = Query::parse(Some(raw)).expect("parses");
        assert_eq!(
            from_query(&mut query, true).ok().flatten(),
            expected,
            "{raw}"
        );
    }

    #[test]
    fn each_form_of_range_is_parsed() {
        check("prefix=/a/", Some(Range::prefix(b"/a/")));
        check("prefix=", Some(Range::prefix(b"")));
        check(
            "start=a&end=b",
            Some(Range::between(b"a".to_vec(), Some(b"b".to_vec()))),
        );
        check("from=a", Some(Range::between(b"a".to_vec(), None)));
        check("key=%00", Some(Range::single(vec![0])));
    }

    #[test]
    fn a_missing_incomplete_or_second_range_is_refused() {
        for raw in [
            "",
            "key=",
            "start=a",
            "end=a",
            "start=b&end=a",
            "prefix=a&from=b",
            "key=a&prefix=b",
        ] {
            check(raw, None);
        }
    }
}
