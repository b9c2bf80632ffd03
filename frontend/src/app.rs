//! The app: its stores and its routes. Every route is listed here and in `pages::Page`.

use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::components::{Redirect, Route, Router, Routes};
use leptos_router::path;

use crate::api::base;
use crate::live::Live;
use crate::model::clusters::Place;
use crate::pages::cluster::Cluster;
use crate::pages::explorer::Explorer;
use crate::pages::locks::Locks;
use crate::pages::sign_in::SignIn;
use crate::pages::transactions::Transactions;
use crate::pages::watch::Watch;
use crate::pages::{NotFound, UnknownCluster};
use crate::shell::Shell;
use crate::state;

/// The whole dashboard.
#[component]
pub(crate) fn App() -> impl IntoView {
    state::provide_settings();
    match base::place() {
        Place::Unknown(name) => view! { <UnknownCluster name=name/> }.into_any(),
        Place::Cluster(_) | Place::NoCluster => view! { <ClusterApp/> }.into_any(),
    }
}

/// The dashboard of one cluster.
#[component]
fn ClusterApp() -> impl IntoView {
    state::provide();
    Live::provide();
    view! {
        <Router base=base::router_base()>
            <Shell>
                <Routes fallback=NotFound>
                    <Route path=path!("/") view=Home/>
                    <Route path=path!("/explorer") view=Explorer/>
                    <Route path=path!("/watch") view=Watch/>
                    <Route path=path!("/locks") view=Locks/>
                    <Route path=path!("/transactions") view=Transactions/>
                    <Route path=path!("/cluster") view=Cluster/>
                    <Route path=path!("/sign-in") view=SignIn/>
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
