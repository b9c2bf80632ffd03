//! Advertised addresses that belong to another etcd.

use std::net::SocketAddr;

use http::Method;
use serde_json::{Value, json};
use support::auth::ROOT;
use support::gateway::InProcess;
use support::tap::Tap;
use support::{Client, Cluster, Etcd};

use crate::{member_named, warnings};

/// etcd's defaults, from which the ids are derived.
const DEFAULTS: [&str; 3] = [
    "--initial-advertise-peer-urls=http://localhost:2380",
    "--initial-cluster=test=http://localhost:2380",
    "--initial-cluster-token=etcd-cluster",
];

async fn overview(api: &Client) -> Value {
    api.get("/cluster").send().await.json(200)
}

#[tokio::test]
async fn an_etcd_with_the_same_ids_is_not_mistaken_for_the_configured_one() {
    let local = Etcd::start_with(&DEFAULTS).await;
    let tap = Tap::start(&local.url());
    // As through a tunnel: the address that the remote etcd advertises is the local etcd's here.
    let advertised = format!("--advertise-client-urls={}", tap.url());
    let remote = Etcd::start_with(&[&DEFAULTS[..], &[advertised.as_str()]].concat()).await;
    remote.enable_auth().await;
    let gateway = InProcess::start(&remote.url(), &[]).await;
    let api = gateway.api().with_password("root", ROOT);
    let marker = "only the remote one has this";
    api.write("k", marker).await;

    let there = InProcess::start(&local.url(), &[]).await;
    let there = overview(&there.api()).await;
    let here = overview(&api).await;
    let id = here["header"]["member_id"].as_str().expect("an id");
    for same in ["cluster_id", "member_id"] {
        assert_eq!(here["header"][same], there["header"][same], "{same}");
    }
    assert_eq!(here["members"][0]["reached_by"], remote.url());
    let defragmented = api
        .request(Method::POST, "/cluster/defragment")
        .send()
        .await
        .json(200);
    assert_eq!(defragmented["members"][0]["reached_by"], remote.url());
    let hash = api.get("/cluster/hash").send().await.json(200);
    assert_eq!(hash["members"][0]["reached_by"], remote.url());
    let path = format!("/cluster/snapshot?member={id}");
    let snapshot = api.get(&path).send().await.expect(200);
    let marker = marker.as_bytes();
    let mut windows = snapshot.body.windows(marker.len());
    assert!(
        windows.any(|window| window == marker),
        "the etcd serves its own data"
    );

    // The other etcd received only status requests, without credentials.
    let calls = tap.calls();
    assert!(!calls.is_empty());
    for call in calls {
        assert!(!call.with_token, "{call:?}");
        assert!(call.path.ends_with("Maintenance/Status"), "{call:?}");
    }
}

#[tokio::test]
async fn no_token_is_sent_to_a_server_identified_without_one() {
    let stranger = Etcd::start().await;
    let tap = Tap::start(&stranger.url());
    let url = tap.url();
    let cluster = Cluster::start_with(3, |at, clients: &[SocketAddr]| {
        let own = format!("http://{}", clients[at]);
        let advertised = if at == 0 { &url } else { &own };
        vec![format!("--advertise-client-urls={advertised}")]
    })
    .await;
    let gateway = InProcess::start(&cluster.url(1), &[]).await;
    let api = gateway.api();
    let root = json!({"name": "root", "password": ROOT});
    api.post("/auth/users", &root).send().await.json(201);
    let role = json!({"name": "root"});
    api.post("/auth/roles", &role).send().await.json(201);
    let grant = api.request(Method::PUT, "/auth/users/root/roles/root");
    grant.send().await.json(200);
    let enable = api.request(Method::POST, "/auth/enable");
    enable.send().await.json(200);

    let found = overview(&api.with_password("root", ROOT)).await;
    let lost = member_named(&found, "m0");
    assert_eq!(lost["healthy"], false);
    assert!(
        lost["error"]
            .as_str()
            .is_some_and(|it| it.contains("another cluster")),
        "{lost}"
    );
    assert!(warnings(&found).contains(&"advertised_url"), "{found}");
    let calls = tap.calls();
    assert!(
        !calls.is_empty() && calls.iter().all(|call| !call.with_token),
        "{calls:?}"
    );
    // A server that requires the token gets it.
    for (name, at) in [("m1", 1), ("m2", 2)] {
        let found = member_named(&found, name);
        assert_eq!(found["healthy"], true, "{found}");
        assert_eq!(found["reached_by"], cluster.url(at));
    }
}
