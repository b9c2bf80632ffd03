//! Copying text: with the clipboard API, which exists on secure origins only; else with the
//! browser's older copy command; else manually, with the text selected.

use leptos::ev;
use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::JsCast as _;
use wasm_bindgen::prelude::Closure;
use wasm_bindgen_futures::JsFuture;

use super::dialog::Dialog;
use super::focus::focus;
use crate::i18n::{Common, label, tr, use_i18n};
use crate::state::{Tone, use_overlays, use_toasts};

/// A function that copies a text and confirms it. Call it while a component is being built.
pub(crate) fn copier() -> impl Fn(String) + Copy + Send + Sync + 'static {
    let (toasts, overlays, i18n) = (use_toasts(), use_overlays(), use_i18n());
    move |text: String| {
        let writing = clipboard().map(|clipboard| clipboard.write_text(&text));
        // The older command is tried at once: it only works while a user gesture is handled.
        let copied = writing.is_none() && copy_by_command(&text).unwrap_or(false);
        spawn_local(async move {
            let written = match writing {
                Some(promise) => {
                    JsFuture::from(promise).await.is_ok() || copy_by_command(&text).unwrap_or(false)
                }
                None => copied,
            };
            if written {
                toasts.show(Tone::Good, untrack(|| i18n.t(Common::Copied)));
            } else {
                overlays.copying.set(Some(text));
            }
        });
    }
}

/// The clipboard API exists on secure origins only, whatever the bindings say; loopback is one.
fn clipboard() -> Option<web_sys::Clipboard> {
    let navigator = window().navigator();
    let there = js_sys::Reflect::get(&navigator, &"clipboard".into())
        .is_ok_and(|value| !value.is_undefined());
    there.then(|| navigator.clipboard())
}

/// Copies from a hidden field; returns whether the browser did.
fn copy_by_command(text: &str) -> Option<bool> {
    let document = document();
    // Elements outside an open dialog cannot have a selection.
    let dialogs = document.query_selector_all("dialog[open]").ok()?;
    let host = match dialogs.length() {
        0 => document.body()?.unchecked_into::<web_sys::Node>(),
        open => dialogs.get(open - 1)?,
    };
    let field: web_sys::HtmlTextAreaElement =
        document.create_element("textarea").ok()?.dyn_into().ok()?;
    field.set_class_name("visually-hidden");
    field.set_value(text);
    let exact = {
        let text = text.to_owned();
        Closure::<dyn Fn(web_sys::ClipboardEvent)>::new(move |event| set_exactly(&event, &text))
    };
    let listener = exact.as_ref().unchecked_ref();
    field
        .add_event_listener_with_callback("copy", listener)
        .ok()?;
    let focused = document.active_element();
    host.append_child(&field).ok()?;
    field.select();
    let copied = document
        .dyn_ref::<web_sys::HtmlDocument>()?
        .exec_command("copy")
        .unwrap_or(false);
    field.remove();
    if let Some(focused) =
        focused.and_then(|element| element.dyn_into::<web_sys::HtmlElement>().ok())
    {
        focus(&focused);
    }
    Some(copied)
}

/// A field normalises line endings; the clipboard gets the exact text.
fn set_exactly(event: &web_sys::ClipboardEvent, text: &str) {
    if let Some(data) = event.clipboard_data()
        && data.set_data("text/plain", text).is_ok()
    {
        event.prevent_default();
    }
}

/// Shows a text that the browser did not copy, selected.
#[component]
pub(crate) fn CopyByHand() -> impl IntoView {
    let (toasts, overlays, i18n) = (use_toasts(), use_overlays(), use_i18n());
    let field = NodeRef::<html::Textarea>::new();
    let text = move || overlays.copying.get().unwrap_or_default();
    Effect::new(move |_| {
        if let Some(field) = field.get() {
            // Once the dialog is open: hidden text cannot be selected.
            request_animation_frame(move || {
                focus(&field);
                field.select();
            });
        }
    });
    let on_copy = move |event: ev::ClipboardEvent| {
        set_exactly(
            &event,
            &overlays.copying.get_untracked().unwrap_or_default(),
        );
        toasts.show(Tone::Good, i18n.t(Common::Copied));
        overlays.copying.set(None);
    };
    view! {
        <Dialog
            open=Signal::derive(move || overlays.copying.with(Option::is_some))
            title=label(Common::CopyByHand)
            on_close=move |()| overlays.copying.set(None)
        >
            <div class="dialog-body">
                <p>{tr(Common::CopyByHandDetail)}</p>
                <textarea
                    node_ref=field
                    class="input mono copy-text"
                    rows="6"
                    readonly
                    aria-label=tr(Common::CopyByHand)
                    prop:value=text
                    on:copy=on_copy
                ></textarea>
            </div>
        </Dialog>
    }
}
