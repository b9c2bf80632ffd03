//! `GET /export`: a range as a file of lines.

use serde_json::Value;
use support::fill::fill;
use support::{World, bytes_in, keys_in, percent};

#[tokio::test]
async fn an_export_is_one_revision_with_an_end_line() {
    let world = World::new("export").await;
    let entries: Vec<_> = (0..3_000_u32)
        .map(|n| {
            let key = [world.prefix.as_bytes(), &n.to_be_bytes()].concat();
            (key, vec![0xff, n as u8])
        })
        .collect();
    fill(&world.client().await, entries.clone()).await;
    let path = format!("/export?prefix={}", percent(&world.prefix));
    let response = world.api.get(&path).send().await.expect(200);
    assert_eq!(response.header("content-type"), "application/x-ndjson");
    let revision = response.revision();
    assert_eq!(
        response.header("content-disposition"),
        format!("attachment; filename=\"export-{revision}.ndjson\"")
    );
    let lines = response.lines();
    let (end, read) = lines.split_last().expect("an end line at least");
    assert_eq!(end["end"]["count"], 3_000);
    assert_eq!(end["end"]["header"]["revision"], revision);
    for (line, (key, value)) in read.iter().zip(&entries) {
        assert_eq!(
            (bytes_in(&line["key"]), bytes_in(&line["value"])),
            (key.clone(), value.clone())
        );
    }
    assert_eq!(read.len(), entries.len());
}

#[tokio::test]
async fn an_export_can_be_of_a_revision_or_of_changes_since() {
    let world = World::new("export-past").await;
    world.put("a", "1").await;
    let then = world.put("b", "1").await;
    world.put("a", "2").await;
    world.put("c", "1").await;
    let export = async |query: &str| {
        let path = format!("/export?prefix={}&{query}", percent(&world.prefix));
        let response = world.api.get(&path).send().await.expect(200);
        let mut lines = response.lines();
        let end = lines.pop().expect("an end line");
        assert_eq!(end["end"]["count"], lines.len());
        (keys_in(&Value::from(lines.clone())), lines)
    };
    let key = |name: &str| world.key(name).into_bytes();
    let (past, lines) = export(&format!("revision={then}")).await;
    assert_eq!(past, [key("a"), key("b")]);
    assert_eq!(lines[0]["value"], "1");
    let (since, _) = export(&format!("min_mod_revision={}", then + 1)).await;
    assert_eq!(since, [key("a"), key("c")]);
    let (created, _) = export(&format!("max_create_revision={then}")).await;
    assert_eq!(created, [key("a"), key("b")]);
}

#[tokio::test]
async fn unknown_parameters_are_refused() {
    let world = World::new("export-strict").await;
    let prefix = percent(&world.prefix);
    for (query, code) in [
        (String::new(), "bad_request"),
        (format!("prefix={prefix}&timeout=5s"), "bad_request"),
        (format!("prefix={prefix}&limit=5"), "unknown_parameter"),
        (format!("prefix={prefix}&keys_only"), "unknown_parameter"),
        (format!("key={prefix}"), "unknown_parameter"),
    ] {
        let response = world.api.get(&format!("/export?{query}")).send().await;
        let status = response.status.as_u16();
        assert_eq!(status, 400, "{query}");
        let problem = response.problem(
            400,
            if query.starts_with("key=") {
                "bad_request"
            } else {
                code
            },
        );
        assert!(problem["detail"].is_string());
    }
    let path = format!("/export?prefix={prefix}&revision=1000000000");
    world
        .api
        .get(&path)
        .send()
        .await
        .problem(416, "future_revision");
}
