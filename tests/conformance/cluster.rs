//! Members: the cases of etcd's own tests.

use serde_json::{Value, json};
use support::{DEADLINE, eventually};

use crate::case;

case!(a_learner_is_added_updated_and_removed, own_etcd, |side| {
    // A member that has just started refuses to add others for a moment.
    let add = json!({"peerURLs": ["http://127.0.0.1:22380"], "isLearner": true});
    let response = eventually("a learner can be added", DEADLINE, async || {
        let response = side.request("/v3/cluster/member/add", &add).send().await;
        match response.status.as_u16() {
            200 => serde_json::from_slice::<Value>(&response.body).map_err(|e| e.to_string()),
            _ => Err(response.text()),
        }
    })
    .await;
    let member = &response["member"];
    assert_eq!(member["peerURLs"], json!(["http://127.0.0.1:22380"]));
    assert_eq!(member["isLearner"], true);
    let id = member["ID"].clone();
    let members = async || {
        let response = side.call("/v3/cluster/member/list", &json!({})).await;
        response["members"].as_array().expect("members").clone()
    };
    assert_eq!(members().await.len(), 2);

    let update = json!({"ID": id, "peerURLs": ["http://127.0.0.1:32380"]});
    let response = side.call("/v3/cluster/member/update", &update).await;
    assert!(
        response.to_string().contains("http://127.0.0.1:32380"),
        "{response}"
    );
    let message = side
        .expect_error("/v3/cluster/member/promote", &json!({"ID": id}), 400, 9)
        .await;
    let expected = "etcdserver: can only promote a learner member which is in sync with leader";
    assert_eq!(message, expected);
    side.call("/v3/cluster/member/remove", &json!({"ID": id}))
        .await;
    assert_eq!(members().await.len(), 1);
    let message = side
        .expect_error("/v3/cluster/member/remove", &json!({"ID": "1"}), 404, 5)
        .await;
    assert_eq!(message, "etcdserver: member not found");
});

case!(members_are_listed_with_their_urls, |side| {
    let response = side
        .call("/v3/cluster/member/list", &json!({"linearizable": true}))
        .await;
    let members = response["members"].as_array().expect("members");
    assert_eq!(members.len(), 1);
    for member in ["ID", "name"] {
        assert!(members[0][member].is_string(), "{response}");
    }
    assert!(members[0]["clientURLs"].is_array() && members[0]["peerURLs"].is_array());
    assert!(members[0].get("isLearner").is_none());
});
