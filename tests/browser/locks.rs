//! The Locks page.

use std::time::{Duration, Instant};

use serde_json::json;
use support::ctl::Etcdctl;
use support::gateway::InProcess;
use support::locks::grant_lease;
use support::{DEADLINE, Etcd, World, ensure, eventually, key_query, percent, spawn};
use tokio::time::sleep;

use crate::tab::Tab;
use crate::with_tab;

#[tokio::test]
async fn etcdctl_and_watchgate_share_one_queue_in_order() {
    let world = World::new("queue").await;
    let name = world.key("lock");
    let route = format!("/locks/{}", percent(&name));
    let waiters = async |count: usize| {
        eventually("the queue has this length", DEADLINE, async || {
            let lock = world.api.get(&route).send().await.json(200);
            let seen = lock["waiters"].as_array().map_or(0, Vec::len);
            ensure(seen == count, || lock.to_string())?;
            Ok(lock)
        })
        .await
    };
    let held = world
        .api
        .post(&route, &json!({"holder": "first-ours"}))
        .send()
        .await
        .json(201);
    let _theirs = Etcdctl::start(world.etcd, &["lock", &name]);
    let lock = waiters(1).await;
    let theirs = lock["waiters"][0]["key"]
        .as_str()
        .expect("a key")
        .to_owned();
    let lease = theirs
        .rsplit('/')
        .next()
        .expect("a key ends with its lease")
        .to_owned();
    let third = spawn(
        world
            .api
            .post(&route, &json!({"holder": "third-ours", "wait": 120}))
            .send(),
    );
    waiters(2).await;

    with_tab(&world, "queue", async |tab| {
        tab.goto(&format!("/locks?name={}", percent(&name))).await;
        tab.sees("first-ours").await;
        let queue = "[...document.querySelectorAll('.queue-row')].map((row) => row.innerText)";
        let order = format!(
            "((rows) => rows.length === 2 && rows[0].includes({}) && rows[1].includes('third-ours'))({queue})",
            json!(lease[..6])
        );
        tab.until("etcdctl is before ours", &order).await;
        // The holder releases it: etcdctl holds it, ours is first in the queue, and the page was not
        // reloaded.
        let lease_of = held["lease"].as_str().expect("an id");
        world.api.delete(&format!("{route}?lease={lease_of}")).send().await.json(200);
        let moved = format!("((rows) => rows.length === 1 && rows[0].includes('third-ours'))({queue})");
        tab.until("ours is the only waiter", &moved).await;
        let holder = "document.querySelector('.lock-row[aria-selected=true] .lock-holder').innerText";
        let other = format!("!({holder}).includes('first-ours')");
        tab.until("the first no longer holds it", &other).await;
    })
    .await;
    third.abort();
}

#[tokio::test]
async fn the_next_waiter_follows_a_killed_holder() {
    let world = World::new("gives-way").await;
    let name = world.key("lock");
    let route = format!("/locks/{}", percent(&name));
    let lease = grant_lease(&world.api, 8).await;
    let held = world
        .api
        .post(&route, &json!({"holder": "killed", "lease": lease}))
        .send()
        .await;
    held.json(201);
    let keepalive = format!("/leases/{lease}/keepalive");
    let api = world.api.clone();
    let holder = spawn(async move {
        loop {
            api.post_empty(&keepalive).send().await.json(200);
            sleep(Duration::from_secs(1)).await;
        }
    });
    let next = spawn(
        world
            .api
            .post(&route, &json!({"holder": "the-next", "wait": 120}))
            .send(),
    );
    with_tab(&world, "gives-way", async |tab| {
        tab.goto("/locks").await;
        tab.sees(&name).await;
        let row = format!(
            "[...document.querySelectorAll('.lock-row')].find((row) => row.innerText.includes({}))?.querySelector('.lock-holder')?.innerText ?? ''",
            json!(name)
        );
        tab.until("the holder is shown", &format!("({row}).includes('killed')")).await;
        holder.abort();
        tab.until("the next one is shown", &format!("({row}).includes('the-next')")).await;
    })
    .await;
    next.await.expect("no panic").json(201);
}

