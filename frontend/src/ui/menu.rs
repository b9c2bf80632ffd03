//! A drop-down menu, based on the browser's popover: a click outside or Escape closes it. On phones a menu may be a
//! sheet at the bottom of the screen.

use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsCast as _;

use super::button::Press;
use super::focus::focus;
use super::icon::{Glyph, Icon};
use crate::i18n::{Common, use_i18n};

/// A button with a menu of [`MenuItem`]s. `trigger` is the content of the button.
#[component]
pub(crate) fn Menu(
    /// Accessible name of button and menu.
    #[prop(into)]
    label: Signal<String>,
    /// The text of the button, where that is not its label: the accessible name contains both, so
    /// that voice control finds what is seen.
    #[prop(optional, into)]
    value: MaybeProp<String>,
    /// Class of the button; `btn` without it.
    #[prop(optional)]
    class: Option<&'static str>,
    /// Holds facts to read, with or without items to choose.
    #[prop(optional)]
    facts: bool,
    /// Is at the bottom of the screen, as wide as it is.
    #[prop(optional)]
    sheet: bool,
    /// Called when it opens.
    #[prop(optional, into)]
    on_open: Option<Callback<()>>,
    #[prop(into)] trigger: ViewFn,
    children: Children,
) -> impl IntoView {
    let role = if facts { "dialog" } else { "menu" };
    let button = NodeRef::<html::Button>::new();
    let popover = NodeRef::<html::Div>::new();
    let open = RwSignal::new(false);
    let toggle = move |_| {
        let (Some(button), Some(popover)) = (button.get_untracked(), popover.get_untracked())
        else {
            return;
        };
        if !sheet {
            position(&button, &popover);
        }
        // Fails only for an element that is not in the page.
        let _ = popover.toggle_popover();
        if !sheet {
            keep_in_view(&button, &popover);
        }
    };
    let on_toggle = move |_| {
        let shown = popover
            .get_untracked()
            .is_some_and(|popover| popover.matches(":popover-open").unwrap_or(false));
        open.set(shown);
        if shown {
            if let Some(on_open) = on_open {
                on_open.run(());
            }
            focus_item(popover, |_, _| 0);
        }
    };
    let on_keydown = move |event: web_sys::KeyboardEvent| {
        let step: fn(Option<usize>, usize) -> usize = match event.key().as_str() {
            "ArrowDown" => |at, len| at.map_or(0, |at| (at + 1) % len),
            "ArrowUp" => |at, len| at.map_or(len - 1, |at| (at + len - 1) % len),
            "Home" => |_, _| 0,
            "End" => |_, len| len - 1,
            _ => return,
        };
        event.prevent_default();
        event.stop_propagation();
        focus_item(popover, step);
    };
    let on_click = move |_| {
        if let Some(popover) = popover.get_untracked() {
            // An item was chosen or a gap was clicked: either way the menu closes.
            let _ = popover.hide_popover();
        }
    };
    let i18n = use_i18n();
    let named = move || match value.get() {
        Some(value) => i18n.fill(Common::Named, &[&label.get(), &value]),
        None => label.get(),
    };
    view! {
        <button
            type="button"
            node_ref=button
            class=class.unwrap_or("btn")
            aria-label=named
            aria-haspopup=role
            aria-expanded=move || open.get().to_string()
            on:click=toggle
        >
            {move || trigger.run()}
        </button>
        <div node_ref=popover class="menu" class:sheet=sheet popover="auto" role=role aria-label=move || label.get() on:toggle=on_toggle on:keydown=on_keydown on:click=on_click>
            {children()}
        </div>
    }
}

/// Places the menu below the button, within the page.
fn position(button: &web_sys::HtmlButtonElement, popover: &web_sys::HtmlDivElement) {
    const WIDEST: f64 = 320.0;
    let at = button.get_bounding_client_rect();
    let width = document()
        .document_element()
        .map_or(0.0, |root| f64::from(root.client_width()));
    let style = popover.unchecked_ref::<web_sys::HtmlElement>().style();
    // `set_property` fails only for an unknown property.
    let _ = style.set_property("top", &format!("{}px", at.bottom() + 4.0));
    if at.left() + WIDEST > width {
        let _ = style.set_property("right", &format!("{}px", (width - at.right()).max(8.0)));
        let _ = style.set_property("left", "auto");
    } else {
        let _ = style.set_property("left", &format!("{}px", at.left()));
        let _ = style.set_property("right", "auto");
    }
}

