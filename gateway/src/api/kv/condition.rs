//! `If-Match` and `If-None-Match`: an ETag is a mod revision.

use http::{HeaderMap, HeaderName, header};

use crate::failure::{Failure, Result};
use crate::service::kv::Precondition;

/// What a header's list names.
#[derive(Debug, PartialEq, Eq)]
enum Tags {
    /// `*`
    Any,
    /// The revisions; a quoted text that is no number never matches and is left out.
    Revisions(Vec<i64>),
}

/// What must hold of the key before it is written or deleted.
pub(super) fn precondition(headers: &HeaderMap, creating: bool) -> Result<Precondition> {
    let none_match = tags(headers, &header::IF_NONE_MATCH)?;
    let matching = if_match(headers)?;
    match (matching, none_match) {
        (matching, None) => Ok(matching),
        (Precondition::None, Some(Tags::Any)) if creating => Ok(Precondition::Absent),
        (Precondition::None, Some(_)) if creating => Err(Failure::bad_request(
            "on a write If-None-Match can only be *",
        )),
        (Precondition::None, Some(_)) => {
            Err(Failure::bad_request("a deletion has no If-None-Match"))
        }
        (_, Some(_)) => Err(Failure::bad_request(
            "If-Match and If-None-Match contradict each other",
        )),
    }
}

/// What must hold of the key for a read to answer it.
pub(super) fn if_match(headers: &HeaderMap) -> Result<Precondition> {
    Ok(match tags(headers, &header::IF_MATCH)? {
        None => Precondition::None,
        Some(Tags::Any) => Precondition::Exists,
        Some(Tags::Revisions(revisions)) => Precondition::ModifiedAt(revisions),
    })
}

/// Whether a read may answer 304.
pub(super) fn if_none_match(headers: &HeaderMap, mod_revision: i64) -> Result<bool> {
    Ok(match tags(headers, &header::IF_NONE_MATCH)? {
        None => false,
        Some(Tags::Any) => true,
        Some(Tags::Revisions(revisions)) => revisions.contains(&mod_revision),
    })
}

fn tags(headers: &HeaderMap, name: &HeaderName) -> Result<Option<Tags>> {
    let mut revisions = Vec::new();
    let mut any = false;
    let mut given = false;
    for value in headers.get_all(name) {
        given = true;
        let wrong = |what: &str| Failure::bad_request(format!("{name}: {what}"));
        let text = value.to_str().map_err(|_| wrong("it is not plain text"))?;
        for tag in split(text) {
            if tag == "*" {
                any = true;
                continue;
            }
            // A weak tag counts too: the revision decides.
            let strong = tag.strip_prefix("W/").unwrap_or(tag);
            let inner = strong
                .strip_prefix('"')
                .and_then(|rest| rest.strip_suffix('"'))
                .filter(|inner| !inner.contains('"'));
            let inner = inner.ok_or_else(|| {
                wrong("an ETag stands in double quotes").hint(format!("{name}: \"1204\""))
            })?;
            revisions.extend(inner.parse::<i64>());
        }
    }
    match (given, any) {
        (false, _) => Ok(None),
        (true, true) if revisions.is_empty() => Ok(Some(Tags::Any)),
        (true, true) => Err(Failure::bad_request(format!("{name}: * stands alone"))),
        (true, false) => Ok(Some(Tags::Revisions(revisions))),
    }
}

/// The members of a list; a comma between quotes belongs to its tag.
fn split(list: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    list.split(move |c| {
        quoted ^= c == '"';
        c == ',' && !quoted
    })
    .map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: &str, expected: Option<Tags>) {
        let mut headers = HeaderMap::new();
        headers.insert(header::IF_MATCH, value.parse().expect("a value"));
        assert_eq!(
            tags(&headers, &header::IF_MATCH).ok().flatten(),
            expected,
            "{value}"
        );
    }

    #[test]
    fn tags_are_revisions_in_quotes() {
        check("\"12\"", Some(Tags::Revisions(vec![12])));
        check("W/\"12\", \"13\"", Some(Tags::Revisions(vec![12, 13])));
        check("*", Some(Tags::Any));
        check("\"abc\"", Some(Tags::Revisions(vec![])));
        check("\"a,b\", \"12\"", Some(Tags::Revisions(vec![12])));
        check("12", None);
        check("\"1\" \"2\"", None);
        check("", None);
        check("*, \"1\"", None);
    }
}
