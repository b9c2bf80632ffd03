//! The command lines that the dashboard copies, run in bash against a real gateway and etcd.

use std::process::Stdio;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use shared::{Bytes, Claim, LeaseId, Lock, LockKind};
use support::gateway::InProcess;
use support::{DEADLINE, Etcd, json_bytes, key_query, tools};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::time::timeout;

use crate::model::command::{
    KeyCommand, LeaseAction, NewLease, argument, curl, etcdctl, go_string,
};
use crate::model::lock_command::{self, LockCommand};

/// Bytes that a terminal, a shell, curl, etcdctl or Go could misinterpret.
const ODD: &[&[u8]] = &[
    b"a",
    b"",
    b" ",
    b"-k",
    b"--",
    b"@/etc/passwd",
    b"a\r\nb\r\n",
    b"a\nb\n",
    b"a\tb",
    // The end of a bracketed paste, then a command that would run.
    b"\x1b[201~\x15touch pwned\r",
    b"\x1b[201~\x03touch pwned\n",
    b"\x07\x08\x0c\x11\x13\x1a\x7f",
    "\u{85}\u{9b}201~\u{202e}\u{2028}\u{feff}".as_bytes(),
    "占用 🔒 é e\u{301}".as_bytes(),
    b"it's \"1\" `id` $HOME $(id) \\ \\n !! !touch",
    b"\n!! !-1 !touch ^a^b",
    b"'\r!!'",
    b"\x011",
    b"\xff\xfe",
    b"\xff1\xc3",
    b"%41+?#&=/../{a,b}[1-3]",
    b"EOF",
    b"\nEOF\n",
    b"\0a\0",
    b"~",
    b"# comment",
];

/// `ODD` and `count` more byte strings, the same in every run.
fn some_bytes(count: usize) -> Vec<Vec<u8>> {
    let mut runner = TestRunner::deterministic();
    let odd = proptest::sample::select(ODD).prop_map(<[u8]>::to_vec);
    let piece = prop_oneof![
        odd,
        any::<char>().prop_map(|c| c.to_string().into_bytes()),
        (0..0x20_u8).prop_map(|byte| vec![byte]),
        any::<u8>().prop_map(|byte| vec![byte]),
    ];
    let bytes = proptest::collection::vec(piece, 1..8).prop_map(|pieces| pieces.concat());
    let made = (0..count).map(|_| {
        bytes
            .new_tree(&mut runner)
            .expect("the strategy rejects nothing")
    });
    let made = made.map(|tree| tree.current());
    ODD.iter().map(|bytes| bytes.to_vec()).chain(made).collect()
}

/// Fails if a terminal would interpret a character of the line as a key press.
fn assert_can_be_pasted(line: &str) {
    let bad = line
        .chars()
        .find(|c| (c.is_control() && *c != '\n') || matches!(c, '\u{202a}'..='\u{202e}'));
    assert_eq!(bad, None, "{line:?}");
}

/// Runs a script in bash, as a file or as if it was typed; returns its output.
async fn bash(script: &str, typed: bool, environment: &[(&str, String)]) -> Vec<u8> {
    let mut command = Command::new("bash");
    command.args(["--norc", "--noprofile"]);
    if typed {
        command.args(["-i", "+m", "-H"]);
    }
    let mut child = command
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .env("PS1", "")
        .env("PS2", "")
        .env("HISTFILE", "/dev/null")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("every system has bash");
    let mut input = child.stdin.take().expect("stdin is piped");
    let script = script.to_owned();
    let writing = support::spawn(async move {
        // Fails where bash has ended early, which its output shows.
        let _ = input.write_all(script.as_bytes()).await;
    });
    let output = timeout(DEADLINE, child.wait_with_output()).await;
    let output = output.expect("bash ends in time").expect("bash runs");
    writing.await.expect("writing does not panic");
    let complaints = String::from_utf8_lossy(&output.stderr);
    for complaint in [
        "event not found",
        "unexpected EOF",
        "syntax error",
        "command not found",
    ] {
        assert!(!complaints.contains(complaint), "{complaints}");
    }
    output.stdout
}

