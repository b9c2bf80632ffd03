//! Elections: the cases of etcd's own tests.

use serde_json::json;

use crate::case;
use crate::side::{b64, number};

case!(a_leader_is_elected_and_observed, |side| {
    let name = side.key("election");
    let granted = side.call("/v3/lease/grant", &json!({"TTL": 60})).await;
    let campaign = json!({"name": name, "value": b64("v1"), "lease": granted["ID"]});
    let response = side.call("/v3/election/campaign", &campaign).await;
    let leader = &response["leader"];
    assert_eq!(
        (&leader["name"], &leader["lease"]),
        (&name.clone().into(), &granted["ID"])
    );
    assert!(number(&leader["rev"]) > 0);

    let mut observed = side
        .stream("/v3/election/observe", &json!({"name": name}))
        .await;
    let first = observed.next().await;
    assert_eq!(first["kv"]["key"], leader["key"]);
    assert_eq!(first["kv"]["value"], b64("v1"));

    let proclaim = json!({"leader": leader, "value": b64("v2")});
    let response = side.call("/v3/election/proclaim", &proclaim).await;
    assert!(response["header"]["revision"].is_string());
    assert_eq!(observed.next().await["kv"]["value"], b64("v2"));
    let response = side
        .call("/v3/election/leader", &json!({"name": name}))
        .await;
    assert_eq!(response["kv"]["value"], b64("v2"));

    side.call("/v3/election/resign", &json!({"leader": leader}))
        .await;
    let message = side
        .expect_error("/v3/election/leader", &json!({"name": name}), 500, 2)
        .await;
    assert_eq!(message, "election: no leader");
});

case!(proclaim_and_resign_require_the_leader, |side| {
    let proclaim = json!({"value": b64("v2")});
    let message = side
        .expect_error("/v3/election/proclaim", &proclaim, 500, 2)
        .await;
    assert_eq!(message, "\"leader\" field must be provided");
    let message = side
        .expect_error("/v3/election/resign", &json!({}), 500, 2)
        .await;
    assert_eq!(message, "\"leader\" field must be provided");
});

case!(an_unknown_election_has_no_leader, |side| {
    let body = json!({"name": side.key("hello")});
    let message = side
        .expect_error("/v3/election/leader", &body, 500, 2)
        .await;
    assert_eq!(message, "election: no leader");
});
