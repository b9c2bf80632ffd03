//! ETag, If-Match and If-None-Match: no concurrent write is lost.

use serde_json::{Value, json};
use support::{Response, World, key_query};

fn tag(entry: &Value) -> String {
    format!("\"{}\"", entry["mod_revision"])
}

#[tokio::test]
async fn the_etag_is_the_mod_revision_everywhere() {
    let world = World::new("etag").await;
    let key = key_query(world.key("k"));
    let put = world.api.put(&key, "1").send().await.expect(201);
    let expected = tag(&put.clone().json(201));
    assert_eq!(put.header("etag"), expected);
    for accept in ["*/*", "application/json", "application/octet-stream"] {
        let get = world.api.get(&key).header("accept", accept).send().await;
        assert_eq!(get.header("etag"), expected, "the same for both forms");
        assert!(get.header("vary").to_ascii_lowercase().contains("accept"));
    }
    let refused = world
        .api
        .put(&key, "2")
        .header("if-match", "\"1\"")
        .send()
        .await;
    assert_eq!(refused.header("etag"), expected);
    refused.problem(412, "precondition_failed");
}

#[tokio::test]
async fn a_conflict_shows_the_current_entry() {
    let world = World::new("conflict").await;
    let key = key_query(world.key("k"));
    let read = world.api.put(&key, "mine").send().await.json(201);
    world.put("k", "another client's").await;
    for request in [
        world.api.put(&key, "mine again"),
        world.api.delete(&key),
        world.api.get(&key),
    ] {
        let problem = request.header("if-match", &tag(&read)).send().await;
        let problem = problem.problem(412, "precondition_failed");
        assert_eq!(problem["current"]["value"], "another client's");
        assert_eq!(problem["current"]["version"], 2);
        // The response has everything that is needed to resolve the conflict.
        assert!(problem["current"]["mod_revision"].as_i64() > read["mod_revision"].as_i64());
    }
    let now = world.api.read(world.key("k")).await;
    assert_eq!(now["value"], "another client's");
    let saved = world
        .api
        .put(&key, "merged")
        .header("if-match", &tag(&now))
        .send()
        .await;
    assert_eq!(saved.json(200)["version"], 3);
}

#[tokio::test]
async fn delete_and_create_between_read_and_save_is_a_conflict() {
    let world = World::new("recreated").await;
    let key = key_query(world.key("k"));
    let read = world.api.put(&key, "same").send().await.json(201);
    world.api.delete(&key).send().await.json(200);
    let again = world.api.put(&key, "same").send().await.json(201);
    assert_eq!(
        again["version"], read["version"],
        "version and value are the same as before"
    );
    let save = world
        .api
        .put(&key, "new")
        .header("if-match", &tag(&read))
        .send()
        .await;
    let problem = save.problem(412, "precondition_failed");
    assert_eq!(
        problem["current"]["create_revision"],
        again["create_revision"]
    );
    assert_eq!(world.api.read(world.key("k")).await["value"], "same");
}

#[tokio::test]
async fn if_match_accepts_lists_stars_and_weak_tags() {
    let world = World::new("if-match").await;
    let key = key_query(world.key("k"));
    let mut current = tag(&world.api.put(&key, "0").send().await.json(201));
    let forms: [fn(&str) -> String; 7] = [
        str::to_owned,
        |now| format!("W/{now}"),
        |now| format!("\"1\", {now}"),
        |now| format!("{now},\"2\""),
        |now| format!("\"1\" , W/{now} , \"words\""),
        |_| "*".to_owned(),
        |now| format!("\"words\", {now}"),
    ];
    for form in forms {
        let value = form(&current);
        let put = world
            .api
            .put(&key, value.clone())
            .header("if-match", &value)
            .send()
            .await;
        current = tag(&put.json(200));
    }
    for never in [
        "\"1\"",
        "\"words\"",
        "\"\"",
        "W/\"1\", \"2\"",
        "\"a,b\"",
        "\"99999999999999999999\"",
    ] {
        let put = world
            .api
            .put(&key, "x")
            .header("if-match", never)
            .send()
            .await;
        put.problem(412, "precondition_failed");
    }
    let number = current.trim_matches('"');
    for malformed in [number, "words", "", "\"1", "1\"", "\"1\" \"2\""] {
        let put = world
            .api
            .put(&key, "x")
            .header("if-match", malformed)
            .send()
            .await;
        put.problem(400, "bad_request");
    }
    let read = world
        .api
        .get(&key)
        .header("if-match", &current)
        .send()
        .await;
    read.json(200);
    let gone = world
        .api
        .delete(&key)
        .header("if-match", &format!("\"3\", {current}"));
    assert_eq!(gone.send().await.json(200)["deleted"], 1);
}

