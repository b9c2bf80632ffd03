//! Reading of the fields of the page's forms.

/// Peer URLs, separated by commas, blanks or line ends; `None` if there is none or one is not a URL.
pub(crate) fn peer_urls(text: &str) -> Option<Vec<String>> {
    let urls: Vec<String> = text
        .split(|c: char| c == ',' || c.is_whitespace())
        .filter(|url| !url.is_empty())
        .map(str::to_owned)
        .collect();
    let valid = |url: &String| {
        let rest = url
            .strip_prefix("http://")
            .or_else(|| url.strip_prefix("https://"));
        let rest = rest.map(|rest| rest.trim_end_matches('/'));
        rest.and_then(|rest| rest.rsplit_once(':'))
            .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
    };
    (!urls.is_empty() && urls.iter().all(valid)).then_some(urls)
}

/// A revision, possibly with grouped digits: `48,217`.
pub(crate) fn revision(text: &str) -> Option<i64> {
    let digits: String = text
        .trim()
        .chars()
        .filter(|c| !matches!(c, ',' | ' ' | '\u{a0}'))
        .collect();
    digits.parse().ok().filter(|revision| *revision > 0)
}

/// A version's major and minor number: `3.6`, or `3.6.4` without its last part.
pub(crate) fn minor_version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.trim().split('.');
    let major = parts.next()?.parse().ok()?;
    let minor = parts.next()?.parse().ok()?;
    parts
        .all(|part| part.parse::<u32>().is_ok())
        .then_some((major, minor))
}

/// The version that a downgrade from `version` can lead to.
pub(crate) fn previous_minor(version: &str) -> Option<String> {
    let (major, minor) = minor_version(version)?;
    (minor > 0).then(|| format!("{major}.{}", minor - 1))
}
