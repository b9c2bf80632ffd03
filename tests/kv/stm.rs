//! Software transactional memory over HTTP: the bank example, and the isolation levels.

use futures_util::future::join_all;
use serde_json::{Value, json};
use support::fill::Numbers;
use support::{Client, World, keys_in, percent};

async fn read(world: &World, keys: &[&str], revision: Option<i64>) -> Value {
    let keys: Vec<_> = keys.iter().map(|key| world.key(key)).collect();
    let mut body = json!({"keys": keys});
    if let Some(revision) = revision {
        body["revision"] = revision.into();
    }
    world.api.post("/stm/read", &body).send().await.json(200)
}

/// One transfer, retried until it commits; returns the number of conflicts.
async fn transfer(api: &Client, from: &str, to: &str, amount: i64) -> usize {
    let response = api
        .post("/stm/read", &json!({"keys": [from, to]}))
        .send()
        .await
        .json(200);
    let (mut revision, mut reads) = (
        response["header"]["revision"].clone(),
        response["reads"].clone(),
    );
    let mut conflicts = 0;
    loop {
        let balance = |key: &str| -> i64 {
            let mut reads = reads.as_array().expect("reads").iter();
            let read = reads
                .find(|read| read["key"] == key)
                .expect("the key was read");
            read["value"]
                .as_str()
                .expect("text")
                .parse()
                .expect("a number")
        };
        let put =
            |key: &str, balance: i64| json!({"put": {"key": key, "value": balance.to_string()}});
        let commit = json!({
            "revision": revision,
            "reads": reads,
            "writes": [put(from, balance(from) - amount), put(to, balance(to) + amount)],
        });
        let response = api.post("/stm/commit", &commit).send().await;
        if response.status == 200 {
            return conflicts;
        }
        let problem = response.problem(409, "stm_conflict");
        assert!(!keys_of(&problem["conflicts"]).is_empty(), "{problem}");
        (revision, reads) = (problem["revision"].clone(), problem["reads"].clone());
        conflicts += 1;
    }
}

fn keys_of(list: &Value) -> Vec<&str> {
    let list = list.as_array().expect("a list").iter();
    list.map(|key| key.as_str().expect("text")).collect()
}

#[tokio::test]
async fn concurrent_transfers_keep_the_sum() {
    let world = World::new("bank").await;
    let accounts: Vec<_> = (0..5).map(|n| world.key(&format!("accts/{n}"))).collect();
    for account in &accounts {
        world.api.write(account, "100").await;
    }
    let clients = (0..10_u64).map(|client| {
        let (api, accounts) = (&world.api, &accounts);
        async move {
            let mut numbers = Numbers::new(client);
            let mut conflicts = 0;
            for _ in 0..100 {
                let from = numbers.draw() as usize % 5;
                let to = (from + 1 + numbers.draw() as usize % 4) % 5;
                let amount = (numbers.draw() % 20) as i64;
                conflicts += transfer(api, &accounts[from], &accounts[to], amount).await;
            }
            conflicts
        }
    });
    let conflicts: usize = join_all(clients).await.into_iter().sum();
    assert!(conflicts > 0, "ten clients on five accounts conflict");
    let path = format!("/kv?prefix={}", percent(world.key("accts/")));
    let page = world.api.get(&path).send().await.json(200);
    let entries = page["entries"].as_array().expect("entries");
    let balances = entries.iter().map(|entry| {
        let text = entry["value"].as_str().expect("text");
        text.parse::<i64>().expect("a number")
    });
    assert_eq!(balances.sum::<i64>(), 500);
    // Each transfer wrote two accounts, and refused commits wrote nothing.
    let versions = entries.iter().map(|entry| entry["version"].as_i64());
    assert_eq!(versions.flatten().sum::<i64>(), 5 + 2 * 1000);
}

/// Commits with the reads; returns whether it succeeded.
async fn commits(
    world: &World,
    isolation: &str,
    first: &Value,
    reads: &[&Value],
    write: Value,
) -> bool {
    let reads: Vec<_> = reads
        .iter()
        .flat_map(|response| response["reads"].as_array().expect("reads").clone())
        .collect();
    let body = json!({
        "isolation": isolation,
        "revision": first["header"]["revision"],
        "reads": reads,
        "writes": [write],
    });
    let response = world.api.post("/stm/commit", &body).send().await;
    if response.status == 200 {
        return true;
    }
    response.problem(409, "stm_conflict");
    false
}

const ISOLATIONS: [&str; 4] = [
    "serializable_snapshot",
    "serializable",
    "repeatable_reads",
    "read_committed",
];

fn put(world: &World, key: &str, value: &str) -> Value {
    json!({"put": {"key": world.key(key), "value": value}})
}

