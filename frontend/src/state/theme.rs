//! Theme and language: the system's until the user chooses; the choice is remembered.

use leptos::prelude::*;
use wasm_bindgen::JsCast as _;
use wasm_bindgen::closure::Closure;

use super::memory;
use crate::i18n::I18n;
use crate::model::Lang;

/// The user's choice of a theme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ThemeChoice {
    System,
    Light,
    Dark,
}

impl ThemeChoice {
    fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    fn from_name(name: &str) -> Self {
        match name {
            "light" => Self::Light,
            "dark" => Self::Dark,
            _ => Self::System,
        }
    }
}

/// The theme in use.
#[derive(Clone, Copy)]
pub(crate) struct Theme {
    choice: RwSignal<ThemeChoice>,
    system_dark: RwSignal<bool>,
}

impl Theme {
    /// The user's choice.
    pub(crate) fn choice(self) -> ThemeChoice {
        self.choice.get()
    }

    /// Sets the choice and remembers it.
    pub(crate) fn choose(self, choice: ThemeChoice) {
        self.choice.set(choice);
        memory::remember("theme", choice.name());
    }

    /// Whether the page is currently dark.
    pub(crate) fn is_dark(self) -> bool {
        match self.choice.get() {
            ThemeChoice::System => self.system_dark.get(),
            ThemeChoice::Light => false,
            ThemeChoice::Dark => true,
        }
    }
}

/// The theme in use.
pub(crate) fn use_theme() -> Theme {
    expect_context()
}

/// Tracks a media query for the lifetime of the page.
fn media_query(query: &str) -> RwSignal<bool> {
    let query = window().match_media(query).ok().flatten();
    let matches = RwSignal::new(query.as_ref().is_some_and(web_sys::MediaQueryList::matches));
    if let Some(query) = query {
        let follow = Closure::<dyn Fn(web_sys::MediaQueryListEvent)>::new(
            move |event: web_sys::MediaQueryListEvent| {
                matches.try_set(event.matches());
            },
        );
        // Never fails: the event exists. The closure exists as long as the page.
        let _ = query.add_event_listener_with_callback("change", follow.as_ref().unchecked_ref());
        follow.forget();
    }
    matches
}

/// Whether the screen is narrow: one pane at a time, rows of two lines. The style sheets use the same width.
#[derive(Clone, Copy)]
pub(crate) struct Narrow(pub(crate) RwSignal<bool>);

/// Whether the screen is narrow.
pub(crate) fn use_narrow() -> RwSignal<bool> {
    expect_context::<Narrow>().0
}

pub(super) fn provide() {
    provide_context(Narrow(media_query("(max-width: 760px)")));
    let choice =
        memory::recall("theme").map_or(ThemeChoice::System, |name| ThemeChoice::from_name(&name));
    let system_dark = media_query("(prefers-color-scheme: dark)");
    let theme = Theme {
        choice: RwSignal::new(choice),
        system_dark,
    };
    Effect::new(move |_| {
        let name = if theme.is_dark() { "dark" } else { "light" };
        set_root_attribute("data-theme", name);
    });
    provide_context(theme);
}

pub(super) fn provide_language() {
    let remembered = memory::recall("language").and_then(|tag| Lang::of_tag(&tag));
    let browser = || {
        window()
            .navigator()
            .languages()
            .iter()
            .find_map(|tag| Lang::of_tag(&tag.as_string()?))
    };
    let i18n = I18n::new(remembered.or_else(browser).unwrap_or(Lang::En));
    Effect::new(move |_| set_root_attribute("lang", i18n.lang().tag()));
    provide_context(i18n);
}

/// Sets the language and remembers it.
pub(crate) fn choose_language(i18n: I18n, lang: Lang) {
    i18n.set(lang);
    memory::remember("language", lang.tag());
}

fn set_root_attribute(name: &str, value: &str) {
    if let Some(root) = document().document_element() {
        // Fails only for invalid attribute names.
        let _ = root.set_attribute(name, value);
    }
}
