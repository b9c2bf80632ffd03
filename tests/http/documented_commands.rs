//! The curl lines in README.md and docs/API.md are run as they are.
//!
//! All `sh` blocks of a document that contain curl, or set `W`, are one script for one shell. A comment
//! after a line names the expected status; without one the line must succeed. Streams (`curl -N`) are
//! cancelled after a moment.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::Stdio;
use std::time::Duration;

use support::gateway::InProcess;
use support::{Etcd, tools};
use tokio::process::Command;
use tokio::time::timeout;

/// The gateway's address in the documents.
const DOCUMENTED: &str = "http://127.0.0.1:8379";

/// Wraps curl: prints each response's status on stderr; a stream that is cancelled (28) is not a failure.
const CURL: &str = r#"
set -euo pipefail
curl() {
    local most=20 code=0
    case " $* " in *" -N "*) most=2;; esac
    command curl -sS --max-time $most -w "%{stderr}@@$line %{http_code}\n" "$@" || code=$?
    [ $code = 28 ] || return $code
}
"#;

#[tokio::test]
async fn the_lines_of_the_readme_work() {
    check("README.md").await;
}

#[tokio::test]
async fn the_lines_of_the_api_guide_work() {
    check("docs/API.md").await;
}

/// Runs a document's lines against their own etcd and gateway.
async fn check(document: &str) {
    let etcd = Etcd::start().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let path = tools::root().join(document);
    let text = std::fs::read_to_string(&path).expect("the document exists");
    let lines = lines(&text);
    assert!(lines.len() >= 10, "{document} contains curl lines");
    let mut script = CURL.to_owned();
    for (number, line) in lines.iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = writeln!(script, "line={number}\n{line}");
    }
    let script = script.replace(DOCUMENTED, &gateway.url());
    let running = Command::new("bash")
        .args(["-c", &script])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = timeout(Duration::from_mins(5), running)
        .await
        .expect("the document's lines finish in time")
        .expect("every system has bash");
    let errors = String::from_utf8_lossy(&output.stderr);
    let mut statuses: BTreeMap<usize, u16> = BTreeMap::new();
    for report in errors.lines().filter_map(|line| line.strip_prefix("@@")) {
        let (line, status) = report.split_once(' ').expect("the line and the status");
        let line = line.parse().expect("a line's number");
        statuses.insert(line, status.parse().expect("a status"));
    }
    for (number, line) in lines.iter().enumerate() {
        if !line.contains("curl ") {
            continue;
        }
        let status = statuses.get(&number).copied();
        let expected = expected_status(line);
        let as_expected = match (status, expected) {
            (Some(status), Some(expected)) => status == expected,
            (Some(status), None) => (200..300).contains(&status),
            (None, _) => false,
        };
        let output_text = String::from_utf8_lossy(&output.stdout);
        assert!(
            as_expected,
            "{document}: `{line}` has status {status:?}\n{errors}\n{output_text}"
        );
    }
    assert!(output.status.success(), "{document}: {errors}");
}

/// The logical lines of all shell blocks that contain curl.
fn lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for block in text.split("```sh\n").skip(1) {
        let block = block.split("```").next().unwrap_or_default();
        if !block.contains("curl ") && !block.starts_with("W=") {
            continue;
        }
        let mut joined = String::new();
        for line in block.lines() {
            joined.push_str(line);
            if line.ends_with('\\') || ends_in_quotes(&joined) {
                joined.push('\n');
            } else {
                lines.push(std::mem::take(&mut joined));
            }
        }
    }
    lines.retain(|line| !line.trim().is_empty());
    lines
}

/// Whether a quotation is open at the end, so that the shell continues with the next line.
fn ends_in_quotes(text: &str) -> bool {
    let mut open = None;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match (open, character) {
            (None | Some('"'), '\\') => {
                characters.next();
            }
            (None, '#') => return false,
            (None, '\'' | '"') => open = Some(character),
            (Some(quote), _) if quote == character => open = None,
            _ => {}
        }
    }
    open.is_some()
}

/// `… # 201; again: 200` → 201.
fn expected_status(line: &str) -> Option<u16> {
    let comment = line.rsplit_once("# ")?.1;
    let digits: String = comment.chars().take_while(char::is_ascii_digit).collect();
    (digits.len() == 3).then(|| digits.parse().ok()).flatten()
}
