//! What an operator should know, with stable codes.

use std::cmp::Ordering;

use shared::{Alarm, Warning};

use super::holes::{Concern, HOLES, SUPPORTED_FROM, Version};
use super::reach::{Found, Unreached};
use crate::failure::Failure;

/// The part of the quota, in percent, from which a member is near it.
const NEAR_QUOTA: i64 = 80;

fn warning(code: &str, detail: String) -> Warning {
    Warning {
        code: code.to_owned(),
        detail,
    }
}

/// A part of the answer that the caller may not see.
pub(super) fn hidden(code: &str, what: &str, failure: &Failure) -> Warning {
    warning(code, format!("{what} are not shown: {}", failure.detail))
}

/// The members are listed as one of them knows them.
pub(super) fn stale() -> Warning {
    let detail = "no majority confirms the list of members in time: it is what one of them knows";
    warning("members_stale", detail.to_owned())
}

/// Everything there is to warn of. Holes of access count where authentication is on, those of TLS
/// where it is spoken.
pub(super) fn all(found: &[Found], alarms: &[Alarm], quorum: usize, auth: bool) -> Vec<Warning> {
    let mut warnings = margin(found, quorum);
    warnings.extend(alarms.iter().map(|alarm| raised(found, alarm)));
    warnings.extend(found.iter().filter_map(misadvertised));
    warnings.extend(found.iter().filter_map(near_quota));
    warnings.extend(versions(found, auth));
    warnings
}

