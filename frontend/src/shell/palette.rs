//! The command palette: go to a key, prefix or page, or run an action.

use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local_scoped_with_cancellation;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;

use crate::api;
use crate::api::base::page_url;
use crate::i18n::{label, texts, tr, use_i18n};
use crate::model::search::Spec;
use crate::model::tree::{Name, Typed};
use crate::model::{Lang, format, key_text};
use crate::pages::Page;
use crate::pages::links::{key_url, new_key_url, prefix_url, search_url};
use crate::state::theme::choose_language;
use crate::state::{ThemeChoice, use_overlays, use_theme};
use crate::ui::{Dialog, Glyph, Icon, KeyNote, When, focus};

texts! {
    enum Text {
        Title: "Go to", "转到";
        Placeholder: "Key, prefix, page or action", "键、前缀、页面或操作";
        Keys: "Keys", "键";
        Pages: "Pages", "页面";
        Actions: "Actions", "操作";
        OpenKey: "Open key", "打开键";
        OpenPrefix: "Open prefix", "打开前缀";
        CreateKey: "Create a key", "创建键";
        Light: "Use the light theme", "使用浅色主题";
        Dark: "Use the dark theme", "使用深色主题";
        System: "Use the system's theme", "使用系统主题";
        English: "Switch to English", "切换到 English";
        Chinese: "Switch to 简体中文", "切换到简体中文";
        Help: "Show keyboard shortcuts", "显示键盘快捷键";
        CreateNamed: "No such key; create it:", "键不存在，创建：";
        Nothing: "No match", "没有匹配项";
        SearchAll: "Search all keys and values for", "在全部键和值中搜索";
    }
}

/// The action of a row.
#[derive(Clone, PartialEq)]
enum PaletteAction {
    Go(String),
    Theme(ThemeChoice),
    Language(Lang),
    Help,
}

#[derive(Clone, PartialEq)]
struct Row {
    group: Text,
    icon: Icon,
    text: String,
    /// A key or prefix, shown after the text.
    name: Option<String>,
    action: PaletteAction,
}

/// Limit of proposed keys.
const MAX_PROPOSED: usize = 8;

/// The gateway's search results for a text.
#[derive(Clone, Default, PartialEq)]
struct Found {
    text: String,
    /// Keys that start with the text.
    keys: Vec<Vec<u8>>,
    /// The item that the whole text names; `None` where the account may not read it.
    is: Option<Typed>,
}

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
    let navigate = use_navigate();
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
    let rows =
        Memo::new(move |_| rows(&typed.get(), &found.get(), i18n.lang(), |text| i18n.t(text)));
    let run = {
        let navigate = navigate.clone();
        move |row: &Row| {
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
                view! {
                    {heading}
                    <button
                        type="button"
                        id=format!("palette-{at}")
                        class="palette-row"
                        role="option"
                        tabindex="-1"
                        aria-selected=move || (chosen.get() == at).to_string()
                        on:mousemove=move |_| chosen.set(at)
                        on:click=move |_| run.with_value(|run| run(&row))
                    >
                        <Glyph icon=icon/>
                        <span class="palette-text">{text}</span>
                        {name.map(|name| view! { <span class="mono cut">{name}</span> })}
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

/// The rows for the typed text. Keys come first: that is what the palette is for. A key or prefix
/// is offered once it is known to exist.
fn rows(typed: &str, found: &Found, lang: Lang, t: impl Fn(Text) -> &'static str) -> Vec<Row> {
    let mut rows = Vec::new();
    let key_row = |icon, text: &str, name: &[u8], action| Row {
        group: Text::Keys,
        icon,
        text: text.to_owned(),
        name: Some(format::key(name)),
        action,
    };
    // The note below the field names an invalid escape.
    let name = key_text::parse(typed).ok();
    // The keys found for the previous text stay until the next response, as far as they still
    // match.
    let fits = |key: &&Vec<u8>| name.as_ref().is_some_and(|name| key.starts_with(name));
    for key in found.keys.iter().filter(fits) {
        rows.push(key_row(
            Icon::File,
            "",
            key,
            PaletteAction::Go(key_url(key)),
        ));
    }
    let name = name.filter(|name| !name.is_empty() && found.text == typed);
    if let Some(name) = &name {
        let open_key = || {
            key_row(
                Icon::File,
                t(Text::OpenKey),
                name,
                PaletteAction::Go(key_url(name)),
            )
        };
        let open_prefix = || {
            key_row(
                Icon::Folder,
                t(Text::OpenPrefix),
                name,
                PaletteAction::Go(prefix_url(name)),
            )
        };
        match found.is {
            Some(Typed::Prefix) => rows.push(open_prefix()),
            // The key itself is among the keys found.
            Some(Typed::Key) if found.keys.len() > 1 => rows.push(open_prefix()),
            Some(Typed::Key | Typed::Nothing) => {}
            // The page shows why it cannot be read.
            None => rows.extend([open_key(), open_prefix()]),
        }
    }
    let row = |group, icon, text: &str, action| Row {
        group,
        icon,
        text: text.to_owned(),
        name: None,
        action,
    };
    let mut fixed: Vec<Row> = Page::ALL
        .into_iter()
        .map(|page| {
            use crate::i18n::Text as _;
            row(
                Text::Pages,
                page.icon(),
                page.name().text(lang),
                PaletteAction::Go(page_url(page.path())),
            )
        })
        .collect();
    let other = match lang {
        Lang::En => (Text::Chinese, Lang::Zh),
        Lang::Zh => (Text::English, Lang::En),
    };
    fixed.extend([
        row(
            Text::Actions,
            Icon::Plus,
            t(Text::CreateKey),
            PaletteAction::Go(page_url("explorer?new")),
        ),
        row(
            Text::Actions,
            Icon::Sun,
            t(Text::Light),
            PaletteAction::Theme(ThemeChoice::Light),
        ),
        row(
            Text::Actions,
            Icon::Moon,
            t(Text::Dark),
            PaletteAction::Theme(ThemeChoice::Dark),
        ),
        row(
            Text::Actions,
            Icon::Screen,
            t(Text::System),
            PaletteAction::Theme(ThemeChoice::System),
        ),
        row(
            Text::Actions,
            Icon::Language,
            t(other.0),
            PaletteAction::Language(other.1),
        ),
        row(
            Text::Actions,
            Icon::Help,
            t(Text::Help),
            PaletteAction::Help,
        ),
    ]);
    let wanted = typed.to_lowercase();
    fixed.retain(|row| row.text.to_lowercase().contains(&wanted));
    rows.extend(fixed);
    if !typed.is_empty() && key_text::parse(typed).is_ok() {
        let search = Spec {
            within: Name::from(&[][..]),
            text: typed.to_owned(),
            regex: false,
        };
        rows.push(Row {
            group: Text::Actions,
            icon: Icon::Find,
            text: t(Text::SearchAll).to_owned(),
            name: Some(typed.to_owned()),
            action: PaletteAction::Go(search_url(&search)),
        });
    }
    let absent = matches!(found.is, Some(Typed::Prefix | Typed::Nothing));
    if let Some(name) = name.filter(|_| absent) {
        // Last, so that Enter on the name of a page does not create a key.
        rows.push(Row {
            group: Text::Actions,
            icon: Icon::Plus,
            text: t(Text::CreateNamed).to_owned(),
            name: Some(format::key(&name)),
            action: PaletteAction::Go(new_key_url(&name)),
        });
    }
    rows
}
