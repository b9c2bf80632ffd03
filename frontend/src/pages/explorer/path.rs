//! The path of a key or a prefix, each part a link to its folder.

use leptos::prelude::*;

use super::navigation::use_navigation;
use super::text::Text;
use crate::i18n::{Common, label, use_i18n};
use crate::model::format;
use crate::model::key_text;
use crate::model::tree::{Name, SEPARATOR};
use crate::pages::links::prefix_url;
use crate::ui::{Button, ButtonKind, Icon};

/// A part of a path.
struct Part {
    shown: String,
    /// The prefix it links to; `None` for the last part.
    prefix: Option<Name>,
}

/// The parts; each separator belongs to the part before it.
fn parts(name: &[u8]) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut start = 0;
    for (at, byte) in name.iter().enumerate() {
        // A leading slash belongs to the first name.
        if *byte == SEPARATOR && at > 0 {
            parts.push(Part {
                shown: format::key(&name[start..at]),
                prefix: Some(name[..=at].into()),
            });
            start = at + 1;
        }
    }
    parts.push(Part {
        shown: format::key(&name[start..]),
        prefix: None,
    });
    parts
}

/// Shows the path, and on narrow screens the button back to the tree.
#[component]
pub(crate) fn Path(name: Name) -> impl IntoView {
    let (navigation, i18n) = (use_navigation(), use_i18n());
    let whole = key_text::in_sentence(&name);
    let parts = parts(&name);
    let last = parts.len() - 1;
    let shown = parts
        .into_iter()
        .enumerate()
        .map(|(at, part)| {
            let Some(prefix) = part.prefix else {
                return view! { <span class="x-path-last key">{part.shown}</span> }.into_any();
            };
            let href = prefix_url(&prefix);
            // The folder in view is the last part but one; a link to it would lead nowhere.
            let folder_in_view = at + 1 == last && name.last() == Some(&SEPARATOR);
            let class = if folder_in_view {
                "x-path-last key"
            } else {
                "x-path-part key"
            };
            view! {
                <a class=class href=href>{part.shown}</a>
                <span class="x-path-sep">"/"</span>
            }
            .into_any()
        })
        .collect_view();
    let nameless = whole
        .is_empty()
        .then(|| view! { <span class="x-path-part">{move || i18n.t(Common::EmptyKey)}</span> });
    view! {
        <div class="x-path">
            <span class="x-path-back">
                <Button
                    kind=ButtonKind::Quiet
                    icon=Icon::Left
                    label=label(Text::BackToTree)
                    on_press=move || navigation.close()
                />
            </span>
            <h2 class="x-path-name" title=whole.clone()>{shown}{nameless}</h2>
        </div>
    }
}
