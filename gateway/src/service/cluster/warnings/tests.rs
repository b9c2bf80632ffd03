//! Unit tests of warnings about a cluster.

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
                raft_applied: 1,
                downgrade_to: None,
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
fn a_healthy_cluster_has_no_warning() {
    assert!(codes(&[member(1, "3.7.3", 1)], 1, true).is_empty());
    let three = [1, 2, 3].map(|id| member(id, "3.6.16", 1));
    assert!(codes(&three, 2, true).is_empty());
}

#[test]
fn a_lost_majority_and_a_missing_margin_are_reported() {
    let up = |id| member(id, "3.7.3", 1);
    assert_eq!(codes(&[up(1), up(2)], 2, true), ["no_quorum_margin"]);
    let one_down = [up(1), up(2), silent(3)];
    assert_eq!(codes(&one_down, 2, true), ["no_quorum_margin"]);
    let warning = &all(&one_down, &[], 2, true)[0];
    assert_eq!(
        warning.detail,
        "2 of 3 voting members are working (not m3), 2 are required: no further member may fail"
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
fn a_member_at_80_percent_of_its_quota_is_reported() {
    assert_eq!(codes(&[member(1, "3.7.3", 800)], 1, true), ["near_quota"]);
    assert!(codes(&[member(1, "3.7.3", 799)], 1, true).is_empty());
}

#[test]
fn old_and_mixed_versions_name_their_members() {
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
            "member_bug",
            "access_bug"
        ]
    );
    assert_eq!(
        codes(&two, 2, false),
        ["version_mixed", "version_end_of_life", "member_bug"],
        "without authentication there are no permissions to bypass"
    );
    assert_eq!(
        all(&two, &[], 2, true)[3].detail,
        "etcd 3.4.45 (m1): a user who may read one key can watch all following keys \
             (GHSA-xg4h-6gfc-h4m8), not fixed in 3.4; fixed in 3.5.33, 3.6.14, 3.7.1"
    );
    let releases: Vec<_> = all(&two, &[], 2, true)
        .into_iter()
        .map(|warning| warning.fixed_in.join(" "))
        .collect();
    assert_eq!(
        releases,
        ["", "3.5", "3.5.31 3.6.12", "3.5.33 3.6.14 3.7.1"]
    );
}

#[test]
fn tls_bugs_are_reported_only_where_tls_is_used() {
    let mut one = member(1, "3.6.13", 1);
    assert!(codes(std::slice::from_ref(&one), 1, false).is_empty());
    if let Ok(reached) = &mut one.reached {
        reached.url = "https://a:2379".to_owned();
    }
    assert_eq!(codes(&[one], 1, false), ["tls_bug"]);
}

#[test]
fn an_alarm_comes_with_advice() {
    let alarm = |name: &str| Alarm {
        member_id: MemberId(1),
        alarm: name.to_owned(),
    };
    let found = [member(1, "3.7.3", 1)];
    let warnings = all(&found, &[alarm("NOSPACE"), alarm("7")], 1, true);
    assert_eq!(warnings[0].code, "alarm_raised");
    assert!(warnings[0].detail.starts_with("member m1 raised NOSPACE"));
    assert!(warnings[1].detail.contains("unknown to this gateway"));
}