#[tokio::test]
async fn write_skew_depends_on_the_isolation() {
    for isolation in ISOLATIONS {
        let world = World::new("skew").await;
        world.put("a", "1").await;
        world.put("b", "1").await;
        let one = read(&world, &["a", "b"], None).await;
        let two = read(&world, &["a", "b"], None).await;
        assert!(commits(&world, isolation, &one, &[&one], put(&world, "a", "0")).await);
        let second = commits(&world, isolation, &two, &[&two], put(&world, "b", "0")).await;
        assert_eq!(second, isolation == "read_committed", "{isolation}");
        let b = world.api.read(world.key("b")).await;
        assert_eq!(b["value"], if second { "0" } else { "1" });
    }
}

#[tokio::test]
async fn a_blind_write_depends_on_the_isolation() {
    for isolation in ISOLATIONS {
        let world = World::new("blind").await;
        world.put("a", "1").await;
        world.put("b", "1").await;
        let first = read(&world, &["a"], None).await;
        world.put("b", "another client's").await;
        let committed = commits(
            &world,
            isolation,
            &first,
            &[&first],
            put(&world, "b", "mine"),
        )
        .await;
        assert_eq!(
            committed,
            isolation != "serializable_snapshot",
            "{isolation}"
        );
    }
}

#[tokio::test]
async fn a_future_revision_is_refused() {
    let world = World::new("stm-future").await;
    world.put("b", "another client's").await;
    let read = read(&world, &["a"], None).await;
    let now = read["header"]["revision"].as_i64().expect("a revision");
    let commit = |revision: i64| {
        let body = json!({
            "revision": revision,
            "reads": [{"key": format!("{}a", world.prefix), "mod_revision": 0}],
            "writes": [{"put": {"key": format!("{}b", world.prefix), "value": "mine"}}],
        });
        world.api.post("/stm/commit", &body)
    };
    let ahead = commit(now + 1_000_000).send().await;
    ahead.problem(416, "future_revision");
    let key = format!("{}b", world.prefix);
    assert_eq!(world.api.read(&key).await["value"], "another client's");
    commit(now).send().await.json(200);
    assert_eq!(world.api.read(&key).await["value"], "mine");
}

#[tokio::test]
async fn reads_are_at_one_revision_or_each_at_its_own() {
    let world = World::new("reads").await;
    world.put("a", "1").await;
    world.put("b", "old").await;
    let first = read(&world, &["a"], None).await;
    let revision = first["header"]["revision"].as_i64();
    world.put("b", "new").await;

    let old = read(&world, &["b"], revision).await;
    assert_eq!(old["reads"][0]["value"], "old");
    assert_eq!(
        old["header"]["revision"].as_i64(),
        revision,
        "the revision of the read, not the current one"
    );
    let write = put(&world, "a", "2");
    assert!(
        !commits(
            &world,
            "serializable",
            &first,
            &[&first, &old],
            write.clone()
        )
        .await
    );

    let new = read(&world, &["b"], None).await;
    assert_eq!(new["reads"][0]["value"], "new");
    assert!(commits(&world, "repeatable_reads", &first, &[&first, &new], write).await);
    assert_eq!(world.api.read(world.key("a")).await["value"], "2");
}

#[tokio::test]
async fn a_conflict_returns_every_compared_key() {
    let world = World::new("stm-conflict").await;
    let (a, b, c) = (world.key("a"), world.key("b"), world.key("c"));
    world.put("a", "1").await;
    let first = read(&world, &["a", "b"], None).await;
    assert_eq!(
        first["reads"][1],
        json!({"key": b, "mod_revision": 0}),
        "absent: no value, and revision 0"
    );
    let changed = world.put("b", "\u{1f512}").await;
    let written = world.put("c", "x").await;
    let body = json!({
        "revision": first["header"]["revision"],
        "reads": first["reads"],
        "writes": [{"put": {"key": c, "value": "mine"}}, {"delete": {"key": a}}],
    });
    let response = world.api.post("/stm/commit", &body).send().await;
    let revision = response.revision();
    let problem = response.problem(409, "stm_conflict");
    assert_eq!(problem["conflicts"], json!([b, c]));
    assert_eq!(problem["revision"], revision);
    let mut reads = problem["reads"].as_array().expect("reads").clone();
    reads.sort_by_key(|read| read["key"].to_string());
    assert_eq!(reads[0], first["reads"][0]);
    assert_eq!(
        reads[1],
        json!({"key": b, "mod_revision": changed, "value": "\u{1f512}"})
    );
    assert_eq!(
        reads[2],
        json!({"key": c, "mod_revision": written, "value": "x"})
    );

    let again = json!({"revision": revision, "reads": reads, "writes": body["writes"]});
    let done = world.api.post("/stm/commit", &again).send().await.json(200);
    assert_eq!(
        done["responses"],
        json!([{"put": {}}, {"delete": {"deleted": 1}}])
    );
    let page = format!("/kv?prefix={}", percent(&world.prefix));
    let page = world.api.get(&page).send().await.json(200);
    assert_eq!(keys_in(&page["entries"]), [b.into_bytes(), c.into_bytes()]);
    assert_eq!(
        page["entries"][1]["mod_revision"],
        done["header"]["revision"]
    );
}

