//! Notices in the corner, announced as they appear.

use leptos::prelude::*;

use super::button::{Button, ButtonKind};
use super::icon::{Glyph, Icon};
use crate::i18n::{Common, label};
use crate::state::{Tone, use_toasts};

/// The corner of the notices.
#[component]
pub(crate) fn ToastCorner() -> impl IntoView {
    let toasts = use_toasts();
    let close = label(Common::Close);
    view! {
        <div class="toasts" role="status" aria-live="polite">
            <For each=move || toasts.list() key=|toast| toast.id let:toast>
                <div class="toast" class:toast-bad=toast.tone == Tone::Bad class:toast-good=toast.tone == Tone::Good>
                    <Glyph icon=match toast.tone {
                        Tone::Good => Icon::Check,
                        Tone::Bad => Icon::Warn,
                    }/>
                    <span class="toast-text">{toast.text.clone()}</span>
                    <Button kind=ButtonKind::Quiet small=true icon=Icon::Close label=close on_press=move || toasts.dismiss(toast.id)/>
                </div>
            </For>
        </div>
    }
}
