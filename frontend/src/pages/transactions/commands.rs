//! The command lines for what the page does.

use leptos::prelude::*;

use super::text::Text;
use crate::api::base::api_url_absolute;
use crate::i18n::{Common, I18n, label, tr, use_i18n};
use crate::model::txn::Body;
use crate::model::txn::command::{NoEtcdctl, Reason, curl, etcdctl};
use crate::ui::clipboard::copier;
use crate::ui::{Button, Dialog, Icon};

/// A line, or why there is none.
pub(super) type CommandLine = (String, Result<String, String>);

/// The lines of a body: run it, explain it.
pub(super) fn lines(body: &Body, i18n: I18n) -> Vec<CommandLine> {
    let base = api_url_absolute("");
    let title = |tool: &str, text: Text| i18n.fill(Text::At, &[tool, i18n.t(text)]);
    let mut lines = vec![(
        title("curl", Text::CommandRun),
        Ok(curl(body, &base, false)),
    )];
    if matches!(body, Body::Txn(_)) {
        lines.push((
            title("curl", Text::CommandExplain),
            Ok(curl(body, &base, true)),
        ));
    }
    let etcdctl = etcdctl(body).map_err(|refused| why(&refused, i18n));
    lines.push((title("etcdctl", Text::CommandRun), etcdctl));
    lines
}

fn why(refused: &NoEtcdctl, i18n: I18n) -> String {
    let text = match refused.reason {
        Reason::RangeCompare => Text::NoRangeCompare,
        Reason::LeaseCompare => Text::NoLeaseCompare,
        Reason::Nested => Text::NoNested,
    };
    i18n.fill(text, &[&refused.place])
}

/// Open while there are lines.
#[component]
pub(super) fn CommandDialog(lines: RwSignal<Option<Vec<CommandLine>>>) -> impl IntoView {
    let body = move || {
        let lines = lines.get()?;
        Some(
            lines
                .into_iter()
                .map(|(title, line)| view! { <Line title=title line=line/> })
                .collect_view(),
        )
    };
    view! {
        <Dialog
            open=Signal::derive(move || lines.with(Option::is_some))
            title=label(Text::CommandTitle)
            on_close=move |()| lines.set(None)
            wide=true
        >
            <div class="dialog-body">{body}</div>
        </Dialog>
    }
}

#[component]
fn Line(title: String, line: Result<String, String>) -> impl IntoView {
    let (i18n, copy) = (use_i18n(), copier());
    let name = title.clone();
    let copy_label =
        Signal::derive(move || i18n.fill(Common::Named, &[i18n.t(Common::Copy), &name]));
    let (button, body) = match line {
        Ok(line) => {
            let copied = line.clone();
            let button = view! {
                <Button small=true icon=Icon::Copy label=copy_label on_press=move || copy(copied.clone())>{tr(Common::Copy)}</Button>
            };
            let body = view! { <pre class="txn-command-line mono" tabindex="0">{line}</pre> };
            (Some(button), body.into_any())
        }
        Err(why) => (None, view! { <p class="mute">{why}</p> }.into_any()),
    };
    view! {
        <section class="txn-command">
            <div class="txn-command-head"><span>{title}</span> {button}</div>
            {body}
        </section>
    }
}
