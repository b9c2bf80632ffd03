use shared::{AlarmKind, DowngradeAction, Member, MemberId, Sample, SamplesResponse};

use super::command::{curl, etcdctl};
use super::form::{peer_urls, previous_minor, revision};
use super::operation::defragmentation_order;
use super::*;

const BASE: &str = "http://h/api/v1/";

fn member(id: u64, learner: bool, healthy: bool) -> Member {
    Member {
        id: MemberId(id),
        name: format!("m{id}"),
        learner,
        healthy,
        client_urls: vec![format!("http://10.0.0.{id}:2379")],
        peer_urls: vec![format!("http://10.0.0.{id}:2380")],
        reached_by: None,
        version: None,
        db_size: None,
        db_size_in_use: None,
        db_quota: None,
        raft_index: healthy.then_some(9),
        raft_lag: None,
        error: None,
    }
}

fn who(id: u64) -> Who {
    Who::from(&member(id, false, true))
}

#[test]
fn every_operation_has_its_lines() {
    let add = Operation::Add {
        peer_urls: vec!["http://10.0.0.8:2380".to_owned()],
        learner: true,
    };
    let update = Operation::Update {
        member: who(255),
        peer_urls: vec!["http://a:1".to_owned(), "http://b:2".to_owned()],
    };
    for (operation, line, other) in [
        (
            Operation::MoveLeader {
                to: who(10),
                leader: Some(who(1)),
            },
            r#"curl --json '{"member_id": "a"}' 'http://h/api/v1/cluster/move-leader'"#,
            Some("etcdctl --endpoints='http://10.0.0.1:2379' move-leader a"),
        ),
        (
            Operation::Remove(who(255)),
            "curl -X DELETE 'http://h/api/v1/cluster/members/ff'",
            Some("etcdctl member remove ff"),
        ),
        (
            add,
            r#"curl --json '{"peer_urls": ["http://10.0.0.8:2380"], "learner": true}' 'http://h/api/v1/cluster/members'"#,
            Some("etcdctl member add NAME --learner --peer-urls='http://10.0.0.8:2380'"),
        ),
        (
            update,
            r#"curl -X PUT --json '{"peer_urls": ["http://a:1", "http://b:2"]}' 'http://h/api/v1/cluster/members/ff'"#,
            Some("etcdctl member update ff --peer-urls='http://a:1,http://b:2'"),
        ),
        (
            Operation::Compact {
                revision: 41,
                physical: true,
            },
            r#"curl --json '{"revision": 41, "physical": true}' 'http://h/api/v1/cluster/compact'"#,
            Some("etcdctl compact --physical 41"),
        ),
        (
            Operation::Raise {
                member: who(1),
                alarm: AlarmKind::Corrupt,
            },
            r#"curl --json '{"member_id": "1", "alarm": "CORRUPT"}' 'http://h/api/v1/cluster/alarms'"#,
            None,
        ),
        (
            Operation::Downgrade {
                action: DowngradeAction::Enable,
                version: Some("3.6".to_owned()),
            },
            r#"curl --json '{"action": "enable", "version": "3.6"}' 'http://h/api/v1/cluster/downgrade'"#,
            Some("etcdctl downgrade enable '3.6'"),
        ),
        (
            Operation::Snapshot(Some(who(1))),
            "curl -OJ --fail 'http://h/api/v1/cluster/snapshot?member=1'",
            Some("etcdctl --endpoints='http://10.0.0.1:2379' snapshot save etcd.db"),
        ),
    ] {
        assert_eq!(curl(&operation, BASE), line);
        assert_eq!(etcdctl(&operation).ok().as_deref(), other);
    }
}

#[test]
fn etcdctl_disarms_only_what_the_page_disarms() {
    let disarm = |only| Operation::Disarm {
        member: who(1),
        alarm: "NOSPACE".to_owned(),
        only,
    };
    assert_eq!(
        etcdctl(&disarm(true)).as_deref(),
        Ok("etcdctl alarm disarm")
    );
    assert!(
        etcdctl(&disarm(false)).is_err(),
        "it would disarm the others too"
    );
}