/// How near the cluster is to the loss of its majority. A cluster of one has no margin to lose.
fn margin(found: &[Found], quorum: usize) -> Vec<Warning> {
    let voters: Vec<&Found> = found.iter().filter(|found| !found.fact.learner).collect();
    let hidden = |voter: &&Found| matches!(voter.reached, Err(Unreached::Denied(_)));
    if voters.len() < 2 || voters.iter().any(hidden) {
        return Vec::new();
    }
    let works = |voter: &&Found| voter.status().is_some_and(|status| status.leader != 0);
    let (well, ill): (Vec<&Found>, Vec<&Found>) = voters.iter().partition(|voter| works(voter));
    let ill: Vec<_> = ill.into_iter().map(Found::name).collect();
    let ill = ill.join(", ");
    let voters = voters.len();
    let detail = |end: &str| {
        let of = format!("{} of {voters} voting members do their work", well.len());
        if ill.is_empty() {
            format!("{of}, and {quorum} are needed: {end}")
        } else {
            format!("{of} (not {ill}), and {quorum} are needed: {end}")
        }
    };
    match well.len().cmp(&quorum) {
        Ordering::Less => vec![warning(
            "quorum_lost",
            detail("nothing can be written, and only stale reads are answered"),
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
            "its quota is exceeded, and the cluster takes deletes alone: compact, defragment, disarm"
        }
        "CORRUPT" => "its data differs from the others': see GET /cluster/hash",
        _ => "this gateway does not know it",
    };
    let detail = format!("member {member} raised {}: {meaning}", alarm.alarm);
    warning("alarm_raised", detail)
}

fn misadvertised(found: &Found) -> Option<Warning> {
    let flaws = found.misadvertised.join(", ");
    if flaws.is_empty() {
        return None;
    }
    let answers = match &found.reached {
        Ok(reached) => format!("it answers at {}", reached.url),
        Err(Unreached::Denied(_)) => "its status is not shown".to_owned(),
        Err(_) => "no configured endpoint is this member either".to_owned(),
    };
    let detail = format!(
        "member {} advertises what clients cannot use: {flaws}; {answers}",
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
        "defragmenting gives back what is not in use"
    } else {
        "compact and defragment, or raise --quota-backend-bytes"
    };
    let detail = format!(
        "the data of member {} takes {size} of {quota} bytes: {advice}",
        found.name()
    );
    Some(warning("near_quota", detail))
}

fn versions(found: &[Found], auth: bool) -> Vec<Warning> {
    let mut running: Vec<(Version, Vec<String>)> = Vec::new();
    for one in found {
        let version = one.status().and_then(|it| Version::parse(&it.version));
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
        .filter(|(version, _)| version.is_end_of_life())
    {
        let ((major, minor), (old_major, old_minor)) = (SUPPORTED_FROM, one.0.line);
        let detail = format!(
            "etcd {} is of a line, {old_major}.{old_minor}, that gets no more fixes: go to {major}.{minor} or later",
            list(one)
        );
        warnings.push(warning("version_end_of_life", detail));
    }
    let tls = found.iter().any(|one| {
        let reached = one.reached.as_ref();
        reached.is_ok_and(|reached| reached.url.starts_with("https://"))
    });
    for hole in HOLES {
        let of_matter = match hole.concern {
            Concern::Access => auth,
            Concern::Tls => tls,
            _ => true,
        };
        if !of_matter {
            continue;
        }
        for one in running.iter().filter(|(version, _)| hole.is_in(*version)) {
            let detail = format!(
                "etcd {}: {} ({}), {}",
                list(one),
                hole.what,
                hole.id,
                hole.remedy(one.0)
            );
            warnings.push(warning(hole.concern.code(), detail));
        }
    }
    warnings
}

#[cfg(test)]
mod tests {
    use shared::{Header, MemberId};

    use super::super::reach::Reached;
    use super::*;
    use crate::etcd::{MemberFact, StatusFact};

    fn member(id: u64, version: &str, db_size: i64) -> Found {
        let member_id = MemberId(id);
        Found {
            fact: MemberFact {
                id: member_id,
                name: format!("m{id}"),
                learner: false,
                client_urls: vec!["http://a:2379".to_owned()],
                peer_urls: Vec::new(),
            },
            reached: Ok(Reached {
                url: "http://a:2379".to_owned(),
                status: StatusFact {
                    header: Header {
                        cluster_id: MemberId(1),
                        member_id,
                        revision: 1,
                        raft_term: 2,
                    },
                    version: version.to_owned(),
                    db_size,
                    db_size_in_use: db_size,
                    db_quota: 1_000,
                    leader: 1,
                    raft_index: 1,
                    errors: Vec::new(),
                    learner: false,
                },
            }),
            misadvertised: Vec::new(),
        }
    }

    fn codes(found: &[Found], quorum: usize, auth: bool) -> Vec<String> {
        let warnings = all(found, &[], quorum, auth);
        warnings.into_iter().map(|warning| warning.code).collect()
    }

    fn silent(id: u64) -> Found {
        Found {
            reached: Err(Unreached::Silent),
            ..member(id, "", 0)
        }
    }

    #[test]
    fn a_sound_cluster_has_no_warning() {
        assert!(codes(&[member(1, "3.7.3", 1)], 1, true).is_empty());
        let three = [1, 2, 3].map(|id| member(id, "3.6.16", 1));
        assert!(codes(&three, 2, true).is_empty());
    }

    #[test]
    fn the_majority_and_its_margin_are_watched() {
        let up = |id| member(id, "3.7.3", 1);
        assert_eq!(codes(&[up(1), up(2)], 2, true), ["no_quorum_margin"]);
        let one_down = [up(1), up(2), silent(3)];
        assert_eq!(codes(&one_down, 2, true), ["no_quorum_margin"]);
        let warning = &all(&one_down, &[], 2, true)[0];
        assert_eq!(
            warning.detail,
            "2 of 3 voting members do their work (not m3), and 2 are needed: no further member may fail"
        );
        assert_eq!(
            codes(&[up(1), silent(2), silent(3)], 2, true),
            ["quorum_lost"]
        );
        let hidden = Found {
            reached: Err(Unreached::Denied("permission denied".to_owned())),
            ..up(3)
        };
        assert!(codes(&[hidden, silent(1), silent(2)], 2, true).is_empty());
    }

    #[test]
    fn the_quota_is_watched() {
        assert_eq!(codes(&[member(1, "3.7.3", 800)], 1, true), ["near_quota"]);
        assert!(codes(&[member(1, "3.7.3", 799)], 1, true).is_empty());
    }

    #[test]
    fn old_and_mixed_versions_are_told_with_their_members() {
        let two = [
            member(1, "3.4.45", 1),
            member(2, "3.5.35", 1),
            member(3, "3.5.35", 1),
        ];
        assert_eq!(
            codes(&two, 2, true),
            [
                "version_mixed",
                "version_end_of_life",
                "member_hole",
                "access_hole"
            ]
        );
        assert_eq!(
            codes(&two, 2, false),
            ["version_mixed", "version_end_of_life", "member_hole"],
            "without authentication nobody's permission can be passed by"
        );
        assert_eq!(
            all(&two, &[], 2, true)[3].detail,
            "etcd 3.4.45 (m1): who may read one key can watch every key behind it \
             (GHSA-xg4h-6gfc-h4m8), never mended in 3.4, but in 3.5.33, 3.6.14, 3.7.1"
        );
    }

    #[test]
    fn what_only_tls_has_is_told_where_it_is_spoken() {
        let mut one = member(1, "3.6.13", 1);
        assert!(codes(std::slice::from_ref(&one), 1, false).is_empty());
        if let Ok(reached) = &mut one.reached {
            reached.url = "https://a:2379".to_owned();
        }
        assert_eq!(codes(&[one], 1, false), ["tls_hole"]);
    }

    #[test]
    fn an_alarm_says_what_to_do() {
        let alarm = |name: &str| Alarm {
            member_id: MemberId(1),
            alarm: name.to_owned(),
        };
        let found = [member(1, "3.7.3", 1)];
        let warnings = all(&found, &[alarm("NOSPACE"), alarm("7")], 1, true);
        assert_eq!(warnings[0].code, "alarm_raised");
        assert!(warnings[0].detail.starts_with("member m1 raised NOSPACE"));
        assert!(warnings[1].detail.contains("does not know"));
    }
}
