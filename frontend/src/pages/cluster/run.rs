//! Runs an operation, and says what it did.

use super::ask_text::AskText;
use crate::api::{ApiError, maintenance};
use crate::i18n::I18n;
use crate::model::cluster::operation::alarm_name;
use crate::model::cluster::{Operation, Who};
use crate::model::{format, key_text};
use shared::{DowngradeAction, ListedMember};

/// A member's name within a sentence.
pub(super) fn named(who: &Who) -> String {
    key_text::in_sentence(who.label().as_bytes())
}

/// URLs within a sentence.
pub(super) fn urls(urls: &[String]) -> String {
    key_text::in_sentence(urls.join(", ").as_bytes())
}

/// Sends the request. The result is a sentence about what was done; `None` for what this does not run.
pub(super) async fn run(operation: &Operation, i18n: I18n) -> Result<Option<String>, ApiError> {
    let done = match operation {
        Operation::MoveLeader { to, .. } => {
            maintenance::move_leader(to.id).await?;
            i18n.fill(AskText::MoveDone, &[&named(to)])
        }
        Operation::Promote(who) => {
            maintenance::promote_member(who.id).await?;
            i18n.fill(AskText::PromoteDone, &[&named(who)])
        }
        Operation::Remove(who) => {
            maintenance::remove_member(who.id).await?;
            i18n.fill(AskText::RemoveDone, &[&named(who)])
        }
        Operation::Update { member, peer_urls } => {
            maintenance::update_member(member.id, peer_urls.clone()).await?;
            i18n.fill(AskText::UpdateDone, &[&named(member), &urls(peer_urls)])
        }
        Operation::Add { peer_urls, learner } => {
            let added = maintenance::add_member(peer_urls.clone(), *learner).await?;
            let id = added.member.as_ref().map(|member| member.id.to_string());
            let initial = key_text::in_sentence(initial_cluster(&added.members).as_bytes());
            i18n.fill(AskText::AddDone, &[&id.unwrap_or_default(), &initial])
        }
        Operation::Disarm { member, alarm, .. } => {
            let response = maintenance::disarm(member.id, alarm).await?;
            let text = if response.disarmed.is_empty() {
                AskText::DisarmNone
            } else {
                AskText::DisarmDone
            };
            i18n.fill(text, &[alarm, &named(member)])
        }
        Operation::Raise { member, alarm } => {
            maintenance::raise_alarm(member.id, *alarm).await?;
            i18n.fill(AskText::RaiseDone, &[alarm_name(*alarm), &named(member)])
        }
        Operation::Compact { revision, physical } => {
            let response = maintenance::compact(*revision, *physical).await?;
            let oldest = format::count(response.compacted_revision);
            i18n.fill(AskText::CompactDone, &[&oldest])
        }
        Operation::Downgrade { action, version } => {
            let response = maintenance::downgrade(*action, version.clone()).await?;
            let target = version.clone().unwrap_or_default();
            match action {
                DowngradeAction::Enable => i18n.fill(AskText::EnableDone, &[&target]),
                DowngradeAction::Cancel => i18n.fill(AskText::CancelDone, &[&response.version]),
                DowngradeAction::Validate => {
                    i18n.fill(AskText::ValidateDone, &[&response.version, &target])
                }
            }
        }
        Operation::Defragment { .. } | Operation::Snapshot(_) | Operation::CompareHashes => {
            return Ok(None);
        }
    };
    Ok(Some(done))
}

/// The value of `--initial-cluster` for a new member. It has no name yet: the operator chooses it.
fn initial_cluster(members: &[ListedMember]) -> String {
    let members = members.iter().flat_map(|member| {
        let name = if member.name.is_empty() {
            "NAME"
        } else {
            &member.name
        };
        let urls = member.peer_urls.iter();
        urls.map(move |url| format!("{name}={url}"))
    });
    members.collect::<Vec<_>>().join(",")
}
