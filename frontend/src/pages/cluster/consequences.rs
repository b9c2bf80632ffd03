//! What each operation does, in words: the question, the consequences, and what should make one stop.

use shared::{AlarmKind, CompactPreview, DowngradeAction};

use super::ask_text::AskText;
use super::run::{named, urls};
use super::store::ClusterStore;
use crate::i18n::I18n;
use crate::model::cluster::operation::alarm_name;
use crate::model::cluster::{Operation, Votes, Who, is_working};
use crate::model::format;
use crate::model::sentence::sentences;

/// What a compaction removes.
pub(super) fn removed(i18n: I18n, preview: CompactPreview) -> String {
    if preview.removed <= 0 {
        let oldest = format::count(preview.oldest_revision);
        return i18n.fill(AskText::CompactNothing, &[&oldest]);
    }
    i18n.fill(
        AskText::CompactWhat,
        &[
            &format::count(preview.oldest_revision),
            &format::count(preview.oldest_kept - 1),
            &format::count(preview.removed),
        ],
    )
}

/// The question, which is also the text of the confirming button.
pub(super) fn title(i18n: I18n, operation: &Operation) -> String {
    match operation {
        Operation::MoveLeader { to, .. } => i18n.fill(AskText::MoveTitle, &[&named(to)]),
        Operation::Promote(who) => i18n.fill(AskText::PromoteTitle, &[&named(who)]),
        Operation::Remove(who) => i18n.fill(AskText::RemoveTitle, &[&named(who)]),
        Operation::Update { member, .. } => i18n.fill(AskText::UpdateTitle, &[&named(member)]),
        Operation::Add { peer_urls, learner } => {
            let text = if *learner {
                AskText::AddLearnerTitle
            } else {
                AskText::AddTitle
            };
            i18n.fill(text, &[&urls(peer_urls)])
        }
        Operation::Disarm { member, alarm, .. } => {
            i18n.fill(AskText::DisarmTitle, &[alarm, &named(member)])
        }
        Operation::Raise { member, alarm } => {
            i18n.fill(AskText::RaiseTitle, &[alarm_name(*alarm), &named(member)])
        }
        Operation::Compact { revision, .. } => {
            i18n.fill(AskText::CompactTitle, &[&format::count(*revision)])
        }
        Operation::Defragment { members, all } => {
            let what = match &members[..] {
                [who] => named(who),
                _ if *all => i18n.t(AskText::AllVoting).to_owned(),
                several => names(several),
            };
            i18n.fill(AskText::DefragmentTitle, &[&what])
        }
        Operation::Downgrade { action, version } => match action {
            DowngradeAction::Cancel => i18n.t(AskText::CancelTitle).to_owned(),
            DowngradeAction::Enable | DowngradeAction::Validate => i18n.fill(
                AskText::EnableTitle,
                &[version.as_deref().unwrap_or_default()],
            ),
        },
        Operation::Snapshot(_) | Operation::CompareHashes => String::new(),
    }
}

fn names(members: &[Who]) -> String {
    members.iter().map(named).collect::<Vec<_>>().join(" → ")
}

