//! A watch without an event so far.

use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_location, use_navigate};

use super::address::{name_of, url_of};
use super::text::Text;
use crate::i18n::use_i18n;
use crate::model::format;
use crate::model::stream::spec::{self, PanelSpec};
use crate::state::use_connection;
use crate::ui::Button;

/// How many revisions back the offered start is.
const EARLIER: i64 = 100;

/// Explains that events will appear here, and offers an earlier start.
#[component]
pub(super) fn Quiet(spec: PanelSpec) -> impl IntoView {
    let (i18n, connection) = (use_i18n(), use_connection());
    let (navigate, search) = (use_navigate(), use_location().search);
    let detail = {
        let spec = spec.clone();
        move || {
            let text = if spec.is_prefix {
                Text::QuietDetail
            } else {
                Text::QuietKey
            };
            i18n.fill(text, &[&name_of(&spec, i18n)])
        }
    };
    let from_now = spec.revision.is_none();
    let can = move || from_now && connection.revision().is_some_and(|head| head > EARLIER);
    let start_earlier = move || {
        let Some(head) = untrack(|| connection.revision()) else {
            return;
        };
        let mut specs = spec::parse(&search.get_untracked());
        if let Some(mine) = specs.iter_mut().find(|other| **other == spec) {
            mine.revision = Some(head - EARLIER);
        }
        navigate(
            &url_of(&specs),
            NavigateOptions {
                replace: true,
                ..NavigateOptions::default()
            },
        );
    };
    let start_earlier = StoredValue::new_local(start_earlier);
    view! {
        <div class="state">
            <p class="state-title">{move || i18n.t(Text::QuietTitle)}</p>
            <p class="state-detail">{detail}</p>
            <Show when=can>
                <div class="state-acts">
                    <Button on_press=move || start_earlier.with_value(|start| start())>
                        {move || i18n.fill(Text::Earlier, &[&format::count(EARLIER)])}
                    </Button>
                </div>
            </Show>
        </div>
    }
}