#[tokio::test]
async fn quoted_words_round_trip_through_bash() {
    let all = some_bytes(400);
    let words: Vec<&Vec<u8>> = all
        .iter()
        .filter(|bytes| !bytes.contains(&0) && bytes.first() != Some(&b'-'))
        .collect();
    let mut script = String::new();
    for bytes in &words {
        let argument = argument(bytes).expect("no NUL byte");
        assert_can_be_pasted(&argument);
        assert!(!argument.contains('\n'), "{argument}");
        script.extend(["printf '%s\\0' ", &argument, "\n"]);
    }
    for typed in [false, true] {
        let output = bash(&script, typed, &[]).await;
        let mut read: Vec<&[u8]> = output.split(|byte| *byte == 0).collect();
        assert_eq!(read.pop(), Some(&b""[..]), "every word is terminated");
        assert_eq!(read.len(), words.len(), "typed: {typed}");
        for (read, bytes) in read.into_iter().zip(&words) {
            assert_eq!(read, bytes.as_slice(), "typed: {typed}");
        }
    }
}

/// An etcd, a gateway for it, and a shell configured for both.
struct Terminal {
    etcd: Etcd,
    gateway: InProcess,
    typed: bool,
}

impl Terminal {
    async fn start(typed: bool) -> Self {
        let etcd = Etcd::start().await;
        let gateway = InProcess::start(&etcd.url(), &[]).await;
        Self {
            etcd,
            gateway,
            typed,
        }
    }

    fn base(&self) -> String {
        format!("{}/api/v1/", self.gateway.url())
    }

    async fn run(&self, line: &str) -> Vec<u8> {
        assert_can_be_pasted(line);
        let folder = tools::etcdctl().parent().map(std::path::Path::to_owned);
        let mut path = folder.unwrap_or_default().into_os_string();
        path.push(":");
        path.push(tools::path_variable());
        let environment = [
            ("ETCDCTL_API", "3".to_owned()),
            ("ETCDCTL_ENDPOINTS", self.etcd.direct_url()),
            ("PATH", path.into_string().expect("PATH is text here")),
        ];
        bash(&format!("{line}\n"), self.typed, &environment).await
    }

    async fn curl(&self, command: &KeyCommand) -> Vec<u8> {
        self.run(&curl(command, &self.base())).await
    }

    async fn etcdctl(&self, command: &KeyCommand) -> Vec<u8> {
        self.run(&etcdctl(command).expect("etcdctl can do this"))
            .await
    }

    /// A key's value, lease and revision in etcd.
    async fn read(&self, key: &[u8]) -> Option<(Vec<u8>, i64, i64)> {
        let mut client = self.etcd.client().await;
        let response = client.get(key, None).await.expect("etcd responds");
        let entry = response.kvs().first()?;
        Some((entry.value().to_vec(), entry.lease(), entry.mod_revision()))
    }
}

/// Creates, replaces, reads and deletes each of these keys and values, by copied lines only.
async fn round_trip(terminal: &Terminal, pairs: &[(Vec<u8>, Vec<u8>)], by_etcdctl: bool) {
    let run = async |command: &KeyCommand| {
        if by_etcdctl {
            terminal.etcdctl(command).await
        } else {
            terminal.curl(command).await
        }
    };
    for (key, value) in pairs {
        let create = KeyCommand::Create {
            key: key.clone(),
            value: value.clone(),
            lease: NewLease::Grant(600),
        };
        run(&create).await;
        let (read, lease, revision) = terminal.read(key).await.expect("the key was created");
        assert_eq!((&read, lease != 0), (value, true), "{create:?}");
        // A second creation changes nothing.
        run(&KeyCommand::Create {
            value: b"other".to_vec(),
            lease: NewLease::None,
            key: key.clone(),
        })
        .await;
        assert_eq!(terminal.read(key).await, Some((read, lease, revision)));

        let reversed: Vec<u8> = value.iter().rev().copied().collect();
        for (kept, revision, hit) in [
            (LeaseAction::Keep, revision - 1, false),
            (LeaseAction::Keep, revision, true),
        ] {
            run(&KeyCommand::Replace {
                key: key.clone(),
                value: reversed.clone(),
                revision,
                lease: kept,
            })
            .await;
            let (read, still, _) = terminal.read(key).await.expect("the key exists");
            assert_eq!((&read, still), (if hit { &reversed } else { value }, lease));
        }
        let (_, _, revision) = terminal.read(key).await.expect("the key exists");
        run(&KeyCommand::Replace {
            key: key.clone(),
            value: value.clone(),
            revision,
            lease: LeaseAction::Drop,
        })
        .await;
        let (read, lease, revision) = terminal.read(key).await.expect("the key exists");
        assert_eq!((&read, lease), (value, 0));

        run(&KeyCommand::Delete {
            key: key.clone(),
            revision: revision - 1,
        })
        .await;
        assert!(
            terminal.read(key).await.is_some(),
            "a delete at another revision must not apply"
        );
        run(&KeyCommand::Delete {
            key: key.clone(),
            revision,
        })
        .await;
        assert_eq!(terminal.read(key).await, None, "{key:?}");
    }
}

