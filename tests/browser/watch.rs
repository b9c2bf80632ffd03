//! The Watch page.

use support::ctl::etcdctl;
use support::{World, percent};

use crate::locks::{HOUR, clock_ahead};
use crate::with_tab;

#[tokio::test]
async fn an_open_watch_shows_changes_by_etcdctl() {
    let world = World::new("watched").await;
    with_tab(&world, "watched", async |tab| {
        tab.goto(&format!("/watch?prefix={}", percent(&world.prefix)))
            .await;
        tab.sees("No changes yet").await;
        etcdctl(world.etcd, &["put", &world.key("job1"), "from etcdctl"]).await;
        tab.sees("job1").await;
        tab.sees("from etcdctl").await;
        tab.sees("PUT").await;
        etcdctl(world.etcd, &["del", &world.key("job1")]).await;
        tab.sees("DEL").await;
        tab.sees("2 events").await;
    })
    .await;
}

#[tokio::test]
async fn a_paused_watch_shows_every_event_once_resumed() {
    let world = World::new("paused").await;
    with_tab(&world, "paused", async |tab| {
        tab.goto(&format!("/watch?prefix={}", percent(&world.prefix)))
            .await;
        tab.sees("No changes yet").await;
        world.put("a", "before").await;
        tab.sees("before").await;
        tab.click("button", "Pause").await;
        for n in 0..5 {
            world.put("a", &format!("held {n}")).await;
        }
        tab.sees("5 held").await;
        tab.no_longer_sees("held 4").await;
        tab.click("button", "Resume").await;
        for n in 0..5 {
            tab.sees(&format!("held {n}")).await;
        }
    })
    .await;
}

#[tokio::test]
async fn several_prefixes_are_watched_side_by_side() {
    let world = World::new("side").await;
    let from = world.put("one/a", "history of one").await;
    world.put("two/a", "history of two").await;
    with_tab(&world, "side", async |tab| {
        let (one, two) = (percent(world.key("one/")), percent(world.key("two/")));
        tab.goto(&format!("/watch?prefix={one}&revision={from}&prefix={two}"))
            .await;
        tab.sees("history of one").await;
        world.put("two/b", "now of two").await;
        tab.sees("now of two").await;
        tab.no_longer_sees("history of two").await;
        // A third panel, by typing its prefix.
        tab.fill(
            "Watch a key or prefix, e.g. /services/",
            &world.key("three/"),
        )
        .await;
        tab.click("button", "Watch").await;
        tab.until("the URL has it", "location.search.includes('three')")
            .await;
        tab.until(
            "the third panel is open",
            "document.querySelectorAll('.panel .dot:not(.dot-wait):not(.dot-off)').length === 3",
        )
        .await;
        world.put("three/a", "now of three").await;
        tab.sees("now of three").await;
    })
    .await;
}

#[tokio::test]
async fn event_times_do_not_depend_on_the_browsers_clock() {
    let world = World::new("event-times").await;
    for (run, by) in [("times-fast", HOUR), ("times-slow", -HOUR)] {
        with_tab(&world, run, async |tab| {
            tab.before_load(&clock_ahead(by)).await;
            tab.goto(&format!("/watch?prefix={}", percent(&world.prefix)))
                .await;
            tab.sees("No changes yet").await;
            world.put("a", "now").await;
            // Seconds between the time shown and the browser's own time of day, which the shifted
            // clock does not change.
            let near = "(() => {
                const time = (document.querySelector('.ev-time')?.innerText ?? '').split(':').map(Number);
                if (time.length !== 3) return false;
                const now = new Date(performance.timeOrigin + performance.now());
                const seconds = ([h, m, s]) => h * 3600 + m * 60 + s;
                const apart = Math.abs(seconds(time) - seconds([now.getHours(), now.getMinutes(), now.getSeconds()]));
                return Math.min(apart, 86400 - apart) < 60;
            })()";
            tab.until("the event has the right time", near).await;
        })
        .await;
    }
}
