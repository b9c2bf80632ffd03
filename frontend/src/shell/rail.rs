//! Brand and navigation. On narrow screens the navigation is a bar at the bottom with four pages and a menu of the
//! others.

use leptos::prelude::*;
use leptos_router::hooks::use_location;

use super::appearance::AppearanceGroups;
use crate::api::base::page_url;
use crate::i18n::{label, texts, tr};
use crate::pages::Page;
use crate::state::use_overlays;
use crate::ui::{Glyph, Icon, Kbd, Menu, MenuLink};

texts! {
    enum Text {
        Pages: "Pages", "页面";
        Help: "Shortcuts", "快捷键";
        More: "More", "更多";
    }
}

/// The product's name, which links to the start page.
#[component]
pub(crate) fn Brand() -> impl IntoView {
    view! {
        <a class="brand" href=page_url("explorer") aria-label="Watchgate">
            <svg viewBox="0 0 20 20" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
                <path d="M3 17V8l7-5 7 5v9M6.500 17v-6M13.500 17v-6M10 17v-6"></path>
            </svg>
            <span class="brand-name">"Watchgate"</span>
        </a>
    }
}

/// The pages.
#[component]
pub(crate) fn Rail() -> impl IntoView {
    let pathname = use_location().pathname;
    let here = Memo::new(move |_| Page::of_path(&pathname.get()));
    let overlays = use_overlays();
    let links = Page::ALL
        .into_iter()
        .enumerate()
        .map(|(at, page)| {
            let begins_group =
                at > 0 && page.is_about_cluster() && !Page::ALL[at - 1].is_about_cluster();
            let is_wide = at >= Page::ON_PHONES;
            view! {
                <a
                    href=page_url(page.path())
                    class:rail-wide=is_wide
                    class:rail-group=begins_group
                    aria-current=move || (here.get() == Some(page)).then_some("page")
                >
                    <Glyph icon=page.icon()/>
                    <span class="rail-text">{tr(page.name())}</span>
                </a>
            }
        })
        .collect_view();
    view! {
        <nav class="rail" aria-label=tr(Text::Pages)>
            {links}
            <More here=here/>
            <button type="button" class="rail-end rail-wide" on:click=move |_| overlays.help.set(true)>
                <Glyph icon=Icon::Help/>
                <span class="rail-text">{tr(Text::Help)}</span>
                <Kbd keys="?"/>
            </button>
        </nav>
    }
}

/// The menu of the bottom bar: the pages that have no place in it, theme and language.
#[component]
fn More(here: Memo<Option<Page>>) -> impl IntoView {
    let others = Page::ALL.into_iter().skip(Page::ON_PHONES);
    let links = others
        .clone()
        .map(|page| {
            view! {
                <MenuLink
                    href=page_url(page.path())
                    icon=page.icon()
                    current=Signal::derive(move || here.get() == Some(page))
                >
                    {tr(page.name())}
                </MenuLink>
            }
        })
        .collect_view();
    // One of the menu's pages is shown.
    let is_here = Memo::new(move |_| {
        let here = here.get();
        others.clone().any(|page| here == Some(page))
    });
    let trigger = move || {
        view! {
            <span class="rail-more" class:is-here=move || is_here.get()>
                <Glyph icon=Icon::More/>
                <span class="rail-text">{tr(Text::More)}</span>
            </span>
        }
    };
    view! {
        <Menu label=label(Text::More) class="rail-narrow" sheet=true trigger=trigger>
            {links}
            <AppearanceGroups/>
        </Menu>
    }
}
