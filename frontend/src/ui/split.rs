//! Two panes with a movable border. On narrow screens one of them fills the page.

use leptos::prelude::*;
use wasm_bindgen::JsCast as _;

use crate::state::memory;

/// Minimum and maximum width of the first pane, in pixels.
const BOUNDS: (f64, f64) = (220.0, 720.0);

/// A split pane. Its width is remembered under `name`.
#[component]
pub(crate) fn Split(
    name: &'static str,
    /// Accessible name of the border.
    #[prop(into)]
    label: Signal<String>,
    #[prop(default = 340.0)] width: f64,
    /// On narrow screens: whether the second pane fills the page.
    #[prop(into)]
    second_shown: Signal<bool>,
    first: Children,
    second: Children,
) -> impl IntoView {
    let clamp = |width: f64| width.clamp(BOUNDS.0, BOUNDS.1);
    let recalled = memory::recall(name).and_then(|text| text.parse::<f64>().ok());
    let at = RwSignal::new(clamp(recalled.unwrap_or(width)));
    let dragged = RwSignal::new(false);
    let remember = move || memory::remember(name, &at.get_untracked().to_string());

    let on_pointer_down = move |event: web_sys::PointerEvent| {
        event.prevent_default();
        dragged.set(true);
        if let Some(border) = event
            .current_target()
            .and_then(|target| target.dyn_into::<web_sys::Element>().ok())
        {
            // Fails only for a pointer that is no longer active.
            let _ = border.set_pointer_capture(event.pointer_id());
        }
    };
    let on_pointer_move = move |event: web_sys::PointerEvent| {
        if !dragged.get_untracked() {
            return;
        }
        let border = event
            .current_target()
            .and_then(|target| target.dyn_into::<web_sys::Element>().ok());
        if let Some(whole) = border.and_then(|border| border.parent_element()) {
            at.set(clamp(
                f64::from(event.client_x()) - whole.get_bounding_client_rect().left(),
            ));
        }
    };
    let on_pointer_up = move |_| {
        dragged.set(false);
        remember();
    };
    let on_keydown = move |event: web_sys::KeyboardEvent| {
        let by = match event.key().as_str() {
            "ArrowLeft" => -16.0,
            "ArrowRight" => 16.0,
            _ => return,
        };
        event.prevent_default();
        at.update(|width| *width = clamp(*width + by));
        remember();
    };
    view! {
        <div
            class="split"
            class:split-second=move || second_shown.get()
            class:is-dragged=move || dragged.get()
            style:--split=move || format!("{}px", at.get())
        >
            <div class="split-one">{first()}</div>
            <div
                class="split-border"
                role="separator"
                aria-orientation="vertical"
                aria-label=move || label.get()
                aria-valuenow=move || at.get().to_string()
                aria-valuemin=BOUNDS.0.to_string()
                aria-valuemax=BOUNDS.1.to_string()
                tabindex="0"
                on:pointerdown=on_pointer_down
                on:pointermove=on_pointer_move
                on:pointerup=on_pointer_up
                on:keydown=on_keydown
            ></div>
            <div class="split-two">{second()}</div>
        </div>
    }
}
