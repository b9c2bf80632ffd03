//! The table of members.

use std::sync::Arc;

use leptos::html;
use leptos::prelude::*;
use shared::{Member, MemberId};

use super::member_forms::{AddForm, UpdateForm};
use super::member_row::MemberRow;
use super::store::ClusterStore;
use super::text::Text;
use crate::i18n::{label, tr, use_i18n};
use crate::ui::size::{narrower_than, observe_size};
use crate::ui::{Button, Icon};

/// Below this width, and on narrow screens, rows have several lines.
const NARROW: f64 = 760.0;

/// The members, the actions of each, and "Add a member".
#[component]
pub(super) fn Members(store: ClusterStore) -> impl IntoView {
    let i18n = use_i18n();
    let node = NodeRef::<html::Div>::new();
    let size = RwSignal::new((0.0_f64, 0.0_f64));
    Effect::new(move |_| {
        if let Some(element) = node.get() {
            observe_size(&element, size);
        }
    });
    let narrow = narrower_than(NARROW, size);
    let adding = RwSignal::new(false);
    let updating = RwSignal::new(None::<Member>);
    let ids = Memo::new(move |_| {
        let members = store.members();
        Arc::new(members.iter().map(|member| member.id).collect::<Vec<_>>())
    });
    let row = move |id: MemberId| {
        let member = Memo::new(move |_| store.members().into_iter().find(|it| it.id == id));
        view! { <MemberRow store=store member=member updating=updating/> }
    };
    view! {
        <section class="card">
            <div class="card-head">
                <h2>{tr(Text::Members)}</h2>
                <span class="push"></span>
                <Button
                    icon=Icon::Plus
                    label=Signal::derive(move || store.permission.reason().unwrap_or_else(|| i18n.t(Text::AddMember).to_owned()))
                    disabled=Signal::derive(move || store.permission.reason().is_some())
                    on_press=move || adding.set(true)
                >
                    {tr(Text::AddMember)}
                </Button>
            </div>
            <div
                node_ref=node
                class="members"
                class:is-narrow=move || narrow.get()
                role="table"
                aria-label=label(Text::Members)
            >
                <div class="member-head" role="row">
                    <span role="columnheader">{tr(Text::Name)}</span>
                    <span role="columnheader">{tr(Text::Health)}</span>
                    <span role="columnheader">{tr(Text::Version)}</span>
                    <span role="columnheader">{tr(Text::Raft)}</span>
                    <span role="columnheader">{tr(Text::Database)}</span>
                    <span role="columnheader">{tr(Text::Address)}</span>
                    <span role="columnheader"><span class="visually-hidden">{move || i18n.t(Text::Actions).replace("{0}", "")}</span></span>
                </div>
                <For each=move || ids.get().to_vec() key=|id| *id children=row/>
            </div>
        </section>
        <AddForm store=store open=adding/>
        <UpdateForm store=store member=updating/>
    }
}
