//! Locks whose lease is nearly out and was not renewed.

use leptos::prelude::*;

use super::store::LockStore;
use super::text::Text;
use crate::i18n::use_i18n;
use crate::model::format;
use crate::state::use_clock;
use crate::ui::{Glyph, Icon};

/// One note for the most urgent of them; nothing where there is none. `only`: about this lock alone.
#[component]
pub(super) fn Alarm(
    store: LockStore,
    #[prop(optional, into)] only: Option<Signal<Vec<u8>>>,
    #[prop(optional, into)] on_press: Option<Callback<Vec<u8>>>,
) -> impl IntoView {
    let (clock, i18n) = (use_clock(), use_i18n());
    let urgent = Memo::new(move |_| {
        let now = clock.now();
        let found = store.read(|board| {
            let names = board.expiring(now);
            let name = match only {
                Some(only) => names
                    .iter()
                    .find(|name| only.with(|only| *only == **name))?,
                None => names.first()?,
            };
            let ttl = board.get(name)?.ttl()?;
            Some((name.clone(), ttl.left(now), ttl.granted, names.len() - 1))
        });
        found.flatten()
    });
    let words = move || {
        let (name, left, granted, more) = urgent.get()?;
        let text = if only.is_some() {
            Text::AlarmOne
        } else {
            Text::AlarmNamed
        };
        let text = i18n.fill(text, &[&left.to_string(), &granted.to_string()]);
        let more = (more > 0 && only.is_none())
            .then(|| i18n.fill(Text::AlarmMore, &[&format::count(more as i64)]));
        let shown = format::key(&name);
        let named = match (only, on_press) {
            (Some(_), _) => None,
            (None, None) => Some(view! { <b class="mono">{shown}</b> }.into_any()),
            (None, Some(on_press)) => {
                let open = move |_| on_press.run(name.clone());
                Some(view! { <button type="button" class="alarm-name mono" on:click=open>{shown}</button> }.into_any())
            }
        };
        Some(view! { {named} " " {text} " " {more} })
    };
    view! {
        <Show when=move || urgent.with(Option::is_some)>
            <div class="note note-warn alarm">
                <Glyph icon=Icon::Warn/>
                <span class="note-text">{words}</span>
            </div>
        </Show>
    }
}
