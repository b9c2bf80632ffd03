//! Watchgate's dashboard: a Leptos app rendered in the browser, served by the gateway.
//!
//! `model` is pure and tested natively; `api` and `live` communicate with the gateway; `state` holds one small
//! store per domain; `ui` has the basic components, `shell` the frame around every page, `pages` the pages.

#![expect(
    unreachable_pub,
    reason = "the component macro makes every property struct public"
)]

mod api;
mod app;
mod i18n;
mod live;
mod model;
mod pages;
mod shell;
mod state;
mod ui;

fn main() {
    console_error_panic_hook::set_once();
    leptos::mount::mount_to_body(app::App);
}
