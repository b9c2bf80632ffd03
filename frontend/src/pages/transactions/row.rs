//! What comparisons and ops share: the row's path and its tools, and what the gateway says about it.

use leptos::prelude::*;

use super::store::use_store;
use super::text::Text;
use crate::i18n::use_i18n;
use crate::model::txn::RowId;
use crate::ui::{Button, ButtonKind, Icon};

/// The path of a row, and the buttons that move and remove it. `children` are at the start.
#[component]
pub(super) fn RowTools(
    id: RowId,
    /// The only row of its list: it is neither moved nor removed.
    #[prop(optional)]
    alone: bool,
    #[prop(optional)] children: Option<Children>,
) -> impl IntoView {
    let (i18n, store) = (use_i18n(), use_store());
    let place = Memo::new(move |_| {
        let place = store
            .places
            .with(|places| places.get(id).map(str::to_owned));
        place.unwrap_or_default()
    });
    let named = move |text: Text| Signal::derive(move || i18n.fill(text, &[&place.get()]));
    let tools = (!alone).then(|| {
        view! {
            <Button kind=ButtonKind::Quiet small=true icon=Icon::Up label=named(Text::MoveUp)
                on_press=move || store.edit(|document| document.shift(id, true))/>
            <Button kind=ButtonKind::Quiet small=true icon=Icon::Down label=named(Text::MoveDown)
                on_press=move || store.edit(|document| document.shift(id, false))/>
            <Button kind=ButtonKind::Quiet small=true icon=Icon::Close label=named(Text::RemoveRow)
                on_press=move || store.edit(|document| document.remove(id))/>
        }
    });
    let refused = move || {
        let (place, message) = store.refused_at(id)?;
        let text = i18n.fill(Text::At, &[&place, &message]);
        Some(view! { <p class="txn-refused">{text}</p> })
    };
    view! {
        <div class="txn-row-head">
            {children.map(|children| children())}
            <span class="txn-place mono cut">{move || place.get()}</span>
            <span class="txn-row-tools">{tools}</span>
        </div>
        {refused}
    }
}
