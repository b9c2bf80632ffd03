use super::*;

const BASE: &str = "http://127.0.0.1:8379/api/v1/";

fn get(key: &[u8]) -> KeyCommand {
    KeyCommand::Get { key: key.to_vec() }
}

#[test]
fn curl_carries_any_key() {
    for (key, line) in [
        (
            &b"/a//b/"[..],
            "curl 'http://127.0.0.1:8379/api/v1/kv?key=/a//b/'",
        ),
        (b"it's", "curl 'http://127.0.0.1:8379/api/v1/kv?key=it%27s'"),
        (
            b"\xff\xfe\0",
            "curl 'http://127.0.0.1:8379/api/v1/kv?key=%FF%FE%00'",
        ),
        (
            b"+%?",
            "curl 'http://127.0.0.1:8379/api/v1/kv?key=%2B%25%3F'",
        ),
    ] {
        assert_eq!(curl(&get(key), BASE), line);
    }
}

#[test]
fn etcdctl_lines_quote_characters_special_to_a_shell() {
    for (key, line) in [
        (&b"/a b$"[..], Ok("etcdctl get '/a b$'")),
        (b"it's", Ok(r"etcdctl get 'it'\''s'")),
        (b"\xff'!\n", Ok(r"etcdctl get $'\377\047\041\n'")),
        (b"\x011", Ok(r"etcdctl get $'\0011'")),
        (b"wow!", Ok("etcdctl get 'wow!'")),
        (
            "\u{202E}占".as_bytes(),
            Ok(r"etcdctl get $'\342\200\256占'"),
        ),
        (b"a\0", Err(Unsupported::Nul)),
        (b"-k", Ok("etcdctl get -- '-k'")),
    ] {
        assert_eq!(etcdctl(&get(key)).as_deref(), line.as_ref().copied());
    }
    assert_eq!(
        etcdctl(&KeyCommand::History { key: b"a".to_vec() }),
        Err(Unsupported::NoCommand)
    );
}

#[test]
fn writes_carry_their_precondition() {
    let replace = KeyCommand::Replace {
        key: b"k".to_vec(),
        value: b"it's \"1\"\n".to_vec(),
        revision: 7,
        lease: LeaseAction::Keep,
    };
    assert_eq!(
        curl(&replace, BASE),
        "curl -X PUT -H 'If-Match: \"7\"' --data-raw $'it\\047s \"1\"\\n' 'http://127.0.0.1:8379/api/v1/kv?key=k'"
    );
    assert_eq!(
        etcdctl(&replace).expect("etcdctl supports the command"),
        "etcdctl txn <<'EOF'\nmod(\"k\") = \"7\"\n\nput --ignore-lease -- \"k\" \"it's \\\"1\\\"\\n\"\n\n\nEOF"
    );
    let create = KeyCommand::Create {
        key: b"k".to_vec(),
        value: vec![0xff, 0],
        lease: NewLease::Id("694d604f1cc13e0f".to_owned()),
    };
    assert_eq!(
        curl(&create, BASE),
        "base64 -d <<'EOF' | curl -X PUT -H 'If-None-Match: *' --data-binary @- 'http://127.0.0.1:8379/api/v1/kv?key=k&lease=694d604f1cc13e0f'\n/wA=\nEOF"
    );
    let delete = KeyCommand::Delete {
        key: b"k".to_vec(),
        revision: 7,
    };
    assert_eq!(
        curl(&delete, BASE),
        "curl -X DELETE -H 'If-Match: \"7\"' 'http://127.0.0.1:8379/api/v1/kv?key=k'"
    );
    assert_eq!(
        etcdctl(&delete).expect("etcdctl supports the command"),
        "etcdctl txn <<'EOF'\nmod(\"k\") = \"7\"\n\ndel -- \"k\"\n\n\nEOF"
    );
}

#[test]
fn a_lease_is_granted_first() {
    let command = KeyCommand::Create {
        key: b"k$".to_vec(),
        value: b"`v`".to_vec(),
        lease: NewLease::Grant(60),
    };
    assert_eq!(
        curl(&command, BASE),
        concat!(
            r#"LEASE=$(curl -s --json '{"ttl":60}' 'http://127.0.0.1:8379/api/v1/leases' | sed -n 's/.*"id":"\([^"]*\)".*/\1/p')"#,
            "\n",
            r#"curl -X PUT --fail-with-body -H 'If-None-Match: *' --data-raw '`v`' 'http://127.0.0.1:8379/api/v1/kv?key=k%24&lease='"${LEASE:?}""#,
            r#" || curl -X DELETE 'http://127.0.0.1:8379/api/v1/leases/'"${LEASE:?}""#
        )
    );
    assert_eq!(
        etcdctl(&command).expect("etcdctl supports the command"),
        "LEASE=$(etcdctl -w simple lease grant 60 | cut -d' ' -f2)\netcdctl -w simple txn <<EOF | grep SUCCESS || etcdctl lease revoke \"${LEASE:?}\"\ncreate(\"k\\$\") = \"0\"\n\nput --lease=${LEASE:?} -- \"k\\$\" \"\\`v\\`\"\n\n\nEOF"
    );
}

#[test]
fn a_prefix_delete_carries_the_counted_keys_and_revision() {
    let command = KeyCommand::DeletePrefix {
        prefix: b"/cron/".to_vec(),
        count: 412,
        revision: 9,
    };
    assert_eq!(
        curl(&command, BASE),
        "curl -X DELETE 'http://127.0.0.1:8379/api/v1/kv?prefix=/cron/&confirm=412&revision=9'"
    );
    assert_eq!(
        etcdctl(&command).expect("etcdctl supports the command"),
        "etcdctl del --prefix '/cron/'"
    );
}

#[test]
fn a_search_is_a_curl_line_only() {
    let search = KeyCommand::Search {
        path: "search?prefix=/a/&contains=it%27s&ignore_case".to_owned(),
    };
    assert_eq!(
        curl(&search, BASE),
        "curl -N 'http://127.0.0.1:8379/api/v1/search?prefix=/a/&contains=it%27s&ignore_case'"
    );
    assert_eq!(etcdctl(&search), Err(Unsupported::NoCommand));
}
