//! `watchgate doctor`: its findings, the fixes it suggests, and its exit status.

use std::net::TcpListener;
use std::process::Stdio;

use http::Method;
use serde_json::{Value, json};
use support::auth::{self, ROOT};
use support::certs::{Authority, Kind};
use support::gateway::InProcess;
use support::{Cluster, Etcd, Grant, tools};
use tempfile::TempDir;
use tokio::process::Command;

/// The findings, one per line, and whether the exit status was 0.
struct Report {
    lines: Vec<Value>,
    ok: bool,
}

async fn run(arguments: &[&str]) -> (String, bool) {
    let output = Command::new(tools::watchgate())
        .arg("doctor")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .await
        .expect("the binary was found and runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        matches!(output.status.code(), Some(0 | 1)),
        "{text}{errors}"
    );
    (format!("{text}{errors}"), output.status.success())
}

async fn examine(arguments: &[&str]) -> Report {
    let (text, ok) = run(&[arguments, &["--json"]].concat()).await;
    let lines = text.lines().map(|line| {
        let line = serde_json::from_str(line);
        line.unwrap_or_else(|error| panic!("{error}: {text}"))
    });
    Report {
        lines: lines.collect(),
        ok,
    }
}

impl Report {
    #[track_caller]
    fn step(&self, step: &str) -> &Value {
        let found = self.lines.iter().find(|line| line["step"] == step);
        found.unwrap_or_else(|| panic!("no {step} in {:?}", self.lines))
    }

    /// Asserts a step's outcome; returns its line.
    #[track_caller]
    fn expect_outcome(&self, step: &str, outcome: &str) -> &Value {
        let line = self.step(step);
        assert_eq!(line["outcome"], outcome, "{line}");
        line
    }

    /// The line whose detail starts with `start`.
    #[track_caller]
    fn find(&self, start: &str) -> &Value {
        let matches = |line: &&Value| {
            line["detail"]
                .as_str()
                .is_some_and(|it| it.starts_with(start))
        };
        let found = self.lines.iter().find(matches);
        found.unwrap_or_else(|| panic!("nothing about `{start}` in {:?}", self.lines))
    }

    /// Asserts that only this step failed, with `fix` in its suggested fix.
    #[track_caller]
    fn expect_only_failure(&self, step: &str, fix: &str) {
        let line = self.expect_outcome(step, "failed");
        let text = line["fix"].as_str().unwrap_or_default();
        assert!(text.contains(fix), "{line}");
        assert!(!self.ok);
        let failed = self.lines.iter().filter(|line| line["outcome"] == "failed");
        assert_eq!(failed.count(), 1, "{:?}", self.lines);
    }
}

#[tokio::test]
async fn a_healthy_cluster_passes_every_step() {
    let etcd = Etcd::start().await;
    let found = examine(&["--etcd", &etcd.url()]).await;
    assert!(found.ok, "{:?}", found.lines);
    for step in ["dns", "tcp", "http2", "auth", "permission", "advertised"] {
        found.expect_outcome(step, "ok");
    }
    // A warning says that etcd 3.4 no longer gets fixes.
    let old = tools::etcd_version() < (3, 5, 0);
    found.expect_outcome("version", if old { "warning" } else { "ok" });
    let proxy = found.expect_outcome("proxy", "note");
    assert!(
        proxy["fix"]
            .as_str()
            .is_some_and(|fix| fix.contains("sign-in")),
        "{proxy}"
    );
    let (text, ok) = run(&["--etcd", &etcd.url()]).await;
    assert!(ok && text.contains("ok   tcp "), "{text}");
}

#[tokio::test]
async fn wrong_names_ports_and_protocols_are_reported() {
    let etcd = Etcd::start().await;
    examine(&["--etcd", "http://no-such-host.invalid:2379"])
        .await
        .expect_only_failure("dns", "correct the name");
    let free = TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a port");
    examine(&["--etcd", &format!("http://{free}")])
        .await
        .expect_only_failure("tcp", "start etcd");
    let secure = etcd.url().replace("http://", "https://");
    let authority = Authority::new();
    examine(&["--etcd", &secure, "--cacert", &authority.file()])
        .await
        .expect_only_failure("tls", "http://");
    examine(&["--etcd", "127.0.0.1:2379"])
        .await
        .expect_only_failure("url", "http://host:2379");
    let (text, ok) = run(&[]).await;
    assert!(!ok && text.contains("--etcd"), "{text}");
}

