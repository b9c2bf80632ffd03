//! "Copy command": every action as a line for a terminal.

use leptos::prelude::*;

use super::text::Text;
use crate::api::base::api_url_absolute;
use crate::i18n::{Common, label, tr, use_i18n};
use crate::model::command::{KeyCommand, Unsupported, curl, etcdctl};
use crate::ui::clipboard::copier;
use crate::ui::{Button, Dialog, Glyph, Icon, Menu, MenuItem};

/// A menu of deeds, each shown as lines to copy. `children` are further items.
#[component]
pub(crate) fn CommandMenu(
    #[prop(into)] deeds: Signal<Vec<(Text, KeyCommand)>>,
    #[prop(optional)] children: Option<Children>,
) -> impl IntoView {
    let shown = RwSignal::new(None::<(Text, KeyCommand)>);
    let items = move || {
        deeds
            .get()
            .into_iter()
            .map(|(name, deed)| {
                view! {
                    <MenuItem icon=Icon::Terminal on_press=move || shown.set(Some((name, deed.clone())))>{tr(name)}</MenuItem>
                }
            })
            .collect_view()
    };
    view! {
        <Menu
            label=label(Common::CopyCommand)
            trigger=move || view! { <Glyph icon=Icon::Copy/> {tr(Common::CopyCommand)} }
        >
            // A name such as "delete" is a command's only under this heading.
            <div role="group" aria-label=tr(Common::CopyCommand)>
                <p class="menu-note" aria-hidden="true">{tr(Common::CopyCommand)}</p>
                {items}
            </div>
            {children.map(|children| children())}
        </Menu>
        <CommandDialog shown=shown/>
    }
}

/// One deed's lines, opened by its button in a dialog's foot.
#[component]
pub(crate) fn CommandButton(
    #[prop(into)] deed: Signal<Option<KeyCommand>>,
    name: Text,
) -> impl IntoView {
    let shown = RwSignal::new(None::<(Text, KeyCommand)>);
    view! {
        <Button
            icon=Icon::Copy
            disabled=Signal::derive(move || deed.with(Option::is_none))
            on_press=move || shown.set(deed.get_untracked().map(|deed| (name, deed)))
        >
            {tr(Common::CopyCommand)}
        </Button>
        <CommandDialog shown=shown/>
    }
}

#[component]
fn CommandDialog(shown: RwSignal<Option<(Text, KeyCommand)>>) -> impl IntoView {
    let i18n = use_i18n();
    let title = Signal::derive(move || {
        let name = shown.with(|shown| shown.as_ref().map(|(name, _)| i18n.t(*name)));
        i18n.fill(Text::CommandTitle, &[name.unwrap_or_default()])
    });
    let body = move || {
        let (_, deed) = shown.get()?;
        let unguarded = matches!(deed, KeyCommand::DeletePrefix { .. });
        let etcdctl = match etcdctl(&deed) {
            Ok(line) => view! { <CommandLine tool="etcdctl" line=line/> }.into_any(),
            Err(reason) => {
                let text = match reason {
                    Unsupported::NoCommand => Text::NoCommand,
                    Unsupported::Nul => Text::NulByte,
                };
                view! { <p class="mute">{tr(text)}</p> }.into_any()
            }
        };
        Some(view! {
            <CommandLine tool="curl" line=curl(&deed, &api_url_absolute(""))/>
            {etcdctl}
            {unguarded.then(|| view! { <p class="mute">{tr(Text::Unguarded)}</p> })}
        })
    };
    view! {
        <Dialog open=Signal::derive(move || shown.with(Option::is_some)) title=title on_close=move |()| shown.set(None) wide=true>
            <div class="dialog-body">{body}</div>
        </Dialog>
    }
}

#[component]
fn CommandLine(tool: &'static str, line: String) -> impl IntoView {
    let copy = copier();
    let copied = line.clone();
    view! {
        <section class="x-command">
            <div class="x-command-head">
                <span class="x-command-tool">{tool}</span>
                <Button small=true icon=Icon::Copy on_press=move || copy(copied.clone())>{tr(Common::Copy)}</Button>
            </div>
            <pre class="x-command-line mono" tabindex="0">{line}</pre>
        </section>
    }
}
