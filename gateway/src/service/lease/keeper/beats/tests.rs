//! Unit tests of the timing of keep-alives.

use super::*;

fn is_lost(status: &watch::Receiver<Status>) -> bool {
    status.borrow().lost.is_some()
}

#[test]
fn a_lease_is_due_after_a_third_of_its_ttl() {
    let (mut beats, start) = (Beats::default(), Instant::now());
    beats.add(7, 9, start);
    assert!(beats.due(start + Duration::from_millis(2_999)).is_empty());
    let third = start + Duration::from_secs(3);
    assert_eq!(beats.wake_at(), Some(third));
    assert_eq!(beats.due(third), [7]);
    beats.record_sent(7, third);
    assert!(beats.due(third).is_empty(), "sent only once");
    beats.response(7, 9);
    assert_eq!(beats.due(third + Duration::from_secs(3)), [7]);
}

#[test]
fn the_ttl_counts_from_when_the_renewal_was_sent() {
    let (mut beats, start) = (Beats::default(), Instant::now());
    let (_, status) = beats.add(7, 9, start);
    let sent_at = start + Duration::from_secs(3);
    beats.record_sent(7, sent_at);
    beats.response(7, 9);
    beats.expire(sent_at + Duration::from_millis(8_999));
    assert!(!is_lost(&status));
    beats.expire(sent_at + Duration::from_secs(9));
    assert!(is_lost(&status) && beats.is_empty());
}

#[test]
fn an_unknown_lease_is_lost_at_once() {
    let (mut beats, start) = (Beats::default(), Instant::now());
    let (serial, status) = beats.add(-9, 9, start);
    beats.record_sent(-9, start);
    beats.response(-9, 0);
    assert!(is_lost(&status));
    // A lease of the same id is kept again: dropping the earlier one must not affect it.
    let (_, again) = beats.add(-9, 9, start);
    beats.leave(-9, serial);
    assert!(!is_lost(&again) && !beats.is_empty());
}

#[test]
fn the_last_holder_ends_the_renewals() {
    let (mut beats, start) = (Beats::default(), Instant::now());
    let (serial, _) = beats.add(7, 9, start);
    let (other, _) = beats.add(7, 9, start);
    assert_eq!(serial, other);
    beats.leave(7, serial);
    assert!(!beats.is_empty());
    beats.leave(7, serial);
    assert!(beats.is_empty() && beats.wake_at().is_none());
}

#[test]
fn renewals_are_sent_again_after_a_lost_stream_and_late_responses_are_ignored() {
    let (mut beats, start) = (Beats::default(), Instant::now());
    beats.add(7, 9, start);
    let third = start + Duration::from_secs(3);
    beats.record_sent(7, third);
    assert!(!beats.is_stuck(third + Duration::from_secs(4)));
    let later = third + Duration::from_millis(4_500);
    assert!(beats.is_stuck(later));
    beats.stream_lost(later);
    assert_eq!(beats.due(later), [7]);
    beats.response(7, 9);
    assert_eq!(beats.due(later), [7], "no renewal was in flight");
}

#[test]
fn losing_all_notifies_every_holder() {
    let (mut beats, start) = (Beats::default(), Instant::now());
    let (_, one) = beats.add(1, 9, start);
    let (_, two) = beats.add(2, 9, start);
    beats.lose_all("refused");
    assert!(is_lost(&one) && is_lost(&two) && beats.is_empty());
}

#[test]
fn due_leases_are_sorted_by_urgency() {
    let (mut beats, start) = (Beats::default(), Instant::now());
    beats.add(1, 60, start);
    beats.add(2, 2, start);
    beats.add(3, i64::MAX, start);
    assert_eq!(beats.due(start + Duration::from_secs(30)), [2, 1]);
}