#[tokio::test]
async fn writes_without_reads_and_reads_without_writes() {
    let world = World::new("stm-blind").await;
    let commit = async |body: Value| world.api.post("/stm/commit", &body).send().await;
    // Nothing was read, so nothing is checked.
    commit(json!({"writes": [put(&world, "k", "1")]}))
        .await
        .json(200);
    commit(json!({"writes": [put(&world, "k", "2")]}))
        .await
        .json(200);
    // Only reads: check whether they are still current.
    let first = read(&world, &["k"], None).await;
    let check = json!({"isolation": "repeatable_reads", "reads": first["reads"]});
    let held = commit(check.clone()).await.json(200);
    assert_eq!(held["responses"], json!([]));
    world.put("k", "3").await;
    commit(check).await.problem(409, "stm_conflict");
}

#[tokio::test]
async fn limits_are_enforced_and_malformed_requests_refused() {
    let world = World::new("stm-limits").await;
    let key = |n: usize| world.key(&format!("{n}"));
    let keys = |n: usize| json!({"keys": (0..n).map(key).collect::<Vec<_>>()});
    let read = world.api.post("/stm/read", &keys(128)).send().await;
    let now = read.json(200)["header"]["revision"].clone();
    let many = world.api.post("/stm/read", &keys(129)).send().await;
    many.problem(422, "too_many_ops");

    let commit = |isolation: &str, reads: usize, writes: usize| {
        let reads = (0..reads).map(|n| json!({"key": key(n), "mod_revision": 0}));
        let writes = (0..writes).map(|n| json!({"delete": {"key": key(1000 + n)}}));
        let body = json!({
            "isolation": isolation,
            "revision": now,
            "reads": reads.collect::<Vec<_>>(),
            "writes": writes.collect::<Vec<_>>(),
        });
        world.api.post("/stm/commit", &body)
    };
    commit("serializable_snapshot", 64, 64)
        .send()
        .await
        .json(200);
    commit("serializable", 128, 128).send().await.json(200);
    for (isolation, reads, writes) in [
        ("serializable_snapshot", 65, 64),
        ("serializable", 129, 1),
        ("repeatable_reads", 1, 129),
        ("read_committed", 0, 129),
    ] {
        commit(isolation, reads, writes)
            .send()
            .await
            .problem(422, "too_many_ops");
    }

    let k = world.key("k");
    for (body, place) in [
        (
            json!({"reads": [{"key": k, "mod_revision": 1}]}),
            "revision",
        ),
        (json!({"revision": 0}), "revision"),
        (json!({"reads": [{"key": k}]}), "reads[0].mod_revision"),
        (
            json!({"reads": [{"key": k, "mod_revision": -1}]}),
            "reads[0].mod_revision",
        ),
        (
            json!({"reads": [{"key": "", "mod_revision": 1}]}),
            "reads[0].key",
        ),
        (json!({"writes": [{}]}), "writes[0]"),
        (
            json!({"writes": [{"delete": {"prefix": k}}]}),
            "writes[0].delete",
        ),
        (
            json!({"writes": [{"put": {"key": k}}]}),
            "writes[0].put.value",
        ),
        (
            json!({"writes": [put(&world, "k", ""), {"delete": {"key": ""}}]}),
            "writes[1].delete.key",
        ),
        (json!({"isolation": "snapshot"}), "isolation"),
        (json!({"write": []}), "write"),
    ] {
        let problem = world.api.post("/stm/commit", &body).send().await;
        let problem = problem.problem(400, "bad_request");
        let detail = problem["detail"].as_str().expect("a detail");
        assert!(detail.contains(place), "{detail} for {body}");
    }
    for body in [
        json!({}),
        json!({"keys": []}),
        json!({"keys": [""]}),
        json!({"keys": [k], "revision": 0}),
        json!({"keys": [5]}),
    ] {
        world
            .api
            .post("/stm/read", &body)
            .send()
            .await
            .problem(400, "bad_request");
    }
    let future = json!({"keys": [k], "revision": 1_000_000_000});
    world
        .api
        .post("/stm/read", &future)
        .send()
        .await
        .problem(416, "future_revision");
    let twice = json!({"writes": [put(&world, "k", "1"), {"delete": {"key": k}}]});
    let twice = world
        .api
        .post("/stm/commit", &twice)
        .send()
        .await
        .problem(409, "duplicate_key");
    assert!(
        twice["detail"]
            .as_str()
            .is_some_and(|detail| detail.starts_with("writes[0].put.key"))
    );
    let lease = json!({"writes": [{"put": {"key": k, "value": "", "lease": "1"}}]});
    world
        .api
        .post("/stm/commit", &lease)
        .send()
        .await
        .problem(422, "lease_not_found");
}

#[tokio::test]
async fn a_read_only_gateway_reads_but_does_not_commit() {
    let world = World::with("stm-read-only", &["--read-only"]).await;
    let k = world.key("k");
    world
        .api
        .post("/stm/read", &json!({"keys": [k]}))
        .send()
        .await
        .json(200);
    for body in [json!({}), json!({"writes": [{"delete": {"key": k}}]})] {
        world
            .api
            .post("/stm/commit", &body)
            .send()
            .await
            .problem(403, "read_only");
    }
}
