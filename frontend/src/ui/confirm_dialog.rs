//! The dialog that confirms a deletion, or another action with consequences.

use leptos::prelude::*;

use super::button::{Button, ButtonKind, Press};
use super::dialog::Dialog;
use super::icon::{Glyph, Icon};
use super::note::{Note, NoteKind};
use crate::i18n::{Common, tr};

/// Above this many keys the name of what is deleted must be typed, so that a slip of the hand
/// cannot delete more.
pub(crate) const UNTYPED_AT_MOST: i64 = 100;

/// Asks for confirmation. `children` say what is lost; the button names the action with its object
/// or its number (`Delete 3 keys under /jobs/`). `on_close` must make `open` false.
#[component]
pub(crate) fn ConfirmDialog(
    #[prop(into)] open: Signal<bool>,
    #[prop(into)] title: Signal<String>,
    /// The text of the confirming button.
    #[prop(into)]
    action: Signal<String>,
    #[prop(optional)] icon: Option<Icon>,
    /// The look of the confirming button.
    #[prop(default = ButtonKind::DangerNow.into(), into)]
    kind: Signal<ButtonKind>,
    /// The action is running.
    #[prop(into)]
    pending: Signal<bool>,
    /// Whether confirming is not possible yet: nothing to delete, not counted, or the name not typed.
    #[prop(into)]
    disabled: Signal<bool>,
    /// Why it failed or cannot be done.
    #[prop(into)]
    error: Signal<Option<String>>,
    #[prop(into)] on_confirm: Press,
    #[prop(into)] on_close: Callback<()>,
    /// Shown at the other end of the buttons, such as the command line for the same action.
    #[prop(optional, into)]
    aside: ViewFn,
    children: ChildrenFn,
) -> impl IntoView {
    let (on_confirm, aside) = (StoredValue::new_local(on_confirm), StoredValue::new(aside));
    let children = StoredValue::new(children);
    let failed = move || {
        let text = error.get()?;
        Some(view! { <Note kind=NoteKind::Error role="alert">{text}</Note> })
    };
    view! {
        <Dialog open=open title=title on_close=on_close>
            <div class="dialog-body">
                {children.with_value(|children| children())}
                {failed}
            </div>
            <footer class="dialog-foot">
                <span class="push">{aside.with_value(ViewFn::run)}</span>
                <Button on_press=move || on_close.run(())>{tr(Common::Cancel)}</Button>
                <Button
                    kind=kind.get_untracked()
                    pending=pending
                    disabled=disabled
                    on_press=move || on_confirm.with_value(Press::act)
                >
                    {icon.map(|icon| view! { <Glyph icon=icon/> })}
                    {move || action.get()}
                </Button>
            </footer>
        </Dialog>
    }
}
