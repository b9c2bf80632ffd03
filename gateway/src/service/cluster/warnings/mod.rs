//! Warnings for the operator, with stable codes.

use std::cmp::Ordering;

use shared::{Alarm, Warning};

use super::known_bugs::{Concern, KNOWN_BUGS, SUPPORTED_FROM, is_end_of_life};
use super::reach::{Found, Unreached};
use crate::etcd::Version;
use crate::failure::Failure;

/// Usage of the quota, in percent, from which a member counts as near it.
const NEAR_QUOTA: i64 = 80;

fn warning(code: &str, detail: String) -> Warning {
    Warning {
        code: code.to_owned(),
        detail,
        fixed_in: Vec::new(),
    }
}

/// A part of the response that the caller may not see.
pub(super) fn hidden(code: &str, what: &str, failure: &Failure) -> Warning {
    warning(code, format!("{what} are not shown: {}", failure.detail))
}

/// The member list is one member's local view.
pub(super) fn stale() -> Warning {
    let detail = "no majority confirmed the member list in time; it is one member's local view";
    warning("members_stale", detail.to_owned())
}

/// All warnings. Access bugs count only with authentication on, TLS bugs only where TLS is used.
pub(super) fn all(found: &[Found], alarms: &[Alarm], quorum: usize, auth: bool) -> Vec<Warning> {
    let mut warnings = margin(found, quorum);
    warnings.extend(alarms.iter().map(|alarm| raised(found, alarm)));
    warnings.extend(found.iter().filter_map(misadvertised));
    warnings.extend(found.iter().filter_map(near_quota));
    warnings.extend(versions(found, auth));
    warnings
}

/// How close the cluster is to losing its majority. A single-member cluster has no margin to lose.
fn margin(found: &[Found], quorum: usize) -> Vec<Warning> {
    let voters: Vec<&Found> = found.iter().filter(|found| !found.fact.learner).collect();
    let hidden = |voter: &&Found| matches!(voter.reached, Err(Unreached::Denied(_)));
    if voters.len() < 2 || voters.iter().any(hidden) {
        return Vec::new();
    }
    let works = |voter: &&Found| voter.status().is_some_and(|status| status.leader != 0);
    let (working, failing): (Vec<&Found>, Vec<&Found>) =
        voters.iter().partition(|voter| works(voter));
    let failing: Vec<_> = failing.into_iter().map(Found::name).collect();
    let failing = failing.join(", ");
    let voters = voters.len();
    let detail = |end: &str| {
        let of = format!("{} of {voters} voting members are working", working.len());
        if failing.is_empty() {
            format!("{of}, {quorum} are required: {end}")
        } else {
            format!("{of} (not {failing}), {quorum} are required: {end}")
        }
    };
    match working.len().cmp(&quorum) {
        Ordering::Less => vec![warning(
            "quorum_lost",
            detail("writes fail, and only serializable reads are served"),
        )],
        Ordering::Equal => vec![warning(
            "no_quorum_margin",
            detail("no further member may fail"),
        )],
        Ordering::Greater => Vec::new(),
    }
}

fn raised(found: &[Found], alarm: &Alarm) -> Warning {
    let member = found.iter().find(|found| found.fact.id == alarm.member_id);
    let member = member.map_or_else(|| alarm.member_id.to_string(), Found::name);
    let meaning = match alarm.alarm.as_str() {
        "NOSPACE" => {
            "its quota is exceeded, and the cluster accepts deletes only: compact, defragment, then disarm"
        }
        "CORRUPT" => "its data differs from the others': see GET /cluster/hash",
        _ => "unknown to this gateway",
    };
    let detail = format!("member {member} raised {}: {meaning}", alarm.alarm);
    warning("alarm_raised", detail)
}

fn misadvertised(found: &Found) -> Option<Warning> {
    let flaws = found.misadvertised.join(", ");
    if flaws.is_empty() {
        return None;
    }
    let reached = match &found.reached {
        Ok(reached) => format!("it responds at {}", reached.url),
        Err(Unreached::Denied(_)) => "its status is not shown".to_owned(),
        Err(_) => "no configured endpoint is this member".to_owned(),
    };
    let detail = format!(
        "member {} advertises what clients cannot use: {flaws}; {reached}",
        found.name()
    );
    Some(warning("advertised_url", detail))
}

fn near_quota(found: &Found) -> Option<Warning> {
    let status = found.status()?;
    let (size, quota) = (status.db_size, status.db_quota);
    if quota <= 0 || size < quota / 100 * NEAR_QUOTA {
        return None;
    }
    let advice = if status.db_size_in_use < size / 2 {
        "defragment to free unused space"
    } else {
        "compact and defragment, or raise --quota-backend-bytes"
    };
    let detail = format!(
        "the database of member {} uses {size} of {quota} bytes: {advice}",
        found.name()
    );
    Some(warning("near_quota", detail))
}

fn versions(found: &[Found], auth: bool) -> Vec<Warning> {
    let mut running: Vec<(Version, Vec<String>)> = Vec::new();
    for one in found {
        let version = one.status().and_then(|it| it.version.parse().ok());
        let Some(version) = version else { continue };
        match running.iter_mut().find(|(known, _)| *known == version) {
            Some((_, members)) => members.push(one.name()),
            None => running.push((version, vec![one.name()])),
        }
    }
    running.sort();
    let mut warnings = Vec::new();
    let list = |(version, members): &(Version, Vec<String>)| {
        format!("{} ({})", version, members.join(", "))
    };
    if running.len() > 1 {
        let all: Vec<_> = running.iter().map(list).collect();
        let detail = format!("the members run different versions: {}", all.join(", "));
        warnings.push(warning("version_mixed", detail));
    }
    for one in running
        .iter()
        .filter(|(version, _)| is_end_of_life(*version))
    {
        let detail = format!(
            "etcd {} is in the {} line, which gets no more fixes: upgrade to {SUPPORTED_FROM} or later",
            list(one),
            one.0.minor()
        );
        warnings.push(Warning {
            fixed_in: vec![SUPPORTED_FROM.to_string()],
            ..warning("version_end_of_life", detail)
        });
    }
    let tls = found.iter().any(|one| {
        let reached = one.reached.as_ref();
        reached.is_ok_and(|reached| reached.url.starts_with("https://"))
    });
    for bug in KNOWN_BUGS {
        let relevant = match bug.concern {
            Concern::Access => auth,
            Concern::Tls => tls,
            _ => true,
        };
        if !relevant {
            continue;
        }
        for one in running.iter().filter(|(version, _)| bug.is_in(*version)) {
            let detail = format!(
                "etcd {}: {} ({}), {}",
                list(one),
                bug.what,
                bug.id,
                bug.remedy(one.0)
            );
            warnings.push(Warning {
                fixed_in: bug.releases(one.0),
                ..warning(bug.concern.code(), detail)
            });
        }
    }
    warnings
}

#[cfg(test)]
mod tests;
