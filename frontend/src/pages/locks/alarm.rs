//! A warning about locks whose lease is about to expire without having been renewed.

use leptos::prelude::*;

use super::store::LockStore;
use super::text::Text;
use crate::clock::use_clock;
use crate::i18n::use_i18n;
use crate::model::format;
use crate::ui::{Note, NoteKind};

/// A warning about the most urgent lock; nothing where there is none. With `only`, about that lock.
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
            Some((
                name.clone(),
                ttl.seconds_left(now),
                ttl.granted,
                names.len() - 1,
            ))
        });
        found.flatten()
    });
    let message = move || {
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
            <Note kind=NoteKind::Warning class="alarm">{message}</Note>
        </Show>
    }
}
