//! Operations on the cluster as command lines.

use shared::DowngradeAction;

use super::operation::{Operation, alarm_name};
use crate::model::command::{Unsupported, quoted};

/// The `curl` line; `base` is the API's URL, including `/api/v1/`.
pub(crate) fn curl(operation: &Operation, base: &str) -> String {
    let url = |path: &str| quoted(&format!("{base}{path}"));
    let json = |body: String, path: &str| format!("curl --json {} {}", quoted(&body), url(path));
    match operation {
        Operation::MoveLeader { to, .. } => json(
            format!(r#"{{"member_id": "{}"}}"#, to.id),
            "cluster/move-leader",
        ),
        Operation::Promote(who) => {
            let path = format!("cluster/members/{}/promote", who.id);
            format!("curl -X POST {}", url(&path))
        }
        Operation::Remove(who) => {
            let path = format!("cluster/members/{}", who.id);
            format!("curl -X DELETE {}", url(&path))
        }
        Operation::Update { member, peer_urls } => {
            let body = format!(r#"{{"peer_urls": {}}}"#, json_list(peer_urls));
            let path = format!("cluster/members/{}", member.id);
            format!("curl -X PUT --json {} {}", quoted(&body), url(&path))
        }
        Operation::Add { peer_urls, learner } => json(
            format!(
                r#"{{"peer_urls": {}, "learner": {learner}}}"#,
                json_list(peer_urls)
            ),
            "cluster/members",
        ),
        Operation::Disarm { member, alarm, .. } => {
            let path = format!("cluster/alarms?member={}&alarm={alarm}", member.id);
            format!("curl -X DELETE {}", url(&path))
        }
        Operation::Raise { member, alarm } => json(
            format!(
                r#"{{"member_id": "{}", "alarm": "{}"}}"#,
                member.id,
                alarm_name(*alarm)
            ),
            "cluster/alarms",
        ),
        Operation::Compact { revision, physical } => json(
            format!(r#"{{"revision": {revision}, "physical": {physical}}}"#),
            "cluster/compact",
        ),
        Operation::Defragment { all: true, .. } => {
            format!(
                "curl -N -X POST -H 'Accept: application/x-ndjson' {}",
                url("cluster/defragment")
            )
        }
        Operation::Defragment { members, .. } => {
            let ids: Vec<_> = members.iter().map(|who| who.id.to_string()).collect();
            let body = format!(r#"{{"members": {}}}"#, json_list(&ids));
            format!(
                "curl -N -H 'Accept: application/x-ndjson' --json {} {}",
                quoted(&body),
                url("cluster/defragment")
            )
        }
        Operation::Downgrade { action, version } => {
            let action = downgrade_name(*action);
            let version = version.as_ref().map_or_else(String::new, |version| {
                format!(r#", "version": {}"#, json_text(version))
            });
            json(
                format!(r#"{{"action": "{action}"{version}}}"#),
                "cluster/downgrade",
            )
        }
        Operation::Snapshot(who) => {
            let member = who.as_ref().map(|who| format!("?member={}", who.id));
            let path = format!("cluster/snapshot{}", member.unwrap_or_default());
            format!("curl -OJ --fail {}", url(&path))
        }
        Operation::CompareHashes => format!("curl {}", url("cluster/hash")),
    }
}

/// The `etcdctl` line.
pub(crate) fn etcdctl(operation: &Operation) -> Result<String, Unsupported> {
    Ok(match operation {
        Operation::MoveLeader { to, leader } => {
            let leader = leader.as_ref().and_then(|leader| leader.url.as_ref());
            let url = leader.ok_or(Unsupported::NoCommand)?;
            format!("etcdctl --endpoints={} move-leader {}", quoted(url), to.id)
        }
        Operation::Promote(who) => format!("etcdctl member promote {}", who.id),
        Operation::Remove(who) => format!("etcdctl member remove {}", who.id),
        Operation::Update { member, peer_urls } => format!(
            "etcdctl member update {} --peer-urls={}",
            member.id,
            quoted(&peer_urls.join(","))
        ),
        // The name only appears in the advice that etcdctl prints.
        Operation::Add { peer_urls, learner } => format!(
            "etcdctl member add NAME{} --peer-urls={}",
            if *learner { " --learner" } else { "" },
            quoted(&peer_urls.join(","))
        ),
        // etcdctl disarms every alarm of every member.
        Operation::Disarm { only: true, .. } => "etcdctl alarm disarm".to_owned(),
        Operation::Disarm { .. } | Operation::Raise { .. } => return Err(Unsupported::NoCommand),
        Operation::Compact { revision, physical } => {
            let physical = if *physical { " --physical" } else { "" };
            format!("etcdctl compact{physical} {revision}")
        }
        Operation::Defragment { members, .. } => {
            // `--cluster` would follow the order of the members' ids, not leave the leader for the end.
            let urls: Option<Vec<_>> = members.iter().map(|who| who.url.clone()).collect();
            let urls = urls.filter(|urls| !urls.is_empty());
            let urls = urls.ok_or(Unsupported::NoCommand)?;
            format!("etcdctl --endpoints={} defrag", quoted(&urls.join(",")))
        }
        Operation::Downgrade { action, version } => {
            let version = version
                .as_ref()
                .map(|version| format!(" {}", quoted(version)));
            format!(
                "etcdctl downgrade {}{}",
                downgrade_name(*action),
                version.unwrap_or_default()
            )
        }
        Operation::Snapshot(who) => {
            let url = who.as_ref().and_then(|who| who.url.as_ref());
            let endpoint = url.map(|url| format!("--endpoints={} ", quoted(url)));
            format!(
                "etcdctl {}snapshot save etcd.db",
                endpoint.unwrap_or_default()
            )
        }
        Operation::CompareHashes => "etcdctl endpoint hashkv --cluster".to_owned(),
    })
}

fn downgrade_name(action: DowngradeAction) -> &'static str {
    match action {
        DowngradeAction::Validate => "validate",
        DowngradeAction::Enable => "enable",
        DowngradeAction::Cancel => "cancel",
    }
}

fn json_text(text: &str) -> String {
    serde_json::to_string(text).expect("text serialises")
}

fn json_list(texts: &[String]) -> String {
    let texts: Vec<_> = texts.iter().map(|text| json_text(text)).collect();
    format!("[{}]", texts.join(", "))
}