#[tokio::test]
async fn on_an_absent_key_the_precondition_is_checked_before_404() {
    let world = World::new("absent").await;
    let key = key_query(world.key("k"));
    for value in ["*", "\"5\"", "\"5\", \"6\"", "\"words\""] {
        for request in [
            world.api.get(&key),
            world.api.put(&key, "x"),
            world.api.delete(&key),
        ] {
            let problem = request.header("if-match", value).send().await;
            let problem = problem.problem(412, "precondition_failed");
            assert_eq!(problem.get("current"), Some(&Value::Null), "{problem}");
        }
    }
    let missing = world.api.get(&key).send().await;
    assert!(missing.revision() > 0, "a 404 has etcd's revision");
    missing.problem(404, "key_not_found");
    world
        .api
        .delete(&key)
        .send()
        .await
        .problem(404, "key_not_found");
}

#[tokio::test]
async fn if_none_match_means_not_modified_or_create_only() {
    let world = World::new("none-match").await;
    let key = key_query(world.key("k"));
    let create = async |value: &str| -> Response {
        world
            .api
            .put(&key, value.to_owned())
            .header("if-none-match", "*")
            .send()
            .await
    };
    let created = create("first").await.json(201);
    let problem = create("second").await.problem(412, "precondition_failed");
    assert_eq!(problem["current"]["value"], "first");

    let now = tag(&created);
    for value in [
        now.clone(),
        format!("\"1\", {now}"),
        format!("W/{now}"),
        "*".to_owned(),
    ] {
        let response = world
            .api
            .get(&key)
            .header("if-none-match", &value)
            .send()
            .await;
        let response = response.expect(304);
        assert!(response.body.is_empty());
        assert_eq!(response.header("etag"), now);
    }
    let changed = world
        .api
        .get(&key)
        .header("if-none-match", "\"1\", \"words\"");
    assert_eq!(changed.send().await.json(200)["value"], "first");

    let put = world.api.put(&key, "x").header("if-none-match", &now);
    put.send().await.problem(400, "bad_request");
    for value in ["*", now.as_str()] {
        let delete = world.api.delete(&key).header("if-none-match", value);
        delete.send().await.problem(400, "bad_request");
    }
    assert_eq!(world.api.read(world.key("k")).await["value"], "first");
}

#[tokio::test]
async fn one_of_many_writers_with_the_same_etag_wins() {
    let world = World::new("race").await;
    let key = key_query(world.key("k"));
    let mut current = tag(&world.api.put(&key, "start").send().await.json(201));
    for round in 0..5 {
        let writers = (0..8).map(|writer| {
            let put = world.api.put(&key, format!("{round}-{writer}"));
            put.header("if-match", &current).send()
        });
        let responses = futures_util::future::join_all(writers).await;
        let (won, lost): (Vec<_>, Vec<_>) = responses
            .into_iter()
            .partition(|response| response.status == 200);
        assert_eq!((won.len(), lost.len()), (1, 7));
        let value = world.api.read(world.key("k")).await["value"].clone();
        for response in lost {
            let problem = response.problem(412, "precondition_failed");
            assert_eq!(problem["current"]["value"], value);
        }
        current = won[0].header("etag").to_owned();
    }
    let creators = (0..8).map(|_| {
        let put = world.api.put(&key_query(world.key("new")), "x");
        put.header("if-none-match", "*").send()
    });
    let responses = futures_util::future::join_all(creators).await;
    let statuses: Vec<_> = responses
        .iter()
        .map(|response| response.status.as_u16())
        .collect();
    assert_eq!(
        statuses.iter().filter(|&&status| status == 201).count(),
        1,
        "{statuses:?}"
    );
    assert_eq!(json!(statuses.len()), 8);
}
