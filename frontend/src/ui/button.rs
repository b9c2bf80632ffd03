//! The button. Its text is a verb, with the object unless that is obvious.

use leptos::prelude::*;

use super::icon::{Glyph, Icon};

/// The handler of a button. Boxed, so that a button is one type whatever it does: otherwise each
/// handler's type would be compiled into the page again.
pub(crate) struct Press(Box<dyn Fn()>);

impl<F: Fn() + 'static> From<F> for Press {
    fn from(act: F) -> Self {
        Self(Box::new(act))
    }
}

impl Press {
    pub(crate) fn act(&self) {
        (self.0)();
    }
}

/// How a button looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ButtonKind {
    #[default]
    Plain,
    /// The main action of its context.
    Primary,
    /// Opens the confirmation of a destructive action.
    Danger,
    /// The destructive action itself.
    DangerNow,
    /// Without a frame until hovered.
    Quiet,
}

impl ButtonKind {
    fn class(self) -> &'static str {
        match self {
            Self::Plain => "btn",
            Self::Primary => "btn btn-primary",
            Self::Danger => "btn btn-danger",
            Self::DangerNow => "btn btn-danger-now",
            Self::Quiet => "btn btn-quiet",
        }
    }
}

/// A button. Without children it is an icon and needs a `label`. While `pending` it keeps its text
/// and cannot be pressed.
#[component]
pub(crate) fn Button(
    #[prop(optional)] kind: ButtonKind,
    #[prop(optional, into)] icon: Option<Signal<Icon>>,
    /// Accessible name and tooltip.
    #[prop(optional, into)]
    label: MaybeProp<String>,
    #[prop(optional, into)] disabled: Signal<bool>,
    #[prop(optional, into)] pending: Signal<bool>,
    /// For a toggle button: whether it is on.
    #[prop(optional, into)]
    pressed: MaybeProp<bool>,
    #[prop(optional)] small: bool,
    #[prop(into)] on_press: Press,
    #[prop(optional)] children: Option<Children>,
) -> impl IntoView {
    let class = format!(
        "{}{}{}",
        kind.class(),
        if children.is_none() { " btn-icon" } else { "" },
        if small { " btn-small" } else { "" }
    );
    view! {
        <button
            type="button"
            class=class
            class:is-pending=move || pending.get()
            aria-label=move || label.get()
            title=move || label.get()
            aria-pressed=move || pressed.get().map(|on| on.to_string())
            disabled=move || disabled.get() || pending.get()
            on:click=move |_| on_press.act()
        >
            {icon.map(|icon| view! { <Glyph icon=icon/> })}
            {children.map(|children| children())}
        </button>
    }
}
