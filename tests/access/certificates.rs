//! TLS to etcd: servers known by their address alone, clients known by their certificate.

use std::fs;
use std::path::PathBuf;

use support::certs::{Authority, Kind, Signed};
use support::gateway::InProcess;
use support::{DEADLINE, Etcd, Stream, Watchgate, eventually, key_query, when};
use tempfile::TempDir;

#[tokio::test]
async fn a_server_may_be_known_by_its_address_alone() {
    let authority = Authority::new();
    let etcd = Etcd::start_tls(&authority.server(&["127.0.0.1"]), &[]).await;
    let ca = authority.file();
    let gateway = InProcess::start(&etcd.url(), &["--cacert", &ca]).await;
    gateway.api().write("/k", "v").await;
    let mut stream = Stream::ndjson(gateway.api().get("/watch?prefix=/&snapshot")).await;
    stream.of("opened").await;
    // Another authority's word counts for nothing.
    let other = Authority::new();
    let gateway = InProcess::start(&etcd.url(), &["--cacert", &other.file()]).await;
    let refused = gateway.api().get("/kv?prefix=").send().await;
    refused.problem(503, "unavailable");
}

#[tokio::test]
async fn a_client_shows_a_certificate_whatever_form_its_key_has() {
    let authority = Authority::new();
    let ca = authority.file();
    let etcd = Etcd::start_mtls(&authority, &[]).await;
    let ec = authority.client("app", Kind::Ec);
    let rsa = authority.client("rsa", Kind::Rsa);
    for (client, key) in [
        (&ec, ec.key.clone()),
        (&ec, ec.unwrapped("EC PRIVATE KEY")),
        (&rsa, rsa.key.clone()),
        (&rsa, rsa.unwrapped("RSA PRIVATE KEY")),
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
async fn while_auth_is_on_a_certificates_name_is_the_gateways_account() {
    let authority = Authority::new();
    let etcd = Etcd::start_mtls(&authority, &[]).await;
    let root = authority.client("root", Kind::Ec);
    let gateway = InProcess::start_mtls(&etcd, &authority, &root).await;
    let api = gateway.api();
    // Everybody's certificate opens the connection, and tells nothing of whoever asks us.
    let made_up = api.with("authorization", "Bearer made.up");
    let refused = made_up.get("/kv?prefix=").send().await;
    refused.problem(401, "unauthenticated");
    api.write("/k", "v").await;
}

/// Certificate files that are replaced while they are in use.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(TempDir::with_prefix("watchgate-files-").expect("folders can be made"))
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

    /// Puts a certificate, its key and its authority in place of the former.
    fn put(&self, name: &str, authority: &Authority, signed: &Signed) {
        for (from, to) in [
            (PathBuf::from(authority.file()), format!("{name}-ca.pem")),
            (signed.cert.clone(), format!("{name}.pem")),
            (signed.key.clone(), format!("{name}-key.pem")),
        ] {
            fs::copy(from, self.path(&to)).expect("files can be copied");
        }
    }

    /// etcd with these files, asking for certificates.
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

/// The value of `/k`, once etcd can be reached.
async fn reads(api: &support::Client, value: &str) {
    eventually("etcd is reached", DEADLINE, async || {
        let answer = api.get(&format!("{}&raw", key_query("/k"))).send().await;
        when(answer.status == 200 && answer.text() == value, || {
            answer.text()
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

    // Everything of etcd's is another authority's, and whom the first signed is not let in any more.
    etcd.kill();
    files.put("etcd", &second, &second.server(&["127.0.0.1"]));
    etcd.restart().await;
    eventually(
        "the former authority is not trusted by etcd",
        DEADLINE,
        async || {
            let answer = api.get(&key_query("/k")).send().await;
            when(answer.status == 503, || answer.text())
        },
    )
    .await;
    files.put("client", &second, &second.client("two", Kind::Rsa));
    reads(&api, "1").await;

    // Open connections go on when files are replaced.
    let mut stream = Stream::ndjson(api.get("/watch?prefix=/")).await;
    stream.of("opened").await;
    files.put("client", &second, &second.client("three", Kind::Ec));
    let revision = api.write("/k", "2").await;
    stream.until(revision).await;
    // And a lost watch comes back with the new ones.
    reconnect(&etcd, &api).await;
    reads(&api, "2").await;
    let revision = api.write("/k", "3").await;
    stream.until(revision).await;
}

/// Ends the gateway's connections to etcd and lets it open new ones.
async fn reconnect(etcd: &Etcd, api: &support::Client) {
    etcd.proxy.cut();
    // A cut that nothing has noticed yet would leave the old connections standing.
    eventually("the connections end", DEADLINE, async || {
        let read = api
            .get(&format!("{}&timeout=1s", key_query("/k")))
            .send()
            .await;
        when(read.status != 200, || read.text())
    })
    .await;
    etcd.proxy.restore();
}

#[tokio::test]
async fn unusable_new_certificates_leave_the_former_in_use_and_say_why() {
    let (files, authority) = (Files::new(), Authority::new());
    files.put("etcd", &authority, &authority.server(&["127.0.0.1"]));
    files.put("client", &authority, &authority.client("one", Kind::Ec));
    let etcd = files.etcd().await;
    let flags = files.flags();
    let gateway = Watchgate::for_etcd(&etcd, &flags.each_ref().map(String::as_str)).await;
    let api = gateway.api();
    api.write("/k", "1").await;
    let other = authority.client("other", Kind::Ec);
    let whole = fs::read(files.path("client-ca.pem")).expect("is there");
    let broken: [(&str, &dyn Fn()); 4] = [
        ("cannot be used together", &|| {
            fs::copy(&other.cert, files.path("client.pem")).expect("copies");
        }),
        ("client-key.pem is not a PEM file", &|| {
            fs::write(files.path("client-key.pem"), "garbage").expect("writes");
        }),
        ("client-ca.pem is not a PEM file", &|| {
            fs::write(files.path("client-ca.pem"), &whole[..whole.len() / 2]).expect("writes");
        }),
        ("client.pem cannot be read", &|| {
            fs::remove_file(files.path("client.pem")).expect("removes");
        }),
    ];
    for (why, spoil) in broken {
        files.put("client", &authority, &authority.client("one", Kind::Ec));
        spoil();
        reconnect(&etcd, &api).await;
        reads(&api, "1").await;
        eventually("the log says why", DEADLINE, async || {
            when(gateway.log().contains(why), || gateway.log())
        })
        .await;
    }
}
