//! The modal dialog, based on the browser's `<dialog>`: it traps the focus, and Escape closes it.

use leptos::ev;
use leptos::html;
use leptos::prelude::*;

use super::button::{Button, ButtonKind};
use super::icon::Icon;
use super::when::When;
use crate::i18n::{Common, label};

/// A dialog with a title. `children` exist only while it is open; `on_close` must make `open` false.
#[component]
pub(crate) fn Dialog(
    #[prop(into)] open: Signal<bool>,
    #[prop(into)] title: Signal<String>,
    #[prop(into)] on_close: Callback<()>,
    /// For wide contents: a diff, an editor.
    #[prop(optional)]
    wide: bool,
    children: ChildrenFn,
) -> impl IntoView {
    let node = NodeRef::<html::Dialog>::new();
    Effect::new(move |_| {
        let Some(dialog) = node.get() else { return };
        if open.get() && !dialog.open() {
            // Fails only for an element that is not in the page.
            let _ = dialog.show_modal();
        } else if !open.get() && dialog.open() {
            dialog.close();
        }
    });
    let on_cancel = move |event: ev::Event| {
        // `open` decides, not the element.
        event.prevent_default();
        on_close.run(());
    };
    let close_label = label(Common::Close);
    let children = StoredValue::new(children);
    view! {
        <dialog node_ref=node class="dialog" class:dialog-wide=wide aria-label=move || title.get() on:cancel=on_cancel>
            <When when=move || open.get()>
                <div class="dialog-head">
                    <h2 class="dialog-title">{move || title.get()}</h2>
                    <Button kind=ButtonKind::Quiet icon=Icon::Close label=close_label on_press=move || on_close.run(())/>
                </div>
                {children.with_value(|children| children())}
            </When>
        </dialog>
    }
}
