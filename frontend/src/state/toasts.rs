//! Short notices about actions that just succeeded or failed.

use std::time::Duration;

use leptos::prelude::*;

/// The kind of a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Bad,
}

/// A notice on screen.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Toast {
    pub(crate) id: u64,
    pub(crate) tone: Tone,
    pub(crate) text: String,
}

/// The notices.
#[derive(Clone, Copy)]
pub(crate) struct Toasts {
    list: RwSignal<Vec<Toast>>,
    next_id: StoredValue<u64>,
}

/// Limit of notices on screen; more at once are not read.
const MAX_SHOWN: usize = 4;

impl Toasts {
    /// The notices on screen.
    pub(crate) fn list(self) -> Vec<Toast> {
        self.list.get()
    }

    /// Shows a notice. It disappears automatically, an error later than a success.
    pub(crate) fn show(self, tone: Tone, text: impl Into<String>) {
        let Some(id) = self.next_id.try_update_value(|next| {
            *next += 1;
            *next
        }) else {
            return;
        };
        self.list.update(|list| {
            list.push(Toast {
                id,
                tone,
                text: text.into(),
            });
            if list.len() > MAX_SHOWN {
                list.remove(0);
            }
        });
        let shown = Duration::from_secs(if tone == Tone::Bad { 10 } else { 4 });
        set_timeout(move || self.dismiss(id), shown);
    }

    /// Removes a notice.
    pub(crate) fn dismiss(self, id: u64) {
        self.list
            .try_update(|list| list.retain(|toast| toast.id != id));
    }
}

/// The notices.
pub(crate) fn use_toasts() -> Toasts {
    expect_context()
}

pub(super) fn provide() {
    provide_context(Toasts {
        list: RwSignal::new(Vec::new()),
        next_id: StoredValue::new(0),
    });
}
