//! Forecasts of growing, shrinking, flat and noisy databases.

use shared::MemberSample;

use super::*;

const HOUR: i64 = 3_600_000;
const MB: i64 = 1 << 20;

fn samples(members: u64, sizes: impl Fn(u64, i64) -> i64, span: i64) -> Vec<Sample> {
    let member = |id, at| MemberSample {
        id: MemberId(id),
        db_size: 10 * MB,
        db_size_in_use: sizes(id, at),
        db_quota: Some(100 * MB),
        raft_index: 0,
        raft_lag: 0,
        watches: None,
    };
    // An arbitrary time of today: the numbers must not lose precision.
    let start = 1_764_000_000_000;
    (0..=span / 10_000)
        .map(|n| Sample {
            at: start + n * 10_000,
            revision: None,
            revisions_per_second: None,
            keys: None,
            leases: None,
            watches: None,
            leader: None,
            members: (1..=members).map(|id| member(id, n * 10_000)).collect(),
        })
        .collect()
}

#[test]
fn steady_growth_reaches_the_quota_when_it_has_grown_that_far() {
    // 10 MB an hour from 10 MB on: after the hour there are 20 MB, and 80 MB take 8 hours.
    let grows = samples(1, |_, at| 10 * MB + at * 10 * MB / HOUR, HOUR);
    let found = forecast(&grows).expect("a forecast");
    let last = grows.last().expect("samples").at;
    assert!(
        (found.bytes_per_hour - (10 * MB) as f64).abs() < 10.0,
        "{found:?}"
    );
    assert!(
        (found.quota_reached_at - last - 8 * HOUR).abs() < 1_000,
        "{found:?}"
    );
    assert_eq!(
        (found.member, found.quota, found.based_on_ms),
        (MemberId(1), 100 * MB, HOUR)
    );
}

#[test]
fn no_growth_gives_no_forecast() {
    let none = |sizes: fn(u64, i64) -> i64| assert_eq!(forecast(&samples(1, sizes, HOUR)), None);
    none(|_, _| 10 * MB);
    none(|_, at| 50 * MB - at * MB / HOUR);
    // Less than a page in the hour.
    none(|_, at| 10 * MB + at / 1_000);
    // A store that is compacted every five minutes, and ends between two compactions.
    none(|_, at| 10 * MB + (at % 300_000) * 20);
    // A kilobyte an hour more than a page: years ahead.
    none(|_, at| 10 * MB + at * 5_000 / HOUR);
}

#[test]
fn growth_below_the_noise_of_compactions_is_seen_once_it_exceeds_it() {
    let saw = |_, at: i64| 10 * MB + at * 30 * MB / HOUR + (at % 300_000) * 20;
    let found = forecast(&samples(1, saw, HOUR)).expect("a forecast");
    assert!(
        (found.bytes_per_hour / MB as f64 - 30.0).abs() < 1.0,
        "{found:?}"
    );
}

#[test]
fn a_short_time_is_no_trend() {
    let grows = |_, at: i64| 10 * MB + at * 10 * MB / HOUR;
    assert_eq!(forecast(&samples(1, grows, MIN_SPAN - 10_000)), None);
    assert!(forecast(&samples(1, grows, MIN_SPAN)).is_some());
    assert_eq!(forecast(&[]), None);
}

#[test]
fn the_first_member_to_reach_its_quota_counts() {
    let by_id = |id, at: i64| 10 * MB + at * (id as i64) * MB / HOUR;
    let found = forecast(&samples(3, by_id, HOUR)).expect("a forecast");
    assert_eq!(found.member, MemberId(3));
}

#[test]
fn a_full_database_has_reached_its_quota_now() {
    let grows = samples(1, |_, at| 100 * MB + at * MB / HOUR, HOUR);
    let found = forecast(&grows).expect("a forecast");
    assert_eq!(found.quota_reached_at, grows.last().expect("samples").at);
    let mut unknown = grows;
    for sample in &mut unknown {
        sample.members[0].db_quota = None;
    }
    assert_eq!(forecast(&unknown), None);
}
