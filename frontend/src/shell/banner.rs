//! A banner while the page is not live. The data shown stays.

use leptos::prelude::*;

use crate::clock::use_clock;
use crate::i18n::{Common, texts, tr, use_i18n};
use crate::model::format;
use crate::state::{Phase, use_account, use_connection};
use crate::ui::{Button, Icon, Note, NoteKind, When};

texts! {
    enum Text {
        Lost: "Disconnected for {0}. The data shown is as of revision {1}; Watchgate keeps reconnecting.", "连接已断开 {0}。当前显示的是修订版本 {1} 的数据，正在重连。";
        LostUnknown: "Disconnected for {0}. The data shown may be out of date; Watchgate keeps reconnecting.", "连接已断开 {0}。当前显示的数据可能已过时，正在重连。";
    }
}

/// Shorter interruptions are not shown: the socket resumes without a gap.
const SHOWN_AFTER_MS: f64 = 1500.0;

/// The banner; nothing while the page is live.
#[component]
pub(crate) fn LostBanner() -> impl IntoView {
    let (connection, clock, i18n) = (use_connection(), use_clock(), use_i18n());
    let account = use_account();
    let outage_s = Memo::new(move |_| match connection.phase() {
        Phase::Lost { since } => {
            let outage_ms = clock.now() - since;
            (outage_ms >= SHOWN_AFTER_MS).then_some((outage_ms / 1000.0) as i64)
        }
        _ => None,
    });
    let message = move || {
        let span = format::span(outage_s.get().unwrap_or(0), i18n.lang());
        match connection.revision() {
            Some(revision) => i18n.fill(Text::Lost, &[&span, &format::count(revision)]),
            None => i18n.fill(Text::LostUnknown, &[&span]),
        }
    };
    view! {
        <When when=move || !account.needs_credentials() && outage_s.get().is_some()>
            <Note
                kind=NoteKind::Warning
                icon=Icon::Unplugged
                role="alert"
                class="lost"
                action=move || view! { <Button small=true on_press=move || connection.retry()>{tr(Common::Retry)}</Button> }
            >
                {message}
            </Note>
        </When>
    }
}
