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
mod tests {
    use super::*;

    fn keys(text: &str) -> Option<u64> {
        parse(
            text.replace("KEYS", "etcd_debugging_mvcc_keys_total")
                .as_bytes(),
        )
        .keys
    }

    #[test]
    fn etcds_own_text_is_read() {
        let text = "# HELP etcd_server_quota_backend_bytes Current backend storage quota size in bytes.\n\
                    # TYPE etcd_server_quota_backend_bytes gauge\n\
                    etcd_server_quota_backend_bytes 2.147483648e+09\n\
                    etcd_debugging_mvcc_keys_total 41\n\
                    etcd_debugging_mvcc_watcher_total 7\r\n\
                    etcd_server_slow_apply_total{a=\"x y\",b=\"}\"} 3\n";
        let expected = MemberMetrics {
            keys: Some(41),
            watches: Some(7),
            quota: Some(2_147_483_648),
        };
        assert_eq!(parse(text.as_bytes()), expected);
    }

    #[test]
    fn spacing_empty_labels_and_timestamps_are_allowed() {
        for text in [
            "KEYS 4",
            "\tKEYS\t 4\t1700000000000",
            "KEYS{} 4",
            "KEYS {} 4.0",
        ] {
            assert_eq!(keys(text), Some(4), "{text}");
        }
    }

    #[test]
    fn values_that_are_no_count_are_absent() {
        for value in ["NaN", "+Inf", "-Inf", "-1", "1e300", "4x", "", "0x4", "1_0"] {
            assert_eq!(keys(&format!("KEYS {value}\n")), None, "{value}");
        }
    }

    #[test]
    fn ambiguous_and_foreign_lines_do_not_count() {
        for text in [
            "KEYS 4\nKEYS 5",
            "KEYS 4\nKEYS NaN\n",
            "KEYS{a=\"b\"} 4",
            "# KEYS 4",
            "KEYSs 4",
            "xKEYS 4",
            "KEYS",
            "KEYS{",
            "",
            "\u{0}KEYS 4",
        ] {
            assert_eq!(keys(text), None, "{text}");
        }
        // A sample with labels is another one.
        assert_eq!(keys("KEYS{a=\"b\"} 5\nKEYS 4"), Some(4));
        let long = "x".repeat(MAX_LINE);
        assert_eq!(keys(&format!("KEYS 4 {long}")), None);
        assert_eq!(keys(&format!("{long} 9\nKEYS 4")), Some(4));
    }

    #[test]
    fn truncated_and_damaged_texts_are_parsed() {
        let text = b"# c\netcd_debugging_mvcc_keys_total{} 41 17\nb{c=\"d\"} NaN\n";
        for at in 0..text.len() {
            let _ = parse(&text[..at]);
            for byte in [0, b'\n', b'{', b'}', b' ', 0xff] {
                let mut damaged = text.to_vec();
                damaged[at] = byte;
                let _ = parse(&damaged);
            }
        }
        let invalid = b"\xff\xfe 1\netcd_debugging_mvcc_keys_total \xff\n";
        assert_eq!(parse(invalid), MemberMetrics::default());
    }
}
