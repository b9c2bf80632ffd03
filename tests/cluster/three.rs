//! Three members: their status, and maintenance one by one.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use support::gateway::InProcess;
use support::{Client, Cluster, DEADLINE, ensure, eventually};

use crate::{member_named, warning, warnings};

/// A cluster, and a gateway with all members as endpoints.
async fn three() -> (Cluster, InProcess) {
    let cluster = Cluster::start(3).await;
    let gateway = InProcess::start(&cluster.urls(), &[]).await;
    (cluster, gateway)
}

async fn overview(api: &Client) -> Value {
    api.get("/cluster").send().await.json(200)
}

/// The index of the leader, or of a follower.
fn index_of(cluster: &Value, leads: bool) -> usize {
    let leader = &cluster["leader"];
    let members = cluster["members"].as_array().expect("members");
    let found = members.iter().find(|it| (it["id"] == *leader) == leads);
    let name = found.expect("a member")["name"].as_str().expect("a name");
    name[1..].parse().expect("a name such as m1")
}

#[tokio::test]
async fn three_members_have_one_leader_and_tolerate_one_failure() {
    let (mut cluster, gateway) = three().await;
    let api = gateway.api();
    let before = overview(&api).await;
    assert_eq!(
        (&before["quorum"], &before["tolerates"]),
        (&json!(2), &json!(1))
    );
    let members = before["members"].as_array().expect("members");
    assert_eq!(members.len(), 3);
    let ids: Vec<_> = members
        .iter()
        .map(|it| it["id"].as_str().expect("an id"))
        .collect();
    assert!(ids.contains(&before["leader"].as_str().expect("a leader")));
    for at in 0..3 {
        let member = member_named(&before, &format!("m{at}"));
        assert_eq!(member["reached_by"], cluster.url(at));
        assert_eq!(member["healthy"], true, "{member}");
    }
    for code in [
        "no_quorum_margin",
        "quorum_lost",
        "advertised_url",
        "version_mixed",
    ] {
        assert!(!warnings(&before).contains(&code), "{before}");
    }

    // A put is visible at once through every endpoint.
    api.write("k", "v").await;
    for at in 0..3 {
        let through = InProcess::start(&cluster.url(at), &[]).await;
        assert_eq!(through.api().read("k").await["value"], "v");
    }

    let killed = index_of(&before, false);
    let name = format!("m{killed}");
    cluster.kill(killed);
    let after = overview(&api).await;
    let down = member_named(&after, &name);
    assert_eq!(down["healthy"], false, "{down}");
    assert!(
        down["error"]
            .as_str()
            .is_some_and(|it| it.contains("cannot be reached")),
        "{down}"
    );
    assert!(
        !warnings(&after).contains(&"advertised_url"),
        "the member is down, its URL is correct: {after}"
    );
    assert_eq!(
        (&after["quorum"], &after["tolerates"]),
        (&json!(2), &json!(1))
    );
    assert!(
        warning(&after, "no_quorum_margin").contains(&name),
        "{after}"
    );
    for at in (0..3).filter(|at| *at != killed) {
        assert_eq!(member_named(&after, &format!("m{at}"))["healthy"], true);
    }
    cluster.restart(killed).await;
    eventually("all are healthy again", DEADLINE, async || {
        let now = overview(&api).await;
        let healthy = member_named(&now, &name)["healthy"] == true;
        ensure(
            healthy && !warnings(&now).contains(&"no_quorum_margin"),
            || now.to_string(),
        )
    })
    .await;
}

#[tokio::test]
async fn a_remaining_member_reports_the_lost_majority() {
    let (mut cluster, gateway) = three().await;
    let api = gateway.api();
    cluster.kill(1);
    cluster.kill(2);
    let found = eventually("the last member knows no leader", DEADLINE, async || {
        let response = api.get("/cluster").send().await;
        if response.status != 200 {
            return Err(response.text());
        }
        let now = response.json(200);
        let lost = warnings(&now).contains(&"quorum_lost");
        ensure(lost && now["leader"].is_null(), || now.to_string())?;
        Ok(now)
    })
    .await;
    let left = member_named(&found, "m0");
    assert_eq!(left["healthy"], false, "{left}");
    assert_eq!(left["reached_by"], cluster.url(0));
}

#[tokio::test]
async fn the_leadership_can_be_transferred_from_any_member() {
    let (cluster, gateway) = three().await;
    let api = gateway.api();
    // With a single endpoint the leader has to be found.
    let single = InProcess::start(&cluster.url(0), &[]).await;
    for through in [&api, &single.api(), &api] {
        let before = overview(&api).await;
        let to = index_of(&before, false);
        let to = member_named(&before, &format!("m{to}"))["id"].clone();
        let moved = through
            .post("/cluster/move-leader", &json!({"member_id": to}))
            .send()
            .await;
        assert!(moved.revision() >= 1);
        assert_eq!(moved.json(200)["leader"], to);
        eventually("all members know the leader", DEADLINE, async || {
            let now = overview(&api).await;
            ensure(now["leader"] == to, || now.to_string())
        })
        .await;
    }
}