#[tokio::test]
async fn releasing_a_lock_deletes_only_the_named_holders_key() {
    let world = World::new("released").await;
    let name = world.key("lock");
    let route = format!("/locks/{}", percent(&name));
    world
        .api
        .post(&route, &json!({"holder": "the-stuck"}))
        .send()
        .await
        .json(201);
    let next = spawn(
        world
            .api
            .post(&route, &json!({"holder": "the-next", "wait": 120}))
            .send(),
    );
    with_tab(&world, "released", async |tab| {
        tab.goto(&format!("/locks?name={}", percent(&name))).await;
        tab.sees("the-stuck").await;
        tab.sees("the-next").await;
        tab.click("button", "Release this key…").await;
        tab.click("button", "Release the-stuck's key").await;
        tab.sees("Released the-stuck's key").await;
    })
    .await;
    next.await.expect("no panic").json(201);
}

/// A script that moves the page's clock ahead by this many milliseconds before the page's own
/// scripts run. The browser's own measurements (`performance`) stay correct.
pub(crate) fn clock_ahead(by: i64) -> String {
    format!(
        "(() => {{
            const Real = Date;
            window.Date = class extends Real {{
                constructor(...args) {{ if (args.length) super(...args); else super(Real.now() + ({by})); }}
                static now() {{ return Real.now() + ({by}); }}
            }};
        }})()"
    )
}

pub(crate) const HOUR: i64 = 3_600_000;

#[tokio::test]
async fn held_time_does_not_depend_on_the_browsers_clock() {
    let world = World::new("clocks").await;
    let name = world.key("lock");
    let route = format!("/locks/{}", percent(&name));
    let started = Instant::now();
    let held = world.api.post(&route, &json!({"holder": "me", "ttl": 600}));
    held.send().await.json(201);
    // From here on the gateway knows the holder, for some seconds before any page is opened.
    eventually("the lock has been held for 5 s", DEADLINE, async || {
        let lock = world.api.get(&route).send().await.json(200);
        let left = lock["holder"]["ttl"].as_i64();
        ensure(left.is_some_and(|left| left <= 595), || lock.to_string())
    })
    .await;
    for (run, by) in [
        ("clock-fast", HOUR),
        ("clock-slow", -HOUR),
        ("clock-right", 0),
    ] {
        with_tab(&world, run, async |tab| {
            tab.before_load(&clock_ahead(by)).await;
            tab.goto(&format!("/locks?name={}", percent(&name))).await;
            tab.sees("for at least").await;
            let row = format!(
                "[...document.querySelectorAll('.lock-row')].find((row) => row.innerText.includes({}))",
                json!(name)
            );
            // In seconds, and longer than this page is open: it was held before.
            let seconds = format!(
                "((text) => {{
                    const parts = text.match(/^(?:(\\d+) m )?(\\d+) s$/);
                    return parts ? Number(parts[1] || 0) * 60 + Number(parts[2]) : -1;
                }})({row}?.querySelector('.lock-held')?.innerText ?? '')"
            );
            let longer = format!("{seconds} * 1000 >= performance.now() + 2000");
            tab.until("the lock is held for longer than the page is open", &longer)
                .await;
            let shown = tab.js(&seconds).await.as_u64().expect("seconds");
            let most = started.elapsed().as_secs() + 2;
            assert!(shown <= most, "{shown} s exceeds {most} s");
        })
        .await;
    }
}

