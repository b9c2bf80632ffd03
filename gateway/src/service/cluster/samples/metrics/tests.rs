//! Members' metrics, hostile ones included.

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
