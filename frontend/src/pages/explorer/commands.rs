//! "Copy command": every action as a command line.

use leptos::prelude::*;

use super::text::Text;
use crate::api::base::api_url_absolute;
use crate::i18n::{Common, label, tr, use_i18n};
use crate::model::command::{KeyCommand, Unsupported, curl, etcdctl};
use crate::ui::clipboard::copier;
use crate::ui::{Button, Dialog, Glyph, Icon, Menu, MenuItem};

/// A menu of actions, each shown as command lines to copy. `children` are further items.
#[component]
pub(crate) fn CommandMenu(
    #[prop(into)] commands: Signal<Vec<(Text, KeyCommand)>>,
    #[prop(optional)] children: Option<Children>,
) -> impl IntoView {
    let shown = RwSignal::new(None::<(Text, KeyCommand)>);
    let items = move || {
        commands
            .get()
            .into_iter()
            .map(|(name, command)| {
                view! {
                    <MenuItem icon=Icon::Terminal on_press=move || shown.set(Some((name, command.clone())))>{tr(name)}</MenuItem>
                }
            })
            .collect_view()
    };
    view! {
        <Menu
            label=label(Common::CopyCommand)
            trigger=move || view! { <Glyph icon=Icon::Copy/> {tr(Common::CopyCommand)} }
        >
            // Only under this heading does a name such as "delete" read as a command, not as an
            // action.
            <div role="group" aria-label=tr(Common::CopyCommand)>
                <p class="menu-note" aria-hidden="true">{tr(Common::CopyCommand)}</p>
                {items}
            </div>
            {children.map(|children| children())}
        </Menu>
        <CommandDialog shown=shown/>
    }
}

/// A button for a dialog's footer that shows the command lines of one action.
#[component]
pub(crate) fn CommandButton(
    #[prop(into)] command: Signal<Option<KeyCommand>>,
    name: Text,
) -> impl IntoView {
    let shown = RwSignal::new(None::<(Text, KeyCommand)>);
    view! {
        <Button
            icon=Icon::Copy
            disabled=Signal::derive(move || command.with(Option::is_none))
            on_press=move || shown.set(command.get_untracked().map(|command| (name, command)))
        >
            {tr(Common::CopyCommand)}
        </Button>
        <CommandDialog shown=shown/>
    }
}

/// The command lines of the action in `shown`, while there is one.
#[component]
pub(crate) fn CommandDialog(shown: RwSignal<Option<(Text, KeyCommand)>>) -> impl IntoView {
    let i18n = use_i18n();
    let title = Signal::derive(move || {
        let name = shown.with(|shown| shown.as_ref().map(|(name, _)| i18n.t(*name)));
        i18n.fill(Text::CommandTitle, &[name.unwrap_or_default()])
    });
    let body = move || {
        let (_, command) = shown.get()?;
        let unguarded = matches!(command, KeyCommand::DeletePrefix { .. });
        let etcdctl = match etcdctl(&command) {
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
            <CommandLine tool="curl" line=curl(&command, &api_url_absolute(""))/>
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
