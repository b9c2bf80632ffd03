//! What can be done about a lock.

use leptos::prelude::*;
use shared::{Lock, LockKind};

use super::release::Target;
use super::text::Text;
use crate::api::base::{api_url_absolute, page_url};
use crate::i18n::{tr, use_i18n};
use crate::model::locks::command::{LockCommand, curl, etcdctl};
use crate::model::locks::is_guess;
use crate::model::percent;
use crate::ui::clipboard::copier;
use crate::ui::{Button, ButtonKind, Glyph, Icon, Menu, MenuItem};

/// Copying, watching, releasing, revoking.
#[component]
pub(super) fn Deeds(
    lock: Signal<Lock>,
    releasing: RwSignal<Option<Target>>,
    revoking: RwSignal<Option<shared::LeaseId>>,
) -> impl IntoView {
    let (i18n, copy) = (use_i18n(), copier());
    let held = Memo::new(move |_| lock.with(|lock| lock.holder.is_some()));
    let guess = Memo::new(move |_| lock.with(is_guess));
    let single = Memo::new(move |_| lock.with(|lock| lock.kind == LockKind::SingleKey));
    let watch = move || {
        let (name, single) =
            lock.with(|lock| (lock.name.0.clone(), lock.kind == LockKind::SingleKey));
        // The keys of a queue stand below the name and a slash.
        let (range, bytes) = if single {
            ("key", name)
        } else {
            ("prefix", [&name[..], b"/"].concat())
        };
        page_url(&format!("watch{}", percent::query(&[(range, &bytes)])))
    };
    let deeds = [
        (LockCommand::Show, Text::CopyShow),
        (LockCommand::Follow, Text::CopyFollow),
        (LockCommand::Acquire, Text::CopyAcquire),
        (LockCommand::Release, Text::CopyRelease),
    ];
    let lines = deeds.map(|(deed, text)| {
        // A queue under the name of a single key is another lock: nobody who tries for the key waits there.
        let no_curl = Signal::derive(move || match deed {
            LockCommand::Release => !held.get(),
            LockCommand::Acquire => single.get(),
            LockCommand::Show | LockCommand::Follow => false,
        });
        let heading = move || {
            let text = match deed {
                LockCommand::Release if guess.get() => Text::CopyDeleteKey,
                _ => text,
            };
            i18n.t(text)
        };
        let no_etcdctl = Signal::derive(move || lock.with(|lock| etcdctl(deed, lock).is_err()));
        let curl_line = move || copy(curl(deed, &lock.get_untracked(), &api_url_absolute("")));
        let etcdctl_line = move || {
            if let Ok(line) = etcdctl(deed, &lock.get_untracked()) {
                copy(line);
            }
        };
        view! {
            <div role="group" aria-label=heading>
                <p class="menu-note" aria-hidden="true">{heading}</p>
                <MenuItem icon=Icon::Terminal disabled=no_curl on_press=curl_line>"curl"</MenuItem>
                <MenuItem icon=Icon::Terminal disabled=no_etcdctl on_press=etcdctl_line>"etcdctl"</MenuItem>
            </div>
        }
    });
    let release = move || {
        let target = lock
            .with_untracked(|lock| lock.holder.as_ref().map(|holder| Target::new(lock, holder)));
        releasing.set(target);
    };
    let revoke = move || {
        revoking.set(lock.with_untracked(|lock| lock.holder.as_ref().map(|holder| holder.lease)));
    };
    view! {
        <div class="lock-deeds">
            <Menu
                label=Signal::derive(move || i18n.t(Text::CopyCommand).to_owned())
                trigger=move || view! { {tr(Text::CopyCommand)} <Glyph icon=Icon::Down/> }
            >
                {lines.collect_view()}
            </Menu>
            <a class="btn" href=watch>{tr(Text::Watch)}</a>
            <span class="push"></span>
            <Show when=move || held.get()>
                <Button kind=ButtonKind::Danger on_press=release>
                    {move || i18n.t(if guess.get() { Text::DeleteKey } else { Text::Release })}
                </Button>
                <Button kind=ButtonKind::Danger on_press=revoke>{tr(Text::Revoke)}</Button>
            </Show>
        </div>
    }
}
