//! Elections (etcd's own cases 20 to 23).

use serde_json::json;

use crate::case;
use crate::side::{b64, number};

case!(a_leader_is_elected_observed_and_heard, |side| {
    let name = side.key("election");
    let granted = side.call("/v3/lease/grant", &json!({"TTL": 60})).await;
    let campaign = json!({"name": name, "value": b64("v1"), "lease": granted["ID"]});
    let answer = side.call("/v3/election/campaign", &campaign).await;
    let leader = &answer["leader"];
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
    let answer = side.call("/v3/election/proclaim", &proclaim).await;
    assert!(answer["header"]["revision"].is_string());
    assert_eq!(observed.next().await["kv"]["value"], b64("v2"));
    let answer = side
        .call("/v3/election/leader", &json!({"name": name}))
        .await;
    assert_eq!(answer["kv"]["value"], b64("v2"));

    side.call("/v3/election/resign", &json!({"leader": leader}))
        .await;
    let message = side
        .refused("/v3/election/leader", &json!({"name": name}), 500, 2)
        .await;
    assert_eq!(message, "election: no leader");
});

case!(a_leader_must_say_who_it_is, |side| {
    let proclaim = json!({"value": b64("v2")});
    let message = side
        .refused("/v3/election/proclaim", &proclaim, 500, 2)
        .await;
    assert_eq!(message, "\"leader\" field must be provided");
    let message = side
        .refused("/v3/election/resign", &json!({}), 500, 2)
        .await;
    assert_eq!(message, "\"leader\" field must be provided");
});

case!(an_unknown_election_has_no_leader, |side| {
    let asked = json!({"name": side.key("hello")});
    let message = side.refused("/v3/election/leader", &asked, 500, 2).await;
    assert_eq!(message, "election: no leader");
});
