//! The screens. Each is a variant of [`Page`], which the rail, the bottom bar and the command
//! palette list, and a route in `app.rs`.

pub(crate) mod explorer;
pub(crate) mod links;
pub(crate) mod locks;
pub(crate) mod watch;

use leptos::prelude::*;

use crate::i18n::{Common, label, texts, tr};
use crate::ui::{EmptyState, Icon};

/// The pages of the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Page {
    Explorer,
    Watch,
    Locks,
}

impl Page {
    /// In the order of the rail.
    pub(crate) const ALL: [Self; 3] = [Self::Explorer, Self::Watch, Self::Locks];

    /// The page's path below the base path, without a slash.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Explorer => "explorer",
            Self::Watch => "watch",
            Self::Locks => "locks",
        }
    }

    /// The page's name.
    pub(crate) fn name(self) -> Common {
        match self {
            Self::Explorer => Common::Explorer,
            Self::Watch => Common::Watch,
            Self::Locks => Common::Locks,
        }
    }

    /// The page's icon.
    pub(crate) fn icon(self) -> Icon {
        match self {
            Self::Explorer => Icon::Tree,
            Self::Watch => Icon::Eye,
            Self::Locks => Icon::Lock,
        }
    }

    /// The page of a browser path; the root is the Explorer.
    pub(crate) fn of_path(pathname: &str) -> Option<Self> {
        let base = crate::api::base::base_path();
        let path = pathname
            .strip_prefix(base.as_str())
            .unwrap_or(pathname)
            .trim_matches('/');
        if path.is_empty() {
            return Some(Self::Explorer);
        }
        Self::ALL.into_iter().find(|page| page.path() == path)
    }
}

texts! {
    enum Text {
        NotFound: "Page not found", "页面不存在";
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
