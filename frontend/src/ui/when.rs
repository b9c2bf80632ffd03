//! Shows something while a condition holds.
//!
//! The framework's own `Show` is compiled again for every condition and every content; this one is
//! compiled once, which keeps the WebAssembly small.

use leptos::prelude::*;

/// A condition.
pub(crate) struct Condition(Box<dyn Fn() -> bool + Send + Sync>);

impl<F: Fn() -> bool + Send + Sync + 'static> From<F> for Condition {
    fn from(holds: F) -> Self {
        Self(Box::new(holds))
    }
}

/// Shows its children while `when` holds; they are created again each time it begins to hold.
#[component]
pub(crate) fn When(#[prop(into)] when: Condition, children: ChildrenFn) -> impl IntoView {
    let holds = Memo::new(move |_| (when.0)());
    move || holds.get().then(|| children())
}
