//! The command palette: go to a key, prefix, page or cluster, or run an action.

mod rows;

use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local_scoped_with_cancellation;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_location, use_navigate};

use shared::{Bytes, RangeSpec};

use self::rows::{Account, Found, Offer, PaletteAction, Places, Row, Text, rows};
use crate::api;
use crate::api::base::{self, cluster_names};
use crate::i18n::{I18n, label, tr, use_i18n};
use crate::model::key_text;
use crate::model::session::Situation;
use crate::pages::Page;
use crate::pages::links::sign_in_link;
use crate::state::theme::choose_language;
use crate::state::{self, use_account, use_overlays, use_theme};
use crate::ui::{Dialog, Glyph, KeyNote, When, focus};

/// Limit of proposed keys.
const MAX_PROPOSED: usize = 8;

/// The palette.
#[component]
pub(crate) fn Palette() -> impl IntoView {
    let overlays = use_overlays();
    view! {
        <Dialog
            open=overlays.palette
            title=label(Text::Title)
            on_close=move |()| overlays.palette.set(false)
        >
            <PaletteBody/>
        </Dialog>
    }
}

#[component]
fn PaletteBody() -> impl IntoView {
    let (overlays, theme, i18n) = (use_overlays(), use_theme(), use_i18n());
    let (navigate, sign_in) = (use_navigate(), sign_in_link());
    let typed = RwSignal::new(String::new());
    let found = RwSignal::new(Found::default());
    // Enter was pressed before the gateway responded.
    let enter_pending = RwSignal::new(false);
    let chosen = RwSignal::new(0_usize);
    let field = NodeRef::<html::Input>::new();

    Effect::new(move |_| {
        if let Some(field) = field.get() {
            focus(&field);
        }
    });
    // An effect's own tasks are cancelled when it runs again: only the last text is looked up.
    Effect::new(move |_| {
        let text = typed.get();
        chosen.set(0);
        enter_pending.set(false);
        if text.is_empty() {
            found.set(Found::default());
            return;
        }
        spawn_local_scoped_with_cancellation(async move {
            gloo_timers::future::sleep(std::time::Duration::from_millis(120)).await;
            // The note below the field names an invalid escape.
            let Ok(name) = key_text::parse(&text) else {
                found.try_set(Found {
                    text,
                    ..Found::default()
                });
                return;
            };
            let (keys, is) = match api::kv::resolve(&name, MAX_PROPOSED).await {
                Ok((_, is, entries)) => {
                    let keys = entries.into_iter().map(|entry| entry.key.0);
                    (keys.collect(), Some(is))
                }
                Err(_) => (Vec::new(), None),
            };
            found.try_set(Found { text, keys, is });
        });
    });

    let looked_up = Memo::new(move |_| {
        typed.with(|typed| typed.is_empty() || found.with(|found| found.text == *typed))
    });
    let (account, user) = (account_of_page(), use_account());
    let pathname = use_location().pathname;
    let rows = Memo::new(move |_| {
        let page = Page::of_path(&pathname.get()).unwrap_or(Page::Explorer);
        let places = Places {
            page,
            clusters: cluster_names(),
            cluster: base::cluster(),
        };
        typed.with(|typed| {
            let offer = Offer {
                account: account.get(),
                key_denied: key_denied(typed, user, i18n),
            };
            found.with(|found| rows(typed, found, &places, &offer, i18n))
        })
    });
    let run = {
        let navigate = navigate.clone();
        move |row: &Row| {
            if row.denied.is_some() {
                return;
            }
            overlays.palette.set(false);
            match &row.action {
                PaletteAction::Go(url) => navigate(
                    url,
                    NavigateOptions {
                        scroll: false,
                        ..NavigateOptions::default()
                    },
                ),
                PaletteAction::Theme(choice) => theme.choose(*choice),
                PaletteAction::Language(lang) => choose_language(i18n, *lang),
                PaletteAction::Help => overlays.help.set(true),
                PaletteAction::Reach => overlays.reach.set(true),
                PaletteAction::SignIn => {
                    navigate(&sign_in.get_untracked(), NavigateOptions::default());
                }
                PaletteAction::SignOut => overlays.sign_out.set(true),
                // Another cluster is another page load. Fails only for an invalid URL.
                PaletteAction::Load(url) => drop(window().location().assign(url)),
            }
        }
    };
    let run = StoredValue::new_local(run);
    let run_chosen = move || {
        let row = rows.with_untracked(|rows| rows.get(chosen.get_untracked()).cloned());
        if let Some(row) = row {
            run.with_value(|run| run(&row));
        }
    };
    Effect::new(move |_| {
        if looked_up.get() && enter_pending.get() {
            enter_pending.set(false);
            run_chosen();
        }
    });
    let on_keydown = move |event: web_sys::KeyboardEvent| {
        let count = rows.with_untracked(Vec::len).max(1);
        match event.key().as_str() {
            "ArrowDown" => chosen.update(|at| *at = (*at + 1) % count),
            "ArrowUp" => chosen.update(|at| *at = (*at + count - 1) % count),
            "Enter" => {
                // Enter right after typing acts on the typed name, not on the row that happens to
                // be first.
                if chosen.get_untracked() == 0 && !looked_up.get_untracked() {
                    enter_pending.set(true);
                } else {
                    run_chosen();
                }
            }
            _ => return,
        }
        event.prevent_default();
    };
    let list = move || {
        let mut group = None;
        rows.get()
            .into_iter()
            .enumerate()
            .map(|(at, row)| {
                let heading = (group != Some(row.group))
                    .then(|| view! { <div class="palette-group">{tr(row.group)}</div> });
                group = Some(row.group);
                let (icon, text, name) = (row.icon, row.text.clone(), row.name.clone());
                let denied = row.denied.clone();
                let is_denied = denied.is_some();
                view! {
                    {heading}
                    <button
                        type="button"
                        id=format!("palette-{at}")
                        class="palette-row"
                        role="option"
                        tabindex="-1"
                        aria-selected=move || (chosen.get() == at).to_string()
                        aria-disabled=is_denied.then_some("true")
                        on:mousemove=move |_| chosen.set(at)
                        on:click=move |_| run.with_value(|run| run(&row))
                    >
                        <Glyph icon=icon/>
                        <span class="palette-text">{text}</span>
                        {name.map(|name| view! { <span class="mono cut">{name}</span> })}
                        {denied.map(|denied| view! { <span class="palette-denied cut">{denied}</span> })}
                    </button>
                }
            })
            .collect_view()
    };
    view! {
        <div class="palette">
            <input
                node_ref=field
                class="palette-input"
                type="text"
                role="combobox"
                aria-expanded="true"
                aria-controls="palette-list"
                aria-activedescendant=move || {
                    let at = chosen.get();
                    rows.with(|rows| at < rows.len()).then(|| format!("palette-{at}"))
                }
                autocomplete="off"
                spellcheck="false"
                aria-label=tr(Text::Placeholder)
                placeholder=tr(Text::Placeholder)
                prop:value=move || typed.get()
                on:input=move |event| typed.set(event_target_value(&event))
                on:keydown=on_keydown
            />
            <KeyNote text=typed errors_only=true/>
            <div id="palette-list" class="palette-list" role="listbox" aria-label=tr(Text::Title)>{list}</div>
            <When when=move || rows.with(Vec::is_empty)>
                <p class="palette-none" role="status">{tr(Text::Nothing)}</p>
            </When>
        </div>
    }
}

/// Why the account may not create the key that is typed.
fn key_denied(typed: &str, account: state::account::Account, i18n: I18n) -> Option<String> {
    let key = key_text::parse(typed).ok()?;
    let range = RangeSpec {
        key: Some(Bytes(key)),
        ..RangeSpec::default()
    };
    let denied = account.write_denied(&range)?;
    Some(account.reason(denied, i18n))
}

/// What the palette offers by the account.
fn account_of_page() -> Memo<Account> {
    let (account, i18n) = (use_account(), use_i18n());
    Memo::new(move |_| {
        let session = account.session();
        let situation = session.as_ref().map(Situation::of);
        Account {
            can_sign_in: situation.is_some_and(Situation::has_form),
            is_signed_in: situation == Some(Situation::SignedIn),
            is_served: !account.needs_credentials(),
            writes_denied: account
                .writes_denied()
                .map(|denied| account.reason(denied, i18n)),
        }
    })
}