#[tokio::test]
async fn certificate_errors_are_reported() {
    let authority = Authority::new();
    let ca = authority.file();
    let etcd = Etcd::start_tls(&authority.server(&["127.0.0.1", "etcd.test"]), &[]).await;
    let url = etcd.direct_url();
    let found = examine(&["--etcd", &url, "--cacert", &ca]).await;
    let tls = found.expect_outcome("tls", "ok");
    let detail = tls["detail"].as_str().unwrap_or_default();
    assert!(
        detail.contains("127.0.0.1, etcd.test") || detail.contains("etcd.test, 127.0.0.1"),
        "{detail}"
    );
    assert!(detail.contains("key EC 256"), "{detail}");
    let other = Authority::new();
    examine(&["--etcd", &url, "--cacert", &other.file()])
        .await
        .expect_only_failure("tls", "that authority's certificate");
    let by_name = url.replace("127.0.0.1", "localhost");
    examine(&["--etcd", &by_name, "--cacert", &ca])
        .await
        .expect_only_failure("tls", "use one of these names");
    let plain = url.replace("https://", "http://");
    examine(&["--etcd", &plain])
        .await
        .expect_only_failure("http2", "https://");
    examine(&["--etcd", &url, "--cacert", "/nowhere/ca.pem"])
        .await
        .expect_only_failure("tls", "--cacert");
    let late = Etcd::start_tls(&authority.expired_server("127.0.0.1"), &[]).await;
    examine(&["--etcd", &late.direct_url(), "--cacert", &ca])
        .await
        .expect_only_failure("tls", "renew");
}

#[tokio::test]
async fn a_missing_client_certificate_is_reported() {
    let authority = Authority::new();
    let (ca, client) = (authority.file(), authority.client("app", Kind::Ec));
    let etcd = Etcd::start_mtls(&authority, &[]).await;
    let url = etcd.direct_url();
    examine(&["--etcd", &url, "--cacert", &ca])
        .await
        .expect_only_failure("http2", "--cert FILE and --key FILE");
    let own = ["--cert", client.cert(), "--key", client.key()];
    let found = examine(&[&["--etcd", &url, "--cacert", &ca], &own[..]].concat()).await;
    assert!(found.ok, "{:?}", found.lines);
}

#[tokio::test]
async fn an_unusable_advertised_url_is_reported() {
    let nowhere = "http://0.0.0.0:2379";
    let etcd = Etcd::start_with(&[&format!("--advertise-client-urls={nowhere}")]).await;
    let found = examine(&["--etcd", &etcd.url()]).await;
    let warning = found.expect_outcome("advertised", "warning");
    let detail = warning["detail"].as_str().unwrap_or_default();
    assert!(
        detail.contains(nowhere) && detail.contains(&etcd.url()),
        "{warning}"
    );
    let fix = warning["fix"].as_str().unwrap_or_default();
    assert!(fix.contains("--advertise-client-urls"), "{warning}");
    assert!(found.ok, "a warning is not a failure: {:?}", found.lines);
}

#[tokio::test]
async fn a_stopped_member_is_reported() {
    let mut cluster = Cluster::start(3).await;
    cluster.leader().await;
    cluster.kill(2);
    // The stopped member is not a configured endpoint: that is a warning, not a failure.
    let found = examine(&["--etcd", &cluster.url(0)]).await;
    let down = found.find("member m2:");
    assert_eq!(
        (&down["step"], &down["outcome"]),
        (&json!("advertised"), &json!("warning")),
        "{down}"
    );
    assert_eq!(down["fix"], "start it, or correct its URL");
    let text = json!(found.lines).to_string();
    assert!(
        !text.contains("member m0") && !text.contains("member m1"),
        "{text}"
    );
    assert!(found.ok, "{:?}", found.lines);
    // A configured endpoint that does not respond is a failure, and the others are still examined.
    let found = examine(&["--etcd", &cluster.urls()]).await;
    let failed = found
        .lines
        .iter()
        .filter(|line| line["outcome"] == "failed");
    let failed: Vec<_> = failed.collect();
    assert_eq!(failed.len(), 1, "{:?}", found.lines);
    assert_eq!(
        (&failed[0]["step"], &failed[0]["endpoint"]),
        (&json!("tcp"), &json!(cluster.url(2)))
    );
    assert!(!found.ok);
    found.expect_outcome("permission", "ok");
    found.find("member m2:");
}

