//! `If-Match` and `If-None-Match`. An ETag is a mod revision in quotes.

use http::{HeaderMap, HeaderName, header};

use crate::failure::{Failure, Result};
use crate::service::kv::Precondition;

/// The ETags in a header.
#[derive(Debug, PartialEq, Eq)]
enum Tags {
    /// `*`
    Any,
    /// The revisions. A quoted text that is not a revision never matches and is omitted.
    Revisions(Vec<i64>),
}

/// The condition of a write or a deletion.
pub(super) fn precondition(headers: &HeaderMap, creating: bool) -> Result<Precondition> {
    let none_match = tags(headers, &header::IF_NONE_MATCH)?;
    let matching = if_match(headers)?;
    match (matching, none_match) {
        (matching, None) => Ok(matching),
        (Precondition::None, Some(Tags::Any)) if creating => Ok(Precondition::Absent),
        (Precondition::None, Some(_)) if creating => {
            Err(Failure::bad_request("If-None-Match must be * for a write"))
        }
        (Precondition::None, Some(_)) => Err(Failure::bad_request(
            "If-None-Match does not apply to a deletion",
        )),
        (_, Some(_)) => Err(Failure::bad_request(
            "If-Match and If-None-Match cannot be combined",
        )),
    }
}

/// The condition of a read.
pub(super) fn if_match(headers: &HeaderMap) -> Result<Precondition> {
    Ok(match tags(headers, &header::IF_MATCH)? {
        None => Precondition::None,
        Some(Tags::Any) => Precondition::Exists,
        Some(Tags::Revisions(revisions)) => Precondition::ModifiedAt(revisions),
    })
}

/// The revisions of a key that the client has cached.
#[derive(Debug)]
pub(super) struct CachedTags(Option<Tags>);

impl CachedTags {
    /// Whether the client has this revision, so that the response is 304.
    pub(super) fn matches(&self, mod_revision: i64) -> bool {
        match &self.0 {
            None => false,
            Some(Tags::Any) => true,
            Some(Tags::Revisions(revisions)) => revisions.contains(&mod_revision),
        }
    }
}

/// `If-None-Match` of a read.
pub(super) fn if_none_match(headers: &HeaderMap) -> Result<CachedTags> {
    tags(headers, &header::IF_NONE_MATCH).map(CachedTags)
}

fn tags(headers: &HeaderMap, name: &HeaderName) -> Result<Option<Tags>> {
    let mut revisions = Vec::new();
    let (mut any, mut quoted) = (false, false);
    for value in headers.get_all(name) {
        let invalid = |reason: &str| Failure::bad_request(format!("{name}: {reason}"));
        let text = value.to_str().map_err(|_| invalid("value must be ASCII"))?;
        for tag in split(text) {
            if tag == "*" {
                any = true;
                continue;
            }
            // Weak tags are accepted too: only the revision counts.
            let strong = tag.strip_prefix("W/").unwrap_or(tag);
            let inner = strong
                .strip_prefix('"')
                .and_then(|rest| rest.strip_suffix('"'))
                .filter(|inner| !inner.contains('"'));
            let inner = inner.ok_or_else(|| {
                invalid("an ETag must be in double quotes")
                    .hint(format!("for example {name}: \"1204\""))
            })?;
            quoted = true;
            revisions.extend(revision(inner));
        }
    }
    match (any, quoted) {
        (false, false) => Ok(None),
        (true, false) => Ok(Some(Tags::Any)),
        (true, true) => Err(Failure::bad_request(format!(
            "{name}: * cannot be combined with ETags"
        ))),
        (false, true) => Ok(Some(Tags::Revisions(revisions))),
    }
}

/// The revision in a tag. Never 0: etcd takes 0 for "absent", which no ETag means.
fn revision(tag: &str) -> Option<i64> {
    let digits = tag.bytes().all(|byte| byte.is_ascii_digit());
    tag.parse().ok().filter(|number| digits && *number > 0)
}

/// The members of a list; a comma inside quotes belongs to the tag.
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
        headers.insert(header::IF_MATCH, value.parse().expect("a header value"));
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
        check("\"0\", \"-1\", \"+5\"", Some(Tags::Revisions(vec![])));
        check("12", None);
        check("\"1\" \"2\"", None);
        check("", None);
        check("*, \"1\"", None);
        check("*, \"abc\"", None);
    }
}
