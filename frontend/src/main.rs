//! Watchgate's dashboard: a Leptos app rendered in the browser, served by the gateway.
//!
//! `model` is pure and tested natively; `clock` has the time; `api` and `live` talk to the gateway; `state`
//! holds one small store per domain; `ui` has the primitives, `shell` the frame around the pages, `pages` the
//! screens.

#![expect(
    unreachable_pub,
    reason = "the component macro makes every property struct public"
)]

mod api;
mod app;
mod clock;
mod i18n;
mod live;
mod model;
mod pages;
mod shell;
mod state;
mod ui;

fn main() {
    console_error_panic_hook::set_once();
    api::base::add_cluster_to_address();
    leptos::mount::mount_to_body(app::App);
}
