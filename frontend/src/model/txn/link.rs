//! A transaction in the fragment of a link: browsers never send it to a server.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{Body, Mode, compact, parse};

/// Limit of the fragment in bytes; longer links are cut by chats and mail.
pub(crate) const MAX_FRAGMENT: usize = 8 * 1024;

/// What a fragment has.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Fragment {
    /// No transaction.
    None,
    /// A transaction that cannot be read: cut off, or of another version.
    Invalid,
    Body(Box<Body>),
}

fn name(mode: Mode) -> &'static str {
    match mode {
        Mode::Txn => "txn",
        Mode::Single => "op",
    }
}

/// The fragment without `#`; `None` if it would be too long.
pub(crate) fn fragment(body: &Body) -> Option<String> {
    let mode = match body {
        Body::Txn(_) => Mode::Txn,
        Body::Single(_) => Mode::Single,
    };
    let encoded = URL_SAFE_NO_PAD.encode(compact(body));
    let fragment = format!("{}={encoded}", name(mode));
    (fragment.len() <= MAX_FRAGMENT).then_some(fragment)
}

/// Reads a fragment, with or without `#`.
pub(crate) fn read(fragment: &str) -> Fragment {
    let fragment = fragment.trim_start_matches('#');
    let found = [Mode::Txn, Mode::Single].into_iter().find_map(|mode| {
        let rest = fragment.strip_prefix(name(mode))?.strip_prefix('=')?;
        Some((mode, rest))
    });
    let Some((mode, encoded)) = found else {
        return Fragment::None;
    };
    if fragment.len() > MAX_FRAGMENT {
        return Fragment::Invalid;
    }
    let text = URL_SAFE_NO_PAD.decode(encoded).ok();
    let text = text.and_then(|bytes| String::from_utf8(bytes).ok());
    match text.and_then(|text| parse(mode, &text).ok()) {
        Some(body) => Fragment::Body(Box::new(body)),
        None => Fragment::Invalid,
    }
}
