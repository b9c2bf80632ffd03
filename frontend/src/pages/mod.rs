//! The screens. Each is a variant of [`Page`], which the rail, the bottom bar and the command
//! palette list, and a route in `app.rs`.

pub(crate) mod cluster;
pub(crate) mod explorer;
pub(crate) mod links;
pub(crate) mod locks;
pub(crate) mod sign_in;
pub(crate) mod transactions;
pub(crate) mod watch;

use leptos::prelude::*;

use crate::api::base::{cluster_names, cluster_page_url};
use crate::i18n::{Common, label, texts, tr, use_i18n};
use crate::ui::{EmptyState, Icon};

/// The pages of the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Page {
    Explorer,
    Watch,
    Locks,
    Transactions,
    Cluster,
}

impl Page {
    /// In the order of the rail.
    pub(crate) const ALL: [Self; 5] = [
        Self::Explorer,
        Self::Watch,
        Self::Locks,
        Self::Transactions,
        Self::Cluster,
    ];

    /// How many pages the bottom bar of phones shows; the others are in its menu.
    pub(crate) const ON_PHONES: usize = 4;

    /// Whether the page is about the cluster, not about its data.
    pub(crate) fn is_about_cluster(self) -> bool {
        self == Self::Cluster
    }

    /// The page's path below the base path, without a slash.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Explorer => "explorer",
            Self::Watch => "watch",
            Self::Locks => "locks",
            Self::Transactions => "transactions",
            Self::Cluster => "cluster",
        }
    }

    /// The page's name.
    pub(crate) fn name(self) -> Common {
        match self {
            Self::Explorer => Common::Explorer,
            Self::Watch => Common::Watch,
            Self::Locks => Common::Locks,
            Self::Transactions => Common::Transactions,
            Self::Cluster => Common::Cluster,
        }
    }

    /// The page's icon.
    pub(crate) fn icon(self) -> Icon {
        match self {
            Self::Explorer => Icon::Tree,
            Self::Watch => Icon::Eye,
            Self::Locks => Icon::Lock,
            Self::Transactions => Icon::Swap,
            Self::Cluster => Icon::Cluster,
        }
    }

    /// The page of a browser path; the root is the Explorer.
    pub(crate) fn of_path(pathname: &str) -> Option<Self> {
        let path = crate::api::base::page_of(pathname);
        if path.is_empty() {
            return Some(Self::Explorer);
        }
        Self::ALL.into_iter().find(|page| page.path() == path)
    }
}

texts! {
    enum Text {
        NotFound: "Page not found", "页面不存在";
        UnknownCluster: "No such cluster: {0}", "集群不存在：{0}";
        UnknownClusterDetail: "This gateway serves the clusters below. They come from its configuration.", "此网关提供以下集群，均来自其配置。";
        NotFoundDetail: "The address may belong to another version of Watchgate.", "该地址可能来自其他版本的 Watchgate。";
        ToExplorer: "Open the Explorer", "打开浏览页";
    }
}

/// The page for an unknown path.
#[component]
pub(crate) fn NotFound() -> impl IntoView {
    let href = crate::api::base::page_url("explorer");
    view! {
        <h1 class="visually-hidden">{tr(Text::NotFound)}</h1>
        <EmptyState
            icon=Icon::Help
            title=label(Text::NotFound)
            detail=label(Text::NotFoundDetail)
        >
            <a class="btn" href=href>{tr(Text::ToExplorer)}</a>
        </EmptyState>
    }
}

/// The page for a cluster that this gateway does not have: it links to those that it has.
#[component]
pub(crate) fn UnknownCluster(name: String) -> impl IntoView {
    let i18n = use_i18n();
    let title = Signal::derive(move || i18n.fill(Text::UnknownCluster, &[&name]));
    let clusters = cluster_names()
        .into_iter()
        .map(|name| {
            let href = cluster_page_url(&name, "explorer");
            view! { <a class="btn" rel="external" href=href>{name}</a> }
        })
        .collect_view();
    view! {
        <main class="page">
            <h1 class="visually-hidden">{title}</h1>
            <EmptyState icon=Icon::Cluster title=title detail=label(Text::UnknownClusterDetail)>
                {clusters}
            </EmptyState>
        </main>
    }
}
