//! TLS to etcd: servers verified by IP address, client certificates, and replaced certificate files.

use std::fs;
use std::path::PathBuf;

use support::certs::{Authority, Kind, Signed};
use support::gateway::InProcess;
use support::{DEADLINE, Etcd, Stream, Watchgate, ensure, eventually, key_query};
use tempfile::TempDir;

#[tokio::test]
async fn a_server_certificate_may_name_only_an_ip_address() {
    let authority = Authority::new();
    let etcd = Etcd::start_tls(&authority.server(&["127.0.0.1"]), &[]).await;
    let ca = authority.file();
    let gateway = InProcess::start(&etcd.url(), &["--cacert", &ca]).await;
    gateway.api().write("/k", "v").await;
    let mut stream = Stream::ndjson(gateway.api().get("/watch?prefix=/&snapshot")).await;
    stream.expect_type("opened").await;
    // A server certificate of another authority is refused.
    let other = Authority::new();
    let gateway = InProcess::start(&etcd.url(), &["--cacert", &other.file()]).await;
    let refused = gateway.api().get("/kv?prefix=").send().await;
    refused.problem(503, "unavailable");
}

#[tokio::test]
async fn client_keys_are_accepted_in_every_pem_form() {
    let authority = Authority::new();
    let ca = authority.file();
    let etcd = Etcd::start_mtls(&authority, &[]).await;
    let ec = authority.client("app", Kind::Ec);
    let rsa = authority.client("rsa", Kind::Rsa);
    for (client, key) in [
        (&ec, ec.key.clone()),
        (&ec, ec.without_pkcs8("EC PRIVATE KEY")),
        (&rsa, rsa.key.clone()),
        (&rsa, rsa.without_pkcs8("RSA PRIVATE KEY")),
    ] {
        let key = key.to_str().expect("text");
        let flags = ["--cacert", &ca, "--cert", client.cert(), "--key", key];
        let gateway = InProcess::start(&etcd.url(), &flags).await;
        gateway.api().write("/k", "v").await;
    }
    let without = InProcess::start(&etcd.url(), &["--cacert", &ca]).await;
    let refused = without.api().get("/kv?prefix=").send().await;
    refused.problem(503, "unavailable");
}

#[tokio::test]
async fn the_certificates_name_is_the_gateways_account_while_auth_is_on() {
    let authority = Authority::new();
    let etcd = Etcd::start_mtls(&authority, &[]).await;
    let root = authority.client("root", Kind::Ec);
    let gateway = InProcess::start_mtls(&etcd, &authority, &root).await;
    let api = gateway.api();
    // The gateway's certificate opens the connection to etcd; it does not authenticate the gateway's clients.
    let made_up = api.with_header("authorization", "Bearer made.up");
    let refused = made_up.get("/kv?prefix=").send().await;
    refused.problem(401, "unauthenticated");
    api.write("/k", "v").await;
}

/// Certificate files that are replaced while they are in use.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(TempDir::with_prefix("watchgate-files-").expect("a temporary folder"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        let path = self.path(name);
        path.to_str()
            .expect("temporary folders are UTF-8")
            .to_owned()
    }

    /// Replaces a certificate, its key and its authority.
    fn put(&self, name: &str, authority: &Authority, signed: &Signed) {
        for (from, to) in [
            (PathBuf::from(authority.file()), format!("{name}-ca.pem")),
            (signed.cert.clone(), format!("{name}.pem")),
            (signed.key.clone(), format!("{name}-key.pem")),
        ] {
            fs::copy(from, self.path(&to)).expect("files can be copied");
        }
    }

    /// An etcd with these files that requires client certificates.
    async fn etcd(&self) -> Etcd {
        let flags = [
            format!("--cert-file={}", self.text("etcd.pem")),
            format!("--key-file={}", self.text("etcd-key.pem")),
            format!("--trusted-ca-file={}", self.text("etcd-ca.pem")),
            "--client-cert-auth".to_owned(),
        ];
        Etcd::start_secure(&flags.each_ref().map(String::as_str)).await
    }

    fn flags(&self) -> [String; 6] {
        let [ca, cert, key] =
            ["client-ca.pem", "client.pem", "client-key.pem"].map(|name| self.text(name));
        [
            "--cacert".to_owned(),
            ca,
            "--cert".to_owned(),
            cert,
            "--key".to_owned(),
            key,
        ]
    }
}