#[tokio::test]
async fn held_time_of_a_former_waiter_starts_at_the_handover() {
    let world = World::new("waited").await;
    let name = world.key("lock");
    let route = format!("/locks/{}", percent(&name));
    let first = world
        .api
        .post(&route, &json!({"holder": "first"}))
        .send()
        .await
        .json(201);
    let second = spawn(
        world
            .api
            .post(
                &route,
                &json!({"holder": "second", "wait": 120, "ttl": 600}),
            )
            .send(),
    );
    eventually("the second waits", DEADLINE, async || {
        let lock = world.api.get(&route).send().await.json(200);
        ensure(
            lock["waiters"][0]["ttl"]
                .as_i64()
                .is_some_and(|left| left <= 596),
            || lock.to_string(),
        )
    })
    .await;
    let handed_over = Instant::now();
    let lease = first["lease"].as_str().expect("an id");
    world
        .api
        .delete(&format!("{route}?lease={lease}"))
        .send()
        .await
        .json(200);
    second.await.expect("no panic").json(201);
    let since = |lock: &serde_json::Value| {
        let text = lock["held_since"].as_str().expect("a time").to_owned();
        (
            text,
            lock["holder"]["first_seen"]
                .as_str()
                .expect("a time")
                .to_owned(),
        )
    };
    let (held, seen) = since(&world.api.get(&route).send().await.json(200));
    // Both times have whole seconds and the same format, so they compare as text.
    assert!(held > seen, "held since {held}, waiting since {seen}");
    with_tab(&world, "waited", async |tab| {
        tab.goto(&format!("/locks?name={}", percent(&name))).await;
        let text = "([...document.querySelectorAll('.facts dd')].map((dd) => dd.innerText).find((text) => text.startsWith('for at least')) ?? '')";
        tab.until("the held time is shown", &format!("{text} !== ''")).await;
        let shown = tab.js(text).await;
        let shown = shown.as_str().and_then(|text| text.split(' ').nth(3));
        let shown = shown.and_then(|seconds| seconds.parse::<u64>().ok());
        let most = handed_over.elapsed().as_secs() + 2;
        assert!(matches!(shown, Some(seconds) if seconds <= most), "{shown:?} exceeds {most} s");
    })
    .await;
}

#[tokio::test]
async fn possible_locks_are_listed_separately_and_deleted_as_keys() {
    let etcd = Etcd::start().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let api = gateway.api();
    let held = api.post("/locks/real", &json!({"holder": "the-holder", "ttl": 600}));
    held.send().await.json(201);
    let grant = api.post("/leases", &json!({"ttl": 600, "id": "e7e"}));
    grant.send().await.json(201);
    let mut client = etcd.client().await;
    let options = || Some(etcd_client::PutOptions::new().with_lease(0xe7e));
    let key = |n: usize| format!("/registry/events/default/master.{n:03}");
    for n in 0..300 {
        let put = client.put(key(n), "happened", options()).await;
        put.expect("etcd puts");
    }
    // Kubernetes' API server writes protobuf objects: these are not even guesses.
    let object = client
        .put(
            "/registry/events/default/master.k8s",
            b"k8s\0\n\x0b".to_vec(),
            options(),
        )
        .await;
    object.expect("etcd puts");
    let root = format!("http://{}", gateway.root().address());
    Tab::run("guesses", &root, async |tab| {
        tab.goto("/locks").await;
        let rows = "[...document.querySelectorAll('.lock-row')].map((row) => row.innerText.replace(/\\s+/g, ' '))";
        tab.until("the lock is above one folded group", &format!(
            "((rows) => rows.length === 3 && rows[0].startsWith('real ')
                && rows[1].startsWith('300 leased keys may be locks.')
                && rows[2] === '/registry/events/default/ 300 keys')({rows})"
        ))
        .await;
        tab.finds("radio", "Locks 1").await;
        tab.finds("radio", "Single keys 0").await;
        tab.finds("radio", "Possible 300").await;

        tab.js("document.querySelector('.lock-group').click()").await;
        tab.sees("master.007").await;
        tab.js("[...document.querySelectorAll('.lock-row')].find((row) => row.innerText.includes('master.007')).click()")
            .await;
        tab.finds("button", "Delete key…").await;
        tab.no_longer_sees("Release this key").await;
        tab.no_longer_sees("The holder may no longer be running").await;
        tab.click("button", "Delete key…").await;
        tab.sees("It may not be a lock").await;
        tab.click("button", "Delete key").await;
        tab.sees(&format!("Deleted key {}", key(7))).await;
        tab.finds("radio", "Possible 299").await;
    })
    .await;
    let left = client
        .get(
            "/registry/events/default/",
            Some(
                etcd_client::GetOptions::new()
                    .with_prefix()
                    .with_count_only(),
            ),
        )
        .await
        .expect("etcd counts");
    assert_eq!(left.count(), 300, "299 events and the object");
}

