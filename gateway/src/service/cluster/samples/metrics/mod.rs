//! The few numbers that are read from a member's metrics, in Prometheus's text format.

/// The numbers of one member; absent if the text does not have exactly one usable value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct MemberMetrics {
    /// Keys in the store.
    pub(super) keys: Option<u64>,
    /// Watches open at this member.
    pub(super) watches: Option<u64>,
    /// Backend quota in bytes.
    pub(super) quota: Option<u64>,
}

const KEYS: &[u8] = b"etcd_debugging_mvcc_keys_total";
const WATCHES: &[u8] = b"etcd_debugging_mvcc_watcher_total";
const QUOTA: &[u8] = b"etcd_server_quota_backend_bytes";
/// Longer lines are skipped: a line of these metrics has a name and a number.
const MAX_LINE: usize = 1024;

/// Reads the numbers; whatever else the text contains is skipped.
pub(super) fn parse(text: &[u8]) -> MemberMetrics {
    let (mut keys, mut watches, mut quota) = (Once::None, Once::None, Once::None);
    for line in text.split(|byte| *byte == b'\n') {
        if line.len() > MAX_LINE {
            continue;
        }
        let Some((name, value)) = sample(line) else {
            continue;
        };
        match name {
            KEYS => keys.add(value),
            WATCHES => watches.add(value),
            QUOTA => quota.add(value),
            _ => {}
        }
    }
    MemberMetrics {
        keys: keys.value(),
        watches: watches.value(),
        quota: quota.value(),
    }
}

/// A value that must occur once: of two it is not known which one counts.
#[derive(Clone, Copy)]
enum Once {
    None,
    One(Option<u64>),
    Several,
}

impl Once {
    fn add(&mut self, value: Option<u64>) {
        *self = match self {
            Self::None => Self::One(value),
            Self::One(_) | Self::Several => Self::Several,
        };
    }

    fn value(self) -> Option<u64> {
        match self {
            Self::One(value) => value,
            Self::None | Self::Several => None,
        }
    }
}

/// The name and the value of a sample without labels; `None` for comments, samples with labels, and
/// lines that are neither. A timestamp after the value is allowed.
fn sample(line: &[u8]) -> Option<(&[u8], Option<u64>)> {
    let line = line.trim_ascii();
    let end = line
        .iter()
        .position(|byte| byte.is_ascii_whitespace() || *byte == b'{')?;
    let (name, rest) = line.split_at(end);
    let rest = rest.trim_ascii_start();
    let rest = rest.strip_prefix(b"{}").unwrap_or(rest);
    if name.is_empty() || name.starts_with(b"#") || rest.starts_with(b"{") {
        return None;
    }
    let mut fields = rest
        .split(u8::is_ascii_whitespace)
        .filter(|field| !field.is_empty());
    let value = fields.next()?;
    Some((name, std::str::from_utf8(value).ok().and_then(count)))
}

/// A value as a count: neither negative, nor NaN, nor infinite, nor too large to be exact.
fn count(text: &str) -> Option<u64> {
    /// 2^53: the integers up to here are exact in a float.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let value: f64 = text.parse().ok()?;
    (0.0..=EXACT).contains(&value).then_some(value as u64)
}

#[cfg(test)]
mod tests;