/// Pairs of unusual keys and values.
fn pairs(count: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
    let bytes = some_bytes(count);
    let values = bytes.iter().rev().cloned();
    let keys = bytes.iter().cloned();
    keys.zip(values)
        .filter(|(key, _)| !key.is_empty())
        .collect()
}

#[tokio::test]
async fn copied_curl_lines_write_and_delete_the_exact_bytes() {
    let terminal = Terminal::start(true).await;
    round_trip(&terminal, &pairs(6), false).await;
}

#[tokio::test]
async fn copied_etcdctl_lines_write_and_delete_the_exact_bytes() {
    let terminal = Terminal::start(true).await;
    round_trip(&terminal, &pairs(6), true).await;
}

#[tokio::test]
async fn a_large_value_is_passed_by_standard_input() {
    let terminal = Terminal::start(false).await;
    let value: Vec<u8> = (0..300_000_u32).map(|at| (at % 251) as u8).collect();
    for lines in ["crlf\r\n".repeat(2_000).into_bytes(), value] {
        let create = KeyCommand::Create {
            key: b"large".to_vec(),
            value: lines.clone(),
            lease: NewLease::None,
        };
        terminal.curl(&create).await;
        let (read, _, revision) = terminal.read(b"large").await.expect("the key was created");
        assert!(read == lines, "{} bytes of {}", read.len(), lines.len());
        let delete = KeyCommand::Delete {
            key: b"large".to_vec(),
            revision,
        };
        terminal.curl(&delete).await;
    }
}

#[tokio::test]
async fn copied_lines_read_the_shown_key() {
    let terminal = Terminal::start(true).await;
    let api = terminal.gateway.api();
    for key in ODD.iter().filter(|key| !key.is_empty()) {
        api.put(&key_query(key), "its value").send().await.json(201);
    }
    for key in ODD.iter().filter(|key| !key.is_empty()) {
        let key = key.to_vec();
        let get = KeyCommand::Get { key: key.clone() };
        let entry: serde_json::Value =
            serde_json::from_slice(&terminal.curl(&get).await).expect("an entry");
        assert_eq!(entry["key"], json_bytes(&key));
        let history = KeyCommand::History { key: key.clone() };
        let history: serde_json::Value =
            serde_json::from_slice(&terminal.curl(&history).await).expect("a history");
        assert_eq!(history["key"], json_bytes(&key), "{history}");
        let list = KeyCommand::List {
            prefix: key.clone(),
        };
        let page: serde_json::Value =
            serde_json::from_slice(&terminal.curl(&list).await).expect("a page");
        let listed = support::keys_in(&page["entries"]);
        assert!(listed.contains(&key) && listed.iter().all(|one| one.starts_with(&key)));
        if let Ok(line) = etcdctl(&get) {
            let output = terminal.run(&line).await;
            assert_eq!(output, [&key[..], b"\nits value\n"].concat(), "{line}");
            let output = terminal.etcdctl(&list).await;
            assert!(output.starts_with(&key), "{output:?}");
        } else {
            assert!(key.contains(&0));
        }
    }
    // The empty prefix lists all of them.
    let list = KeyCommand::List { prefix: Vec::new() };
    let output = terminal.etcdctl(&list).await;
    assert!(ODD.iter().all(|key| {
        output
            .windows(key.len().max(1))
            .any(|part| part == *key || key.is_empty())
    }));
}

