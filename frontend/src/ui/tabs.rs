//! Tabs: the views of one item, of which one is shown.

use leptos::prelude::*;

use super::focus::focus;

/// A row of tabs. The caller provides the panel, with `role="tabpanel"` and `aria-labelledby` set
/// to `tab_id(name)`.
#[component]
pub(crate) fn Tabs(
    #[prop(into)] label: Signal<String>,
    #[prop(into)] value: Signal<&'static str>,
    /// Names with their texts, and a count where there is one.
    #[prop(into)]
    options: Signal<Vec<(&'static str, String, Option<String>)>>,
    #[prop(into)] on_choose: Callback<&'static str>,
) -> impl IntoView {
    let step = move |event: web_sys::KeyboardEvent| {
        let by = match event.key().as_str() {
            "ArrowRight" => 1,
            "ArrowLeft" => -1,
            _ => return,
        };
        event.prevent_default();
        let options = options.get_untracked();
        let at = options
            .iter()
            .position(|(name, ..)| *name == value.get_untracked())
            .unwrap_or(0) as isize;
        let to = (at + by).rem_euclid(options.len().max(1) as isize) as usize;
        if let Some((name, ..)) = options.get(to) {
            on_choose.run(name);
            focus_tab(name);
        }
    };
    let tabs = move || {
        options
            .get()
            .into_iter()
            .map(|(name, text, count)| {
                let chosen = move || value.get() == name;
                view! {
                    <button
                        type="button"
                        role="tab"
                        id=tab_id(name)
                        class="tab"
                        aria-selected=move || chosen().to_string()
                        tabindex=move || if chosen() { "0" } else { "-1" }
                        on:click=move |_| on_choose.run(name)
                    >
                        {text}
                        {count.map(|count| view! { <span class="tab-count">{count}</span> })}
                    </button>
                }
            })
            .collect_view()
    };
    view! {
        <div class="tabs" role="tablist" aria-label=move || label.get() on:keydown=step>
            {tabs}
        </div>
    }
}

/// The element id of a tab.
pub(crate) fn tab_id(name: &str) -> String {
    format!("tab-{name}")
}

fn focus_tab(name: &'static str) {
    use wasm_bindgen::JsCast as _;
    request_animation_frame(move || {
        let tab = document().get_element_by_id(&tab_id(name));
        if let Some(tab) = tab.and_then(|tab| tab.dyn_into::<web_sys::HtmlElement>().ok()) {
            focus(&tab);
        }
    });
}
