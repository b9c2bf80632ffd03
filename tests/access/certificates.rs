//! TLS to etcd: servers known by their address alone, clients known by their certificate.

use support::certs::{Authority, Kind};
use support::gateway::InProcess;
use support::{Etcd, Stream};

#[tokio::test]
async fn a_server_may_be_known_by_its_address_alone() {
    let authority = Authority::new();
    let server = authority.server(&["127.0.0.1"]);
    let flags = [
        format!("--cert-file={}", server.cert()),
        format!("--key-file={}", server.key()),
    ];
    let etcd = Etcd::start_secure(&flags.each_ref().map(String::as_str)).await;
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
    let server = authority.server(&["127.0.0.1"]);
    let ca = authority.file();
    let flags = [
        format!("--cert-file={}", server.cert()),
        format!("--key-file={}", server.key()),
        format!("--trusted-ca-file={ca}"),
        "--client-cert-auth".to_owned(),
    ];
    let etcd = Etcd::start_secure(&flags.each_ref().map(String::as_str)).await;
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
    let server = authority.server(&["127.0.0.1"]);
    let ca = authority.file();
    let flags = [
        format!("--cert-file={}", server.cert()),
        format!("--key-file={}", server.key()),
        format!("--trusted-ca-file={ca}"),
        "--client-cert-auth".to_owned(),
    ];
    let etcd = Etcd::start_secure(&flags.each_ref().map(String::as_str)).await;
    let root = authority.client("root", Kind::Ec);
    let flags = ["--cacert", &ca, "--cert", root.cert(), "--key", root.key()];
    let gateway = InProcess::start(&etcd.url(), &flags).await;
    let api = gateway.api();
    // Everybody's certificate opens the connection, and tells nothing of whoever asks us.
    let made_up = api.with("authorization", "Bearer made.up");
    let refused = made_up.get("/kv?prefix=").send().await;
    refused.problem(401, "unauthenticated");
    api.write("/k", "v").await;
}
