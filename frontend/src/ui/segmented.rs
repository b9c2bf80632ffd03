//! A segmented control: one of a few ways to see the same thing.

use leptos::prelude::*;

/// One of a few. `options` are values with what they show; arrow keys move the choice.
#[component]
pub(crate) fn Segmented<T: Copy + PartialEq + Send + Sync + 'static>(
    /// What is being chosen, announced.
    #[prop(into)]
    label: Signal<String>,
    #[prop(into)] value: Signal<T>,
    #[prop(into)] options: Signal<Vec<(T, String)>>,
    #[prop(into)] on_choose: Callback<T>,
) -> impl IntoView {
    let step = move |event: web_sys::KeyboardEvent| {
        let by = match event.key().as_str() {
            "ArrowRight" | "ArrowDown" => 1,
            "ArrowLeft" | "ArrowUp" => -1,
            _ => return,
        };
        event.prevent_default();
        let options = options.get_untracked();
        let at = options
            .iter()
            .position(|(option, _)| *option == value.get_untracked())
            .unwrap_or(0) as isize;
        let to = (at + by).rem_euclid(options.len().max(1) as isize) as usize;
        if let Some((option, _)) = options.get(to) {
            on_choose.run(*option);
            focus_choice(&event);
        }
    };
    let segments = move || {
        options
            .get()
            .into_iter()
            .map(|(option, text)| {
                let chosen = move || value.get() == option;
                view! {
                    <button
                        type="button"
                        role="radio"
                        class="segment"
                        aria-checked=move || chosen().to_string()
                        tabindex=move || if chosen() { "0" } else { "-1" }
                        on:click=move |_| on_choose.run(option)
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

/// The focus follows the choice, once the page shows it.
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
            // Fails only for an element that is gone.
            let _ = chosen.focus();
        }
    });
}