#[tokio::test]
async fn defragmentation_takes_the_leader_last_and_needs_all_members() {
    let (mut cluster, gateway) = three().await;
    let api = gateway.api();
    let before = overview(&api).await;
    let done = api
        .request(Method::POST, "/cluster/defragment")
        .send()
        .await
        .json(200);
    assert_eq!(done["complete"], true, "{done}");
    let order = done["members"].as_array().expect("members");
    assert_eq!(order.len(), 3);
    assert_eq!(order[2]["id"], before["leader"], "the leader comes last");
    for member in order {
        assert_eq!(member.get("error"), None, "{member}");
        assert!(member["db_size"].is_i64() && member["db_size_before"].is_i64());
    }

    let killed = index_of(&before, false);
    cluster.kill(killed);
    let refused = api
        .request(Method::POST, "/cluster/defragment")
        .send()
        .await;
    let problem = refused.problem(503, "unavailable");
    assert!(
        problem["detail"]
            .as_str()
            .is_some_and(|it| it.contains(&format!("m{killed}")))
    );
    assert!(
        problem["hint"]
            .as_str()
            .is_some_and(|it| it.contains("majority")),
        "{problem}"
    );
    let named_one = json!({"members": [before["leader"]]});
    let done = api
        .post("/cluster/defragment", &named_one)
        .send()
        .await
        .json(200);
    assert_eq!(done["members"].as_array().map(Vec::len), Some(1), "{done}");
    assert_eq!(done["complete"], true);
}

#[tokio::test]
async fn hashes_of_all_members_are_compared() {
    let (mut cluster, gateway) = three().await;
    let api = gateway.api();
    for n in 0..10 {
        api.write("k", n.to_string()).await;
    }
    let same = api.get("/cluster/hash").send().await.json(200);
    assert_eq!(same["verdict"], "same", "{same}");
    let members = same["members"].as_array().expect("members");
    assert_eq!(members.len(), 3);
    for member in members {
        assert_eq!(member["hash"], members[0]["hash"]);
        assert!(member["reached_by"].is_string());
    }
    cluster.kill(2);
    let rest = api.get("/cluster/hash").send().await.json(200);
    assert_eq!(rest["verdict"], "incomplete", "{rest}");
    assert_eq!(rest["differ"], json!([]));
    assert!(member_named(&rest, "m2")["error"].is_string());
}

#[tokio::test]
async fn a_learner_joins_catches_up_and_votes() {
    let (mut cluster, gateway) = three().await;
    let api = gateway.api();
    api.write("k", "v").await;
    let peer = Cluster::free_peer_url();
    let learner = json!({"peer_urls": [peer], "learner": true});
    // etcd accepts no member before its members have been connected for a while.
    let added = eventually("etcd accepts a member", DEADLINE, async || {
        let response = api.post("/cluster/members", &learner).send().await;
        ensure(response.status == 201, || response.text())?;
        Ok(response.json(201))
    })
    .await;
    let id = added["member"]["id"].as_str().expect("an id");
    let at = cluster.join(&peer);
    let promote = format!("/cluster/members/{id}/promote");
    eventually("the learner has caught up", DEADLINE, async || {
        let response = api.request(Method::POST, &promote).send().await;
        if response.status == 409 {
            response.clone().problem(409, "conflict");
        }
        ensure(response.status == 200, || response.text())
    })
    .await;
    let now = overview(&api).await;
    let joined = member_named(&now, &format!("m{at}"));
    assert_eq!(
        (&joined["learner"], &joined["healthy"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(
        joined["reached_by"],
        cluster.url(at),
        "reached by the URL it advertises"
    );
    assert_eq!((&now["quorum"], &now["tolerates"]), (&json!(3), &json!(1)));
    let through = InProcess::start(&cluster.url(at), &[]).await;
    assert_eq!(through.api().read("k").await["value"], "v");

    // The removed learner is no longer a member.
    eventually("etcd removes a member", DEADLINE, async || {
        let response = api.delete(&format!("/cluster/members/{id}")).send().await;
        ensure(response.status == 200, || response.text())
    })
    .await;
    let left = api.get("/cluster/members").send().await.json(200);
    assert_eq!(left["members"].as_array().map(Vec::len), Some(3));
}

#[tokio::test]
async fn a_learner_cannot_lead() {
    let (_cluster, gateway) = three().await;
    let api = gateway.api();
    let learner = json!({"peer_urls": [Cluster::free_peer_url()], "learner": true});
    let added = eventually("etcd accepts a member", DEADLINE, async || {
        let response = api.post("/cluster/members", &learner).send().await;
        ensure(response.status == 201, || response.text())?;
        Ok(response.json(201))
    })
    .await;
    let to = json!({"member_id": added["member"]["id"]});
    let refused = api.post("/cluster/move-leader", &to).send().await;
    let problem = refused.problem(409, "conflict");
    assert_eq!(problem["detail"], "bad leader transferee");
}

#[tokio::test]
async fn a_snapshot_is_taken_from_the_named_member() {
    let (cluster, gateway) = three().await;
    let api = gateway.api();
    api.write("k", "v").await;
    let now = overview(&api).await;
    for at in 0..3 {
        let id = member_named(&now, &format!("m{at}"))["id"]
            .as_str()
            .expect("an id");
        let response = api
            .get(&format!("/cluster/snapshot?member={id}"))
            .send()
            .await;
        let response = response.expect(200);
        assert!(
            response.header("content-disposition").contains(id),
            "{response:?}"
        );
        crate::snapshot::check(&response.body);
    }
    drop(cluster);
}

#[tokio::test]
async fn a_slow_member_does_not_delay_the_others() {
    let (mut cluster, gateway) = three().await;
    let api = gateway.api();
    let before = overview(&api).await;
    cluster.freeze(index_of(&before, false)).await;
    let frozen = index_of(&before, false);
    let started = std::time::Instant::now();
    let now = overview(&api).await;
    assert!(
        started.elapsed() < Duration::from_secs(10),
        "well within the default timeout"
    );
    for at in 0..3 {
        let member = member_named(&now, &format!("m{at}"));
        assert_eq!(member["healthy"], at != frozen, "{member}");
    }
    cluster.kill(frozen);
}
