//! The cluster in one line: version, leader, majority, revision.

use leptos::prelude::*;

use super::store::ClusterStore;
use super::text::Text;
use crate::i18n::{tr, use_i18n};
use crate::model::cluster::{Votes, is_working};
use crate::model::{format, key_text};
use crate::ui::{Chip, Hue};

/// The facts, as chips.
#[component]
pub(super) fn Head(store: ClusterStore) -> impl IntoView {
    let i18n = use_i18n();
    let chips = move || {
        let info = store.info().get()?;
        let votes = Votes::of(&info.members);
        let leader = info.leader.map(|leader| store.who(leader).label());
        let (leader_hue, leader) = match leader {
            Some(leader) => (Hue::Lease, key_text::display(leader.as_bytes())),
            None => (Hue::Delete, i18n.t(Text::NoLeader).to_owned()),
        };
        let majority = i18n.fill(
            Text::MajorityOf,
            &[&info.quorum.to_string(), &votes.voters.to_string()],
        );
        let spare_hue = if votes.is_lost() {
            Hue::Delete
        } else if votes.spare() == 0 && votes.voters > 1 {
            Hue::Lock
        } else {
            Hue::Plain
        };
        // Nobody responds to an account that may not see the members' status.
        let is_known = info.members.iter().any(is_working);
        let spare = is_known.then(|| {
            view! { <Chip hue=spare_hue>{tr(Text::MayFail)} <b>{votes.spare()}</b></Chip> }
        });
        let downgrade = info.downgrade_to.clone().map(|version| {
            view! { <Chip hue=Hue::Lock>{tr(Text::DowngradeTo)} <b>{version}</b></Chip> }
        });
        Some(view! {
            <Chip>{tr(Text::Version)} <b>{info.version.clone()}</b></Chip>
            <Chip hue=leader_hue>{tr(Text::Leader)} <b class="cut">{leader}</b></Chip>
            <Chip>{tr(Text::Majority)} <b>{majority}</b></Chip>
            {spare}
            <Chip>{tr(Text::Revision)} <b>{format::count(info.header.revision)}</b></Chip>
            <Chip>{tr(Text::Term)} <b>{info.header.raft_term.to_string()}</b></Chip>
            {downgrade}
        })
    };
    view! { <div class="chips">{chips}</div> }
}
