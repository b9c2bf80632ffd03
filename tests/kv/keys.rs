//! Keys are bytes: unusual keys in every form of URL, in lists and the tree, read and deleted.

use serde_json::{Value, json};
use support::gateway::InProcess;
use support::{Etcd, World, bytes_in, json_bytes, key_path, key_query, keys_in, percent};

/// Keys that a careless decoder would confuse, in byte order.
const ODD: &[&[u8]] = &[
    b"\0",
    b" ",
    b"#",
    b"%",
    b"%2F",
    b"&key=b",
    b"+",
    b".",
    b"..",
    b"/",
    b"//",
    b"/a//b",
    b"/a/b",
    b"/a/b/",
    b"?",
    b"?prefix=/",
    b"a/../b",
    b"a/./b",
    b"a/b",
    b"a/b?c#d",
    b"b",
    "占用".as_bytes(),
    b"\xff\xfe\0",
    b"\xff\xff",
];

/// The forms in which a client may send a key.
fn forms(key: &[u8]) -> [String; 3] {
    [
        key_path(key),
        format!("/kv/{}", percent(key)),
        key_query(key),
    ]
}

#[tokio::test]
async fn odd_keys_work_in_every_form() {
    let etcd = Etcd::start().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let api = gateway.api();

    for (at, key) in ODD.iter().enumerate() {
        let form = &forms(key)[at % 3];
        let put = api.put(form, *key).send().await.json(201);
        assert_eq!(put["key"], json_bytes(key), "{form}");
    }
    for key in ODD {
        for form in forms(key) {
            let entry = api.get(&form).send().await.json(200);
            assert_eq!(entry["key"], json_bytes(key), "{form}");
            assert_eq!(entry["value"], json_bytes(key), "{form}");
            assert_eq!(entry["version"], 1, "{form}");
            let join = if form.contains('?') { '&' } else { '?' };
            let raw = api.get(&format!("{form}{join}raw")).send().await;
            assert_eq!(raw.expect(200).body, *key, "{form}");
        }
        let mine = api
            .get(&format!("/kv?prefix={}", percent(key)))
            .send()
            .await
            .json(200);
        let expected: Vec<_> = ODD
            .iter()
            .copied()
            .filter(|odd| odd.starts_with(key))
            .collect();
        assert_eq!(
            keys_in(&mine["entries"]),
            expected,
            "{}",
            key.escape_ascii()
        );
        let history = api
            .get(&format!("/history?key={}", percent(key)))
            .send()
            .await
            .json(200);
        assert_eq!(history["entries"][0]["value"], json_bytes(key));
    }

    let all = api.get("/kv?prefix=").send().await.json(200);
    assert_eq!(keys_in(&all["entries"]), ODD);
    assert_eq!(all["count"], ODD.len());
    let from_key = etcd_client::GetOptions::new().with_from_key();
    let mut client = etcd.client().await;
    let keys = client
        .get(b"\0", Some(from_key))
        .await
        .expect("etcd lists its keys");
    assert_eq!(
        keys.kvs()
            .iter()
            .map(etcd_client::KeyValue::key)
            .collect::<Vec<_>>(),
        ODD
    );

    let top = api.get("/tree?prefix=&separator=/").send().await.json(200);
    let names = |list: &Value| -> Vec<Vec<u8>> {
        let list = list.as_array().expect("a list");
        list.iter()
            .map(|folder| bytes_in(&folder["name"]))
            .collect()
    };
    assert_eq!(names(&top["folders"]), [&b"/"[..], b"?prefix=/", b"a/"]);
    let flat: Vec<_> = ODD
        .iter()
        .copied()
        .filter(|key| !key.contains(&b'/'))
        .collect();
    assert_eq!(keys_in(&top["entries"]), flat);

    for (at, key) in ODD.iter().enumerate() {
        let form = &forms(key)[(at + 1) % 3];
        let deleted = api.delete(form).send().await.json(200);
        assert_eq!(deleted["deleted"], 1, "{form}");
        api.get(form).send().await.problem(404, "key_not_found");
    }
    let none = api.get("/kv?prefix=").send().await.json(200);
    assert_eq!((&none["entries"], &none["count"]), (&json!([]), &json!(0)));
}

#[tokio::test]
async fn ranges_name_their_keys_exactly() {
    let world = World::new("ranges").await;
    for name in ["a", "a/b", "a0", "b", "c"] {
        world.put(name, name).await;
    }
    let list = async |query: String| {
        let page = world
            .api
            .get(&format!("/kv?{query}"))
            .send()
            .await
            .json(200);
        let strip = |key: Vec<u8>| {
            let key = String::from_utf8(key).expect("text");
            key.strip_prefix(&world.prefix).map(str::to_owned)
        };
        let keys = keys_in(&page["entries"]);
        keys.into_iter().filter_map(strip).collect::<Vec<_>>()
    };
    let (prefix, key) = (percent(&world.prefix), |name| percent(world.key(name)));
    assert_eq!(
        list(format!("prefix={prefix}")).await,
        ["a", "a/b", "a0", "b", "c"]
    );
    assert_eq!(list(format!("prefix={}", key("a/"))).await, ["a/b"]);
    // `end` is exclusive.
    assert_eq!(
        list(format!("start={}&end={}", key("a"), key("b"))).await,
        ["a", "a/b", "a0"]
    );
    assert_eq!(list(format!("from={}&limit=2", key("b"))).await, ["b", "c"]);

    let one = world
        .api
        .get(&format!("/kv/?key={}", key("b")))
        .send()
        .await
        .json(200);
    assert_eq!(
        one["value"], "b",
        "`/kv?key=` reads a key, and `/kv/` is `/kv`"
    );

    for wrong in [
        "/kv".to_owned(),
        "/kv/".to_owned(),
        "/kv?key=".to_owned(),
        "/kv?limit=5".to_owned(),
        format!("/kv?start={}", key("a")),
        format!("/kv?end={}", key("a")),
        format!("/kv?prefix={prefix}&from={}", key("a")),
        format!("/kv?prefix={prefix}&start={}&end={}", key("a"), key("b")),
        format!("/kv?key={}&prefix={prefix}", key("a")),
        format!("/kv/{}?key={}", key("a"), key("a")),
        "/kv/%2".to_owned(),
        "/kv/%zz".to_owned(),
        "/kv?prefix=%".to_owned(),
    ] {
        let response = world.api.get(&wrong).send().await;
        assert_eq!(response.status, 400, "{wrong}: {}", response.text());
    }
}
