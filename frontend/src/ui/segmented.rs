//! A segmented control: a choice between a few options, all visible.

use leptos::prelude::*;

use super::focus::focus;

/// A choice between a few. `options` are values with their texts; arrow keys move the choice.
#[component]
pub(crate) fn Segmented<T: Copy + PartialEq + Send + Sync + 'static>(
    /// The accessible name of the choice.
    #[prop(into)]
    label: Signal<String>,
    #[prop(into)] value: Signal<T>,
    #[prop(into)] options: Signal<Vec<(T, String)>>,
    #[prop(into)] on_choose: Callback<T>,
) -> impl IntoView {
    let chosen = Signal::derive(move || {
        let value = value.get();
        options.with(|options| options.iter().position(|(option, _)| *option == value))
    });
    let texts = Signal::derive(move || {
        options.with(|options| options.iter().map(|(_, text)| text.clone()).collect())
    });
    let choose = move |at: usize| {
        if let Some(option) =
            options.with_untracked(|options| options.get(at).map(|(option, _)| *option))
        {
            on_choose.run(option);
        }
    };
    view! { <Segments label=label chosen=chosen texts=texts on_choose=choose/> }
}

/// The control itself, independent of the type of its values.
#[component]
fn Segments(
    label: Signal<String>,
    chosen: Signal<Option<usize>>,
    texts: Signal<Vec<String>>,
    #[prop(into)] on_choose: Callback<usize>,
) -> impl IntoView {
    let step = move |event: web_sys::KeyboardEvent| {
        let by = match event.key().as_str() {
            "ArrowRight" | "ArrowDown" => 1,
            "ArrowLeft" | "ArrowUp" => -1,
            _ => return,
        };
        event.prevent_default();
        let count = texts.with_untracked(Vec::len).max(1) as isize;
        let at = chosen.get_untracked().unwrap_or(0) as isize;
        on_choose.run((at + by).rem_euclid(count) as usize);
        focus_choice(&event);
    };
    let segments = move || {
        texts
            .get()
            .into_iter()
            .enumerate()
            .map(|(at, text)| {
                let is_chosen = move || chosen.get() == Some(at);
                view! {
                    <button
                        type="button"
                        role="radio"
                        class="segment"
                        aria-checked=move || is_chosen().to_string()
                        tabindex=move || if is_chosen() { "0" } else { "-1" }
                        on:click=move |_| on_choose.run(at)
                    >
                        {text}
                    </button>
                }
            })
            .collect_view()
    };
    view! {
        <div class="segmented" role="radiogroup" aria-label=move || label.get() on:keydown=step>
            {segments}
        </div>
    }
}

/// Moves the focus to the choice, once the page shows it.
fn focus_choice(event: &web_sys::KeyboardEvent) {
    use wasm_bindgen::JsCast as _;
    let group = event
        .current_target()
        .and_then(|target| target.dyn_into::<web_sys::Element>().ok());
    request_animation_frame(move || {
        let chosen =
            group.and_then(|group| group.query_selector("[aria-checked=true]").ok().flatten());
        if let Some(chosen) =
            chosen.and_then(|chosen| chosen.dyn_into::<web_sys::HtmlElement>().ok())
        {
            focus(&chosen);
        }
    });
}