/// What happens.
pub(super) fn consequences(i18n: I18n, store: ClusterStore, operation: &Operation) -> Vec<String> {
    match operation {
        Operation::MoveLeader { to, leader } => vec![match leader {
            Some(leader) => i18n.fill(AskText::MoveWhat, &[&named(leader), &named(to)]),
            None => i18n.t(AskText::MoveWhatNone).to_owned(),
        }],
        Operation::Promote(who) => {
            let what = i18n.fill(AskText::PromoteWhat, &[&named(who)]);
            vec![what, votes_text(i18n, votes_after(store, operation))]
        }
        Operation::Remove(who) => {
            let what = i18n.fill(AskText::RemoveWhat, &[&named(who)]);
            vec![what, votes_text(i18n, votes_after(store, operation))]
        }
        Operation::Update { member, peer_urls } => {
            vec![i18n.fill(AskText::UpdateWhat, &[&named(member), &urls(peer_urls)])]
        }
        Operation::Add { learner: true, .. } => vec![i18n.t(AskText::AddLearnerWhat).to_owned()],
        Operation::Add { .. } => {
            let what = i18n.t(AskText::AddWhat).to_owned();
            vec![what, votes_text(i18n, votes_after(store, operation))]
        }
        Operation::Disarm { member, alarm, .. } => vec![disarmed(i18n, store, member, alarm)],
        Operation::Raise { alarm, .. } => vec![
            i18n.t(match alarm {
                AlarmKind::NoSpace => AskText::RaiseNoSpace,
                AlarmKind::Corrupt => AskText::RaiseCorrupt,
            })
            .to_owned(),
        ],
        Operation::Compact { physical, .. } => {
            let slow = physical.then(|| i18n.t(AskText::CompactPhysical).to_owned());
            slow.into_iter().collect()
        }
        Operation::Defragment { members, .. } => {
            let mut lines = Vec::new();
            if members.len() > 1 {
                lines.push(i18n.fill(AskText::DefragmentOrder, &[&names(members)]));
            }
            lines.push(i18n.t(AskText::DefragmentWhat).to_owned());
            let leader = store.leader();
            if let Some(leader) = members.iter().find(|who| Some(who.id) == leader) {
                lines.push(i18n.fill(AskText::DefragmentLeader, &[&named(leader)]));
            }
            lines
        }
        Operation::Downgrade { action, version } => vec![match action {
            DowngradeAction::Cancel => i18n.t(AskText::CancelWhat).to_owned(),
            DowngradeAction::Enable | DowngradeAction::Validate => i18n.fill(
                AskText::EnableWhat,
                &[version.as_deref().unwrap_or_default()],
            ),
        }],
        Operation::Snapshot(_) | Operation::CompareHashes => Vec::new(),
    }
}

fn disarmed(i18n: I18n, store: ClusterStore, who: &Who, alarm: &str) -> String {
    if alarm == "CORRUPT" {
        return i18n.t(AskText::DisarmCorrupt).to_owned();
    }
    if alarm != "NOSPACE" {
        return i18n.t(AskText::DisarmUnknown).to_owned();
    }
    let members = store.members();
    let member = members.iter().find(|member| member.id == who.id);
    let sizes = member.and_then(|member| Some((member.db_size?, member.db_quota?)));
    match sizes.filter(|(_, quota)| *quota > 0) {
        Some((size, quota)) => i18n.fill(
            AskText::DisarmNoSpace,
            &[&named(who), &format::size(size), &format::size(quota)],
        ),
        None => i18n.t(AskText::DisarmNoSpacePlain).to_owned(),
    }
}

/// The votes after a change of members.
fn votes_after(store: ClusterStore, operation: &Operation) -> Votes {
    let members = store.members();
    let votes = Votes::of(&members);
    match operation {
        Operation::Promote(who) => {
            let working = members.iter().any(|it| it.id == who.id && is_working(it));
            votes.with_another(working)
        }
        Operation::Add { learner: false, .. } => votes.with_another(false),
        Operation::Remove(who) => votes.without(&members, who.id),
        _ => votes,
    }
}

fn votes_text(i18n: I18n, votes: Votes) -> String {
    let after = i18n.fill(
        AskText::VotesAfter,
        &[&votes.voters.to_string(), &votes.majority().to_string()],
    );
    let spare = votes.spare() as i64;
    let spare = i18n.plural(spare, AskText::SpareAfterOne, AskText::SpareAfterMany);
    sentences(&[&after, &spare])
}

/// What should make one stop.
pub(super) fn warning(i18n: I18n, store: ClusterStore, operation: &Operation) -> Option<String> {
    let text = match operation {
        Operation::Promote(_) | Operation::Remove(_) | Operation::Add { learner: false, .. } => {
            votes_after(store, operation)
                .is_lost()
                .then_some(AskText::LostAfter)?
        }
        Operation::Defragment { .. } => {
            let votes = Votes::of(&store.members());
            (votes.voters > 1 && votes.spare() <= 1).then_some(AskText::DefragmentSpare)?
        }
        _ => return None,
    };
    Some(i18n.t(text).to_owned())
}