/// Moves the menu above the button where there is no room below it. Only a shown element can be
/// measured.
fn keep_in_view(button: &web_sys::HtmlButtonElement, popover: &web_sys::HtmlDivElement) {
    const EDGE: f64 = 8.0;
    let height = document()
        .document_element()
        .map_or(0.0, |root| f64::from(root.client_height()));
    let (at, menu) = (
        button.get_bounding_client_rect(),
        popover.get_bounding_client_rect(),
    );
    if menu.bottom() + EDGE <= height {
        return;
    }
    let above = at.top() - 4.0 - menu.height();
    let top = if above >= EDGE {
        above
    } else {
        (height - EDGE - menu.height()).max(EDGE)
    };
    let style = popover.unchecked_ref::<web_sys::HtmlElement>().style();
    // `set_property` fails only for an unknown property.
    let _ = style.set_property("top", &format!("{top}px"));
}

fn focus_item(popover: NodeRef<html::Div>, step: fn(Option<usize>, usize) -> usize) {
    let Some(popover) = popover.get_untracked() else {
        return;
    };
    let Ok(items) = popover.query_selector_all(".menu-item:not([disabled])") else {
        return;
    };
    let items: Vec<web_sys::HtmlElement> = (0..items.length())
        .filter_map(|at| items.get(at)?.dyn_into().ok())
        .collect();
    if items.is_empty() {
        return;
    }
    let active = document().active_element();
    let at = items
        .iter()
        .position(|item| active.as_ref() == Some(item.as_ref()));
    focus(&items[step(at, items.len())]);
}

/// An item of a [`Menu`].
#[component]
pub(crate) fn MenuItem(
    #[prop(optional, into)] icon: Option<Signal<Icon>>,
    /// For one of several choices: whether it is the current one.
    #[prop(optional, into)]
    checked: MaybeProp<bool>,
    #[prop(optional, into)] disabled: Signal<bool>,
    #[prop(into)] on_press: Press,
    children: Children,
) -> impl IntoView {
    view! {
        <button
            type="button"
            class="menu-item"
            role=move || if checked.get().is_some() { "menuitemradio" } else { "menuitem" }
            aria-checked=move || checked.get().map(|on| on.to_string())
            disabled=move || disabled.get()
            tabindex="-1"
            on:click=move |_| on_press.act()
        >
            {icon.map(|icon| view! { <Glyph icon=icon/> })}
            <span class="menu-text">{children()}</span>
            {move || checked.get().unwrap_or(false).then(|| view! { <Glyph icon=Icon::Check/> })}
        </button>
    }
}

/// A link in a [`Menu`]. `plain` in a menu of facts, whose items have no role of a menu item.
#[component]
pub(crate) fn MenuLink(
    #[prop(into)] href: Signal<String>,
    #[prop(optional, into)] icon: Option<Signal<Icon>>,
    /// Whether it is the place that the tab shows.
    #[prop(optional, into)]
    current: Signal<bool>,
    /// Loads a page, instead of changing the one that is loaded.
    #[prop(optional)]
    external: bool,
    #[prop(optional)] plain: bool,
    children: Children,
) -> impl IntoView {
    view! {
        <a
            class="menu-item"
            role=(!plain).then_some("menuitem")
            tabindex=(!plain).then_some("-1")
            rel=external.then_some("external")
            href=move || href.get()
            aria-current=move || current.get().then_some("true")
        >
            {icon.map(|icon| view! { <Glyph icon=icon/> })}
            <span class="menu-text">{children()}</span>
            {move || current.get().then(|| view! { <Glyph icon=Icon::Check/> })}
        </a>
    }
}

/// A button in a [`Menu`] of facts.
#[component]
pub(crate) fn MenuButton(
    #[prop(into)] icon: Signal<Icon>,
    #[prop(into)] on_press: Press,
    children: Children,
) -> impl IntoView {
    view! {
        <button type="button" class="menu-item" on:click=move |_| on_press.act()>
            <Glyph icon=icon/>
            <span class="menu-text">{children()}</span>
        </button>
    }
}
