//! Searches of the server from the Explorer.

use serde_json::json;
use support::World;
use support::fill::fill;

use crate::with_tab;

#[tokio::test]
async fn a_key_is_found_by_a_word_in_its_value() {
    let world = World::new("search").await;
    let keys = (0..2_000).map(|n| {
        let value = if n == 1_234 {
            "the word is rosebud"
        } else {
            "nothing"
        };
        (
            world.key(&format!("deep/{n:04}")).into_bytes(),
            value.into(),
        )
    });
    fill(&world.client().await, keys).await;
    with_tab(&world, "search", async |tab| {
        tab.goto(&format!("/explorer?prefix={}", world.prefix))
            .await;
        tab.fill("Filter keys", "rosebud").await;
        tab.finds("button", &format!("Search all of {} Enter", world.prefix))
            .await;
        tab.press("Enter").await;
        tab.finds("region", "Search results").await;
        tab.sees("1 match").await;
        tab.sees("2,000 of 2,000 keys searched").await;
        let hit = "document.querySelector('.x-found .x-found-hit')?.textContent === 'rosebud'";
        tab.until("the word is marked", hit).await;
        // The key is opened beside the results, and the address has both.
        tab.js("document.querySelector('.x-found').click()").await;
        tab.sees("the word is rosebud").await;
        let at = format!(
            "decodeURIComponent(location.search) === {}",
            json!(format!(
                "?key={}&search=rosebud&within={}",
                world.key("deep/1234"),
                world.prefix
            ))
        );
        tab.until("the address has key and search", &at).await;
        tab.reload().await;
        tab.until("the word is marked", hit).await;
        // Another text closes the results.
        tab.fill("Filter keys", "deep").await;
        tab.until("the tree is back", "!document.querySelector('.x-search')")
            .await;
    })
    .await;
}

#[tokio::test]
async fn an_expression_is_searched_and_its_errors_are_shown() {
    let world = World::new("search-regex").await;
    for n in 0..20 {
        world.put(&format!("k{n:02}"), "v").await;
    }
    with_tab(&world, "search-regex", async |tab| {
        let search = format!(
            "/explorer?search=k0%5B0-4%5D%24&within={}&regex=1",
            world.prefix
        );
        tab.goto(&search).await;
        tab.sees("5 matches").await;
        tab.expects_error("400");
        tab.goto(&format!(
            "/explorer?search=k(&within={}&regex=1",
            world.prefix
        ))
        .await;
        tab.sees("unclosed group").await;
    })
    .await;
}