#[tokio::test]
async fn copied_lines_watch_the_shown_key() {
    let terminal = Terminal::start(false).await;
    let api = terminal.gateway.api();
    for key in ODD
        .iter()
        .filter(|key| !key.is_empty() && !key.contains(&0))
    {
        for prefix in [false, true] {
            let watch = KeyCommand::Watch {
                key: key.to_vec(),
                prefix,
            };
            let line = etcdctl(&watch).expect("no NUL byte");
            assert_can_be_pasted(&line);
            // The watch starts at the written revision, and ends after the event.
            let revision = api.write(key, "seen").await;
            let watching = format!("exec etcdctl watch --rev={revision}");
            let line = line.replacen("etcdctl watch", &watching, 1);
            let script =
                format!("exec 3< <({line} 2>/dev/null); read -r kind <&3; echo \"$kind\"; kill $!");
            let output = terminal.run(&script).await;
            assert_eq!(output, b"PUT\n", "{line}");
        }
    }
}

#[tokio::test]
async fn copied_curl_prefix_delete_checks_the_key_count() {
    let terminal = Terminal::start(true).await;
    let api = terminal.gateway.api();
    let prefix = b"it's \x1b[201~\xff!!/".to_vec();
    let mut revision = 0;
    for name in [&b"a"[..], b"b"] {
        revision = api.write([&prefix[..], name].concat(), "1").await;
    }
    let outside = api.write(b"it's", "1").await;
    let delete = |count| KeyCommand::DeletePrefix {
        prefix: prefix.clone(),
        count,
        revision: outside.max(revision),
    };
    terminal.curl(&delete(3)).await;
    assert!(terminal.read(&[&prefix[..], b"a"].concat()).await.is_some());
    terminal.curl(&delete(2)).await;
    assert_eq!(terminal.read(&[&prefix[..], b"a"].concat()).await, None);

    // etcdctl cannot check the count: its command deletes whatever is below the prefix.
    api.write([&prefix[..], b"c"].concat(), "1").await;
    terminal.etcdctl(&delete(2)).await;
    assert_eq!(terminal.read(&[&prefix[..], b"c"].concat()).await, None);
    assert!(terminal.read(b"it's").await.is_some());
}

#[tokio::test]
async fn copied_lines_release_only_the_shown_claim() {
    let terminal = Terminal::start(true).await;
    let mut client = terminal.etcd.client().await;
    for name in ODD.iter().filter(|name| !name.is_empty()) {
        for by_etcdctl in [false, true] {
            let lease = client
                .lease_grant(600, None)
                .await
                .expect("etcd grants")
                .id();
            let key = [name, &b"/"[..], format!("{lease:x}").as_bytes()].concat();
            let options = etcd_client::PutOptions::new().with_lease(lease);
            let put = client.put(key.clone(), "me", Some(options)).await;
            let token = put
                .expect("etcd stores")
                .header()
                .map_or(0, etcd_client::ResponseHeader::revision);
            let lock = Lock {
                held_since: None,
                name: Bytes(name.to_vec()),
                kind: LockKind::Mutex,
                certain: true,
                holder: Some(Claim {
                    key: Bytes(key.clone()),
                    name: None,
                    value: None,
                    lease: LeaseId(lease),
                    ttl: None,
                    granted_ttl: None,
                    fencing_token: token,
                    first_seen: String::new(),
                }),
                waiters: None,
                readers: Vec::new(),
            };
            let show = lock_command::curl(LockCommand::Show, &lock, &terminal.base());
            let shown: serde_json::Value =
                serde_json::from_slice(&terminal.run(&show).await).expect("a lock");
            assert_eq!(shown["name"], json_bytes(name), "{show}: {shown}");
            let line = if by_etcdctl {
                lock_command::etcdctl(LockCommand::Release, &lock).expect("etcdctl can do this")
            } else {
                lock_command::curl(LockCommand::Release, &lock, &terminal.base())
            };
            terminal.run(&line).await;
            assert_eq!(terminal.read(&key).await, None, "{line}");
        }
    }
}

#[test]
fn a_go_string_of_a_transaction_is_one_line_without_control_characters() {
    for bytes in some_bytes(400) {
        let word = go_string(&bytes);
        assert_can_be_pasted(&word);
        assert!(!word.contains(['\n', '!']), "{word}");
    }
}