#[tokio::test]
async fn every_cluster_of_the_file_is_examined() {
    let folder = TempDir::new().expect("a folder");
    let etcd = Etcd::start().await;
    let free = TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a port");
    let text = format!(
        "[[clusters]]\nname = \"away\"\nendpoints = [\"http://{free}\"]\n\
         [[clusters]]\nname = \"here\"\nendpoints = [\"{}\"]\n",
        etcd.url()
    );
    let file = folder.path().join("watchgate.toml");
    std::fs::write(&file, text).expect("files can be written");
    let found = examine(&["--config", file.to_str().expect("text")]).await;
    let outcomes = |cluster: &str| {
        let lines = found.lines.iter().filter(|line| line["cluster"] == cluster);
        let lines = lines.map(|line| (line["step"].clone(), line["outcome"].clone()));
        lines.collect::<Vec<_>>()
    };
    assert_eq!(
        json!(outcomes("away")),
        json!([["dns", "ok"], ["tcp", "failed"]])
    );
    for step in ["dns", "tcp", "http2", "auth", "permission", "advertised"] {
        let ok = (json!(step), json!("ok"));
        assert!(outcomes("here").contains(&ok), "{:?}", found.lines);
    }
    assert!(!found.ok);
    let (text, ok) = run(&["--config", file.to_str().expect("text")]).await;
    assert!(
        !ok && text.contains("FAIL tcp") && text.contains("here at "),
        "{text}"
    );
}

/// The doctor's report with root's client certificate while auth is on.
async fn auth_by_certificate(flags: &[&str]) -> Report {
    let authority = Authority::new();
    let (server, root) = (
        authority.server(&["127.0.0.1"]),
        authority.client("root", Kind::Ec),
    );
    let ca = authority.file();
    let trusted = format!("--trusted-ca-file={ca}");
    let etcd = Etcd::start_tls(&server, &[&[trusted.as_str()], flags].concat()).await;
    let shown = ["--cacert", &ca, "--cert", root.cert(), "--key", root.key()];
    let gateway = InProcess::start(&etcd.url(), &shown).await;
    let api = gateway.api();
    let user = json!({"name": "root", "password": ROOT});
    api.post("/auth/users", &user).send().await.json(201);
    let role = json!({"name": "root"});
    api.post("/auth/roles", &role).send().await.json(201);
    let grant = api.request(Method::PUT, "/auth/users/root/roles/root");
    grant.send().await.json(200);
    let enable = api.request(Method::POST, "/auth/enable");
    enable.send().await.json(200);
    let url = etcd.direct_url();
    examine(&[&["--etcd", &url], &shown[..]].concat()).await
}

#[tokio::test]
async fn a_certificate_is_an_account_only_with_client_cert_auth() {
    let known = auth_by_certificate(&["--client-cert-auth"]).await;
    known.expect_outcome("auth", "ok");
    known.expect_outcome("permission", "ok");
    // Without the flag, etcd still requests the certificate and verifies it by the authority.
    let unknown = auth_by_certificate(&[]).await;
    let fix = unknown.expect_outcome("auth", "note")["fix"].clone();
    assert!(
        fix.as_str()
            .is_some_and(|fix| fix.contains("--client-cert-auth")),
        "{fix}"
    );
    let has = |step| unknown.lines.iter().any(|line| line["step"] == step);
    assert!(!has("permission") && !has("version"));
}

#[tokio::test]
async fn account_errors_are_reported() {
    let etcd = Etcd::start().await;
    let url = etcd.url();
    let found = examine(&["--etcd", &url, "--user", "root:x"]).await;
    found.expect_outcome("auth", "note");
    let mut root = etcd.enable_auth().await;
    auth::user(&mut root, "app", "secret", &[(Grant::Read, "/app/")]).await;
    let found = examine(&["--etcd", &url]).await;
    let fix = found.expect_outcome("auth", "note")["fix"].clone();
    assert!(
        fix.as_str().is_some_and(|fix| fix.contains("--user")),
        "{fix}"
    );
    examine(&["--etcd", &url, "--user", "root:wrong"])
        .await
        .expect_only_failure("auth", "password");
    let found = examine(&["--etcd", &url, "--user", "app:secret"]).await;
    found.expect_outcome("auth", "ok");
    found.expect_outcome("permission", "warning");
    let found = examine(&["--etcd", &url, "--user", &format!("root:{ROOT}")]).await;
    found.expect_outcome("permission", "ok");
    assert!(found.ok, "{:?}", found.lines);
    let (text, _) = run(&["--etcd", &url, "--user", "root:hunter2"]).await;
    assert!(!text.contains("hunter2"), "{text}");
}
