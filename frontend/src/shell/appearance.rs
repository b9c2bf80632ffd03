//! Theme and language: menus in the top bar, and groups in the menu of phones.

use leptos::prelude::*;

use crate::i18n::{label, texts, tr, use_i18n};
use crate::model::Lang;
use crate::state::theme::choose_language;
use crate::state::{ThemeChoice, use_theme};
use crate::ui::{Glyph, Icon, Menu, MenuItem};

texts! {
    enum Text {
        Theme: "Theme", "主题";
        System: "System", "跟随系统";
        Light: "Light", "浅色";
        Dark: "Dark", "深色";
        Language: "Language", "语言";
    }
}

/// The theme.
#[component]
pub(super) fn ThemeMenu() -> impl IntoView {
    let theme = use_theme();
    let icon = Signal::derive(move || {
        if theme.is_dark() {
            Icon::Moon
        } else {
            Icon::Sun
        }
    });
    view! {
        <Menu
            label=label(Text::Theme)
            class="btn btn-icon top-wide"
            trigger=move || view! { <Glyph icon=icon/> }
        >
            <Themes/>
        </Menu>
    }
}

/// The language.
#[component]
pub(super) fn LanguageMenu() -> impl IntoView {
    let i18n = use_i18n();
    let short = move || match i18n.lang() {
        Lang::En => "EN",
        Lang::Zh => "中",
    };
    view! {
        <Menu label=label(Text::Language) value=Signal::derive(move || short().to_owned()) class="btn lang top-wide" trigger=short>
            <Languages/>
        </Menu>
    }
}

/// Theme and language, each under its heading.
#[component]
pub(super) fn AppearanceGroups() -> impl IntoView {
    view! {
        <div role="group" aria-label=tr(Text::Theme)>
            <p class="menu-note" aria-hidden="true">{tr(Text::Theme)}</p>
            <Themes/>
        </div>
        <div role="group" aria-label=tr(Text::Language)>
            <p class="menu-note" aria-hidden="true">{tr(Text::Language)}</p>
            <Languages/>
        </div>
    }
}

#[component]
fn Themes() -> impl IntoView {
    let theme = use_theme();
    [
        (ThemeChoice::System, Icon::Screen, Text::System),
        (ThemeChoice::Light, Icon::Sun, Text::Light),
        (ThemeChoice::Dark, Icon::Moon, Text::Dark),
    ]
    .map(|(choice, icon, text)| {
        view! {
            <MenuItem icon=icon checked=Signal::derive(move || theme.choice() == choice) on_press=move || theme.choose(choice)>
                {tr(text)}
            </MenuItem>
        }
    })
    .collect_view()
}

#[component]
fn Languages() -> impl IntoView {
    let i18n = use_i18n();
    // The name of a language is always in that language.
    [(Lang::En, "English"), (Lang::Zh, "简体中文")]
        .map(|(lang, name)| {
            view! {
                <MenuItem checked=Signal::derive(move || i18n.lang() == lang) on_press=move || choose_language(i18n, lang)>
                    {name}
                </MenuItem>
            }
        })
        .collect_view()
}