#[tokio::test]
async fn without_a_socket_all_locks_are_counted() {
    const LOCKS: usize = 150;
    let etcd = Etcd::start().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let api = gateway.api();
    let grant = api.post("/leases", &json!({"ttl": 600, "id": "a1"}));
    grant.send().await.json(201);
    for n in 0..LOCKS {
        // A key as etcd's recipe names it: the lock, then the lease that holds it.
        let key = key_query(format!("lock-{n:03}/a1"));
        api.put(&format!("{key}&lease=a1"), "")
            .send()
            .await
            .json(201);
    }
    let root = format!("http://{}", gateway.root().address());
    Tab::run("no-socket", &root, async |tab| {
        tab.before_load(
            "window.WebSocket = class { constructor() { throw new Error('no sockets here'); } }",
        )
        .await;
        tab.goto("/locks").await;
        tab.finds("radio", &format!("Locks {LOCKS}")).await;
        // Later changes appear too, since the list is requested again.
        let another = api.post("/locks/another", &json!({"ttl": 600}));
        another.send().await.json(201);
        tab.finds("radio", &format!("Locks {}", LOCKS + 1)).await;
    })
    .await;
}

#[tokio::test]
async fn the_columns_of_a_lock_never_overlap() {
    let etcd = Etcd::start().await;
    let gateway = InProcess::start(&etcd.url(), &["--lock-prefix", "/single/"]).await;
    let api = gateway.api();
    // The longest text possible: minutes and seconds with two digits each.
    let grant = api.post("/leases", &json!({"ttl": 3_595, "id": "b1"}));
    grant.send().await.json(201);
    let put = api.put(&format!("{}&lease=b1", key_query("/single/job")), "node-1");
    put.send().await.json(201);
    let root = format!("http://{}", gateway.root().address());
    let gaps = "((cells) => cells.length === 6 && cells.every((cell) => cell.height > 0) && Math.min(...cells
            .flatMap((one, at) => cells.slice(at + 1).map((other) => [one, other]))
            .filter(([one, other]) => one.top < other.bottom && other.top < one.bottom)
            .map(([one, other]) => Math.max(other.left - one.right, one.left - other.right))) >= 8)
        ([...document.querySelectorAll('.lock-row')[0]?.children ?? []].map((cell) => {
            const range = document.createRange();
            range.selectNodeContents(cell);
            return range.getBoundingClientRect();
        }))";
    Tab::run("columns", &root, async |tab| {
        for (choose, path, text) in [
            (None, "/locks", r"5\d m [1-5]\d s"),
            (None, "/locks?name=%2Fsingle%2Fjob", r"5\d m [1-5]\d s"),
            (
                Some(("Language: EN", "简体中文")),
                "/locks",
                r"5\d 分 [1-5]\d 秒",
            ),
            (None, "/locks?name=%2Fsingle%2Fjob", r"5\d 分 [1-5]\d 秒"),
        ] {
            tab.resize(1440, 900).await;
            if let Some((menu, item)) = choose {
                tab.click("button", menu).await;
                tab.click("menuitem", item).await;
            }
            tab.goto(path).await;
            tab.until(text, &format!("/{text}/.test(document.body.innerText)"))
                .await;
            for width in [1440, 1280, 1024, 800, 390] {
                tab.resize(width, 900).await;
                // On a narrow page the detail replaces the list.
                let hidden = "!document.querySelector('.lock-row')?.checkVisibility()";
                let what = format!("{path} is wide enough at {width}");
                tab.until(&what, &format!("{hidden} || {gaps}")).await;
            }
        }
    })
    .await;
}
