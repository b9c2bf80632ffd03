//! Copying text.

use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen_futures::JsFuture;

use crate::i18n::{Common, use_i18n};
use crate::state::{Tone, use_toasts};

/// A function that copies a text and says so. Call it while a component is being built.
pub(crate) fn copier() -> impl Fn(String) + Copy + Send + Sync + 'static {
    let (toasts, i18n) = (use_toasts(), use_i18n());
    move |text: String| {
        let writing = clipboard().map(|clipboard| clipboard.write_text(&text));
        spawn_local(async move {
            let written = match writing {
                Some(promise) => JsFuture::from(promise).await.is_ok(),
                None => false,
            };
            let (tone, text) = if written {
                (Tone::Good, Common::Copied)
            } else {
                (Tone::Bad, Common::CopyFailed)
            };
            toasts.show(tone, untrack(|| i18n.t(text)));
        });
    }
}

/// The clipboard exists on secure origins only, whatever the bindings say; loopback is one.
fn clipboard() -> Option<web_sys::Clipboard> {
    let navigator = window().navigator();
    let there = js_sys::Reflect::get(&navigator, &"clipboard".into())
        .is_ok_and(|value| !value.is_undefined());
    there.then(|| navigator.clipboard())
}