#[test]
fn the_leader_is_defragmented_last_and_learners_are_not() {
    let members = [
        member(1, false, true),
        member(2, true, true),
        member(3, false, true),
    ];
    let order = defragmentation_order(&members, Some(MemberId(1)));
    assert_eq!(order, [who(3), who(1)]);
    let line = etcdctl(&Operation::Defragment {
        members: order,
        all: true,
    });
    assert_eq!(
        line.as_deref(),
        Ok("etcdctl --endpoints='http://10.0.0.3:2379,http://10.0.0.1:2379' defrag")
    );
}

#[test]
fn a_change_of_members_changes_the_majority() {
    let members = [
        member(1, false, true),
        member(2, false, true),
        member(3, false, false),
        member(4, true, true),
    ];
    let votes = Votes::of(&members);
    assert_eq!((votes.voters, votes.majority(), votes.spare()), (3, 2, 0));
    let failed = votes.without(&members, MemberId(3));
    assert_eq!(
        (failed.voters, failed.majority(), failed.is_lost()),
        (2, 2, false)
    );
    assert!(votes.without(&members, MemberId(1)).is_lost());
    assert_eq!(
        votes.without(&members, MemberId(4)),
        votes,
        "a learner has no vote"
    );
    let added = votes.with_another(false);
    assert_eq!(
        (added.voters, added.majority(), added.is_lost()),
        (4, 3, true)
    );
}

#[test]
fn fields_are_read_as_people_type_them() {
    let two = vec!["http://a:2380".to_owned(), "https://[::1]:2380/".to_owned()];
    assert_eq!(
        peer_urls(" http://a:2380,\nhttps://[::1]:2380/ "),
        Some(two)
    );
    for wrong in [
        "",
        "a:2380",
        "http://a",
        "http://:2380",
        "ftp://a:1",
        "http://a:99999",
    ] {
        assert_eq!(peer_urls(wrong), None, "{wrong}");
    }
    assert_eq!(revision(" 48,217 "), Some(48_217));
    assert_eq!(revision("0").or(revision("-1")).or(revision("4x")), None);
    assert_eq!(previous_minor("3.7.3").as_deref(), Some("3.6"));
    assert_eq!(previous_minor("4.0.0").or(previous_minor("three")), None);
}

#[test]
fn samples_are_added_once_and_forgotten_after_the_window() {
    let sample = |at| Sample {
        at,
        revision: Some(at),
        revisions_per_second: None,
        keys: None,
        leases: None,
        watches: None,
        leader: None,
        members: Vec::new(),
    };
    let response = |now, at: &[i64]| SamplesResponse {
        cluster: "default".to_owned(),
        now,
        interval_ms: 10,
        window_ms: 100,
        members: Vec::new(),
        samples: at.iter().copied().map(sample).collect(),
        forecast: None,
        problem: None,
    };
    let mut history = History::default();
    assert_eq!(history.last(), None);
    history.apply(response(120, &[30, 110, 120]));
    history.apply(response(130, &[120, 130]));
    let times = |history: &History| -> Vec<f64> {
        history
            .line(|sample| sample.revision.map(|it| it as f64))
            .into_iter()
            .map(|(at, _)| at)
            .collect()
    };
    assert_eq!(times(&history), [30.0, 110.0, 120.0, 130.0]);
    history.apply(response(131, &[]));
    assert_eq!(times(&history), [110.0, 120.0, 130.0]);
    assert_eq!(
        (history.last(), history.shown()),
        (Some(130), (31.0, 131.0))
    );
}

#[test]
fn few_samples_are_shown_wide() {
    let minutes = |minutes: i64| minutes * 60_000;
    for (age, shown) in [(0, 5), (5, 5), (6, 15), (30, 30), (31, 60), (60, 60)] {
        let now = minutes(1_000);
        let mut history = History::default();
        history.apply(SamplesResponse {
            cluster: "default".to_owned(),
            now,
            interval_ms: 10_000,
            window_ms: minutes(60),
            members: Vec::new(),
            samples: vec![Sample {
                at: now - minutes(age),
                revision: None,
                revisions_per_second: None,
                keys: None,
                leases: None,
                watches: None,
                leader: None,
                members: Vec::new(),
            }],
            forecast: None,
            problem: None,
        });
        let (from, to) = history.shown();
        assert_eq!((to - from) as i64, minutes(shown), "{age} min");
    }
}
