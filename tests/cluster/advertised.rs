//! Members that advertise unusable client URLs.

use std::net::SocketAddr;

use serde_json::json;
use support::gateway::InProcess;
use support::{Cluster, Etcd};

use crate::{member_named, warning, warnings};

#[tokio::test]
async fn a_member_that_advertises_0_0_0_0_is_still_reached() {
    let advertised = "--advertise-client-urls=http://0.0.0.0:2379";
    let etcd = Etcd::start_with(&[advertised]).await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let cluster = gateway.api().get("/cluster").send().await.json(200);
    let member = &cluster["members"][0];
    assert_eq!(member["client_urls"], json!(["http://0.0.0.0:2379"]));
    assert_eq!(member["healthy"], true, "{member}");
    assert_eq!(member["reached_by"], etcd.url());
    let warning = warning(&cluster, "advertised_url");
    assert!(
        warning.contains("http://0.0.0.0:2379") && warning.contains(&etcd.url()),
        "{warning}"
    );
}

/// Nothing listens at this URL.
const DEAD: &str = "http://127.0.0.1:1";

#[tokio::test]
async fn members_are_identified_by_id_not_by_address() {
    // m0 advertises m1's address, m1 an unused one, m2 its own.
    let cluster = Cluster::start_with(3, |at, clients: &[SocketAddr]| {
        let url = match at {
            0 => format!("http://{}", clients[1]),
            1 => DEAD.to_owned(),
            _ => format!("http://{}", clients[2]),
        };
        vec![format!("--advertise-client-urls={url}")]
    })
    .await;
    let gateway = InProcess::start(&cluster.urls(), &[]).await;
    let response = gateway.api().get("/cluster").send().await.json(200);
    for at in 0..3 {
        let member = member_named(&response, &format!("m{at}"));
        assert_eq!(member["healthy"], true, "{member}");
        assert_eq!(member["reached_by"], cluster.url(at), "{member}");
    }
    let found: Vec<_> = response["warnings"]
        .as_array()
        .expect("warnings")
        .iter()
        .collect();
    let about = |name: &str| {
        let start = format!("member {name} ");
        let mut found = found.iter().map(|it| it["detail"].as_str().expect("text"));
        found.find(|detail| detail.starts_with(&start))
    };
    let m1 = member_named(&response, "m1")["id"].as_str().expect("an id");
    assert!(
        about("m0").is_some_and(|it| it.contains(&format!("another member, {m1}"))),
        "{response}"
    );
    assert!(
        about("m1").is_some_and(|it| it.contains(DEAD)),
        "{response}"
    );
    assert_eq!(about("m2"), None, "{response}");

    // Without a configured endpoint for m1 m1 cannot be reached: only that is reported as
    // failed.
    let only = InProcess::start(&cluster.url(2), &[]).await;
    let response = only.api().get("/cluster").send().await.json(200);
    assert!(response["leader"].is_string(), "{response}");
    let lost = member_named(&response, "m1");
    assert_eq!(lost["healthy"], false);
    assert!(
        lost["error"].as_str().is_some_and(|it| it.contains(DEAD)),
        "{lost}"
    );
    assert_eq!(member_named(&response, "m2")["healthy"], true);
    assert!(warnings(&response).contains(&"advertised_url"));
}
