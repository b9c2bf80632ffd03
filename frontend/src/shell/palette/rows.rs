//! The rows of the palette.

use crate::api::base::{cluster_page_url, page_url};
use crate::i18n::{Common, I18n, Text as _, texts};
use crate::model::tree::Typed;
use crate::model::{Lang, format, key_text};
use crate::pages::Page;
use crate::pages::links::{key_url, new_key_url, prefix_url};
use crate::state::ThemeChoice;
use crate::ui::Icon;

texts! {
    pub(super) enum Text {
        Title: "Go to", "转到";
        Placeholder: "Key, prefix, page or action", "键、前缀、页面或操作";
        Keys: "Keys", "键";
        Pages: "Pages", "页面";
        Clusters: "Clusters", "集群";
        Actions: "Actions", "操作";
        Settings: "Account and settings", "账户与设置";
        OpenKey: "Open key", "打开键";
        OpenPrefix: "Open prefix", "打开前缀";
        CreateKey: "Create a key", "创建键";
        SwitchTo: "Switch to {0}", "切换到 {0}";
        Light: "Use the light theme", "使用浅色主题";
        Dark: "Use the dark theme", "使用深色主题";
        System: "Use the system's theme", "使用系统主题";
        English: "Switch to English", "切换到 English";
        Chinese: "Switch to 简体中文", "切换到简体中文";
        Help: "Show keyboard shortcuts", "显示键盘快捷键";
        Reach: "What may I read and write?", "我可以读写什么？";
        CreateNamed: "No such key; create it:", "键不存在，创建：";
        Nothing: "No match", "没有匹配项";
    }
}

/// The action of a row.
#[derive(Clone, PartialEq)]
pub(super) enum PaletteAction {
    Go(String),
    Load(String),
    Theme(ThemeChoice),
    Language(Lang),
    Help,
    Reach,
    SignIn,
    SignOut,
}

#[derive(Clone, PartialEq)]
pub(super) struct Row {
    pub(super) group: Text,
    pub(super) icon: Icon,
    pub(super) text: String,
    /// A key or prefix, shown after the text.
    pub(super) name: Option<String>,
    /// Why the account may not do this.
    pub(super) denied: Option<String>,
    pub(super) action: PaletteAction,
}

impl Row {
    fn new(group: Text, icon: Icon, text: impl Into<String>, action: PaletteAction) -> Self {
        Self {
            group,
            icon,
            text: text.into(),
            name: None,
            denied: None,
            action,
        }
    }
}

/// The gateway's search results for a text.
#[derive(Clone, Default, PartialEq)]
pub(super) struct Found {
    pub(super) text: String,
    /// Keys that start with the text.
    pub(super) keys: Vec<Vec<u8>>,
    /// The item that the whole text names; `None` where the account may not read it.
    pub(super) is: Option<Typed>,
}

/// Where the tab is.
pub(super) struct Places {
    pub(super) page: Page,
    pub(super) clusters: Vec<String>,
    pub(super) cluster: String,
}

/// What the account may do.
#[derive(Clone, PartialEq)]
pub(super) struct Account {
    pub(super) can_sign_in: bool,
    pub(super) is_signed_in: bool,
    pub(super) is_served: bool,
    pub(super) writes_denied: Option<String>,
}

/// What the palette can offer.
pub(super) struct Offer {
    pub(super) account: Account,
    /// Why the account may not create the key that is typed.
    pub(super) key_denied: Option<String>,
}