/// Waits until `/k` can be read and has this value.
async fn wait_for_value(api: &support::Client, value: &str) {
    eventually("the value is read", DEADLINE, async || {
        let response = api.get(&format!("{}&raw", key_query("/k"))).send().await;
        ensure(response.status == 200 && response.text() == value, || {
            response.text()
        })
    })
    .await;
}

#[tokio::test]
async fn replaced_certificates_are_used_by_the_next_connection() {
    let (files, first, second) = (Files::new(), Authority::new(), Authority::new());
    files.put("etcd", &first, &first.server(&["127.0.0.1"]));
    files.put("client", &first, &first.client("one", Kind::Ec));
    let mut etcd = files.etcd().await;
    let flags = files.flags();
    let gateway = InProcess::start(&etcd.url(), &flags.each_ref().map(String::as_str)).await;
    let api = gateway.api();
    api.write("/k", "1").await;

    // etcd's files are now of another authority, so certificates signed by the first are refused.
    etcd.kill();
    files.put("etcd", &second, &second.server(&["127.0.0.1"]));
    etcd.restart().await;
    eventually(
        "etcd no longer trusts the first authority",
        DEADLINE,
        async || {
            let response = api.get(&key_query("/k")).send().await;
            ensure(response.status == 503, || response.text())
        },
    )
    .await;
    files.put("client", &second, &second.client("two", Kind::Rsa));
    wait_for_value(&api, "1").await;

    // Open connections survive the replacement of files.
    let mut stream = Stream::ndjson(api.get("/watch?prefix=/")).await;
    stream.expect_type("opened").await;
    files.put("client", &second, &second.client("three", Kind::Ec));
    let revision = api.write("/k", "2").await;
    stream.until(revision).await;
    // A lost watch reconnects with the new files.
    reconnect(&etcd, &api).await;
    wait_for_value(&api, "2").await;
    let revision = api.write("/k", "3").await;
    stream.until(revision).await;
}

/// Ends the gateway's connections to etcd and lets it open new ones.
async fn reconnect(etcd: &Etcd, api: &support::Client) {
    etcd.proxy.cut();
    // If nothing noticed the cut before the proxy is restored, the old connections would stay in use.
    eventually("the connections end", DEADLINE, async || {
        let read = api
            .get(&format!("{}&timeout=1s", key_query("/k")))
            .send()
            .await;
        ensure(read.status != 200, || read.text())
    })
    .await;
    etcd.proxy.restore();
}

#[tokio::test]
async fn unusable_new_certificates_are_reported_and_the_old_ones_stay_in_use() {
    let (files, authority) = (Files::new(), Authority::new());
    files.put("etcd", &authority, &authority.server(&["127.0.0.1"]));
    files.put("client", &authority, &authority.client("one", Kind::Ec));
    let etcd = files.etcd().await;
    let flags = files.flags();
    let gateway = Watchgate::for_etcd(&etcd, &flags.each_ref().map(String::as_str)).await;
    let api = gateway.api();
    api.write("/k", "1").await;
    let other = authority.client("other", Kind::Ec);
    let whole = fs::read(files.path("client-ca.pem")).expect("the file exists");
    let broken: [(&str, &dyn Fn()); 4] = [
        ("cannot be used together", &|| {
            fs::copy(&other.cert, files.path("client.pem")).expect("the folder is writable");
        }),
        ("client-key.pem is not a PEM file", &|| {
            fs::write(files.path("client-key.pem"), "garbage").expect("the folder is writable");
        }),
        ("client-ca.pem is not a PEM file", &|| {
            fs::write(files.path("client-ca.pem"), &whole[..whole.len() / 2])
                .expect("the folder is writable");
        }),
        ("client.pem cannot be read", &|| {
            fs::remove_file(files.path("client.pem")).expect("the folder is writable");
        }),
    ];
    for (reason, spoil) in broken {
        files.put("client", &authority, &authority.client("one", Kind::Ec));
        spoil();
        reconnect(&etcd, &api).await;
        wait_for_value(&api, "1").await;
        eventually("the reason is logged", DEADLINE, async || {
            ensure(gateway.log().contains(reason), || gateway.log())
        })
        .await;
    }
}
