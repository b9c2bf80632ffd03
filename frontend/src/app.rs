//! The app: its stores and its routes. Every route is listed here and in `pages::Page`.

use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::components::{Redirect, Route, Router, Routes};
use leptos_router::path;

use crate::live::Live;
use crate::pages::NotFound;
use crate::pages::explorer::Explorer;
use crate::pages::locks::Locks;
use crate::pages::watch::Watch;
use crate::shell::Shell;
use crate::state;

/// The whole dashboard.
#[component]
pub(crate) fn App() -> impl IntoView {
    state::provide();
    Live::provide();
    crate::pages::explorer::drafts::provide();
    view! {
        <Router base=crate::api::base::router_base()>
            <Shell>
                <Routes fallback=NotFound>
                    <Route path=path!("/") view=Home/>
                    <Route path=path!("/explorer") view=Explorer/>
                    <Route path=path!("/watch") view=Watch/>
                    <Route path=path!("/locks") view=Locks/>
                </Routes>
            </Shell>
        </Router>
    }
}

/// Redirects the root to the Explorer, without an entry in the browser's history.
#[component]
fn Home() -> impl IntoView {
    let options = NavigateOptions {
        replace: true,
        ..NavigateOptions::default()
    };
    view! { <Redirect path="/explorer" options=options/> }
}