/// The rows for the typed text. Keys come first: that is what the palette is for.
pub(super) fn rows(
    typed: &str,
    found: &Found,
    places: &Places,
    offer: &Offer,
    i18n: I18n,
) -> Vec<Row> {
    let account = &offer.account;
    let mut rows = keys(typed, found, i18n);
    let wanted = typed.to_lowercase();
    let mut fixed = pages_and_clusters(places, i18n);
    fixed.extend(actions(account, i18n));
    fixed.extend(settings(account, i18n));
    fixed.retain(|row| row.text.to_lowercase().contains(&wanted));
    rows.extend(fixed);
    let absent = matches!(found.is, Some(Typed::Prefix | Typed::Nothing)) && found.text == typed;
    let name = key_text::parse(typed).ok().filter(|name| !name.is_empty());
    if let Some(name) = name.filter(|_| absent) {
        // Last, so that Enter on the name of a page does not create a key.
        let action = PaletteAction::Go(new_key_url(&name));
        let row = Row::new(Text::Actions, Icon::Plus, i18n.t(Text::CreateNamed), action);
        rows.push(Row {
            name: Some(format::key(&name)),
            denied: offer.key_denied.clone(),
            ..row
        });
    }
    rows
}

/// Keys and prefixes. One is offered once it is known to exist.
fn keys(typed: &str, found: &Found, i18n: I18n) -> Vec<Row> {
    let mut rows = Vec::new();
    let key_row = |icon, text: &str, name: &[u8], action| Row {
        group: Text::Keys,
        icon,
        text: text.to_owned(),
        name: Some(format::key(name)),
        denied: None,
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
                i18n.t(Text::OpenKey),
                name,
                PaletteAction::Go(key_url(name)),
            )
        };
        let open_prefix = || {
            key_row(
                Icon::Folder,
                i18n.t(Text::OpenPrefix),
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
    rows
}

/// Every page, and this page of the other clusters.
fn pages_and_clusters(places: &Places, i18n: I18n) -> Vec<Row> {
    let pages = Page::ALL.into_iter().map(|page| {
        let action = PaletteAction::Go(page_url(page.path()));
        Row::new(
            Text::Pages,
            page.icon(),
            page.name().text(i18n.lang()),
            action,
        )
    });
    let others = places
        .clusters
        .iter()
        .filter(|name| **name != places.cluster);
    let clusters = others.map(|name| {
        let text = i18n.fill(Text::SwitchTo, &[name]);
        let action = PaletteAction::Load(cluster_page_url(name, places.page.path()));
        Row::new(Text::Clusters, Icon::Cluster, text, action)
    });
    pages.chain(clusters).collect()
}

/// What the pages do.
fn actions(account: &Account, i18n: I18n) -> Vec<Row> {
    let create = PaletteAction::Go(page_url("explorer?new"));
    vec![Row {
        denied: account.writes_denied.clone(),
        ..Row::new(Text::Actions, Icon::Plus, i18n.t(Text::CreateKey), create)
    }]
}

/// The account, theme, language and help.
fn settings(account: &Account, i18n: I18n) -> Vec<Row> {
    let row = |icon, text: &str, action| Row::new(Text::Settings, icon, text, action);
    let mut rows = Vec::new();
    if account.is_served {
        rows.push(row(Icon::Shield, i18n.t(Text::Reach), PaletteAction::Reach));
    }
    if account.can_sign_in {
        rows.push(row(
            Icon::SignIn,
            i18n.t(Common::SignIn),
            PaletteAction::SignIn,
        ));
    }
    if account.is_signed_in {
        rows.push(row(
            Icon::SignOut,
            i18n.t(Common::SignOut),
            PaletteAction::SignOut,
        ));
    }
    let themes = [
        (Icon::Sun, Text::Light, ThemeChoice::Light),
        (Icon::Moon, Text::Dark, ThemeChoice::Dark),
        (Icon::Screen, Text::System, ThemeChoice::System),
    ];
    rows.extend(
        themes.map(|(icon, text, choice)| row(icon, i18n.t(text), PaletteAction::Theme(choice))),
    );
    let (text, other) = match i18n.lang() {
        Lang::En => (Text::Chinese, Lang::Zh),
        Lang::Zh => (Text::English, Lang::En),
    };
    rows.push(row(
        Icon::Language,
        i18n.t(text),
        PaletteAction::Language(other),
    ));
    rows.push(row(Icon::Help, i18n.t(Text::Help), PaletteAction::Help));
    rows
}
