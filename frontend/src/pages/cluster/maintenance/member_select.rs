//! The choice of a member.

use leptos::prelude::*;
use shared::MemberId;

use super::text::Text;
use crate::i18n::tr;
use crate::model::cluster::Who;
use crate::model::key_text;
use crate::pages::cluster::store::ClusterStore;
use crate::ui::{Glyph, Icon};

/// A selection list of the members, by id; `others` is the first option, for no choice.
#[component]
pub(super) fn MemberSelect(
    store: ClusterStore,
    value: RwSignal<Option<MemberId>>,
    #[prop(optional)] others: Option<Text>,
    /// Leaves learners out.
    #[prop(optional)]
    voting: bool,
) -> impl IntoView {
    let members = Memo::new(move |_| {
        let members = store.members().into_iter();
        let wanted = members.filter(|member| !(voting && member.learner));
        wanted
            .map(|member| (member.id, Who::from(&member).label()))
            .collect::<Vec<_>>()
    });
    let options = move || {
        let option = move |(id, label): (MemberId, String)| {
            view! {
                <option value=id.to_string() selected=move || value.get() == Some(id)>{key_text::display(label.as_bytes())}</option>
            }
        };
        members.get().into_iter().map(option).collect_view()
    };
    let first = others.map(|text| view! { <option value="" selected=move || value.get().is_none()>{tr(text)}</option> });
    let on_change = move |event| value.set(event_target_value(&event).parse().ok());
    view! {
        <label class="field">
            <span class="field-label">{tr(Text::Member)}</span>
            <span class="select">
                <select on:change=on_change>{first} {options}</select>
                <Glyph icon=Icon::Down/>
            </span>
        </label>
    }
}
