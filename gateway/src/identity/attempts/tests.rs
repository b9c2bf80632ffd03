//! The limits of failed sign-ins, with a clock that the test sets.

use super::*;

const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

fn elsewhere() -> IpAddr {
    "127.0.0.2".parse().expect("an address")
}

fn hash(number: usize) -> Hash {
    let mut hash = [0; 32];
    hash[..8].copy_from_slice(&number.to_be_bytes());
    hash
}

/// A user by number, with one of its passwords.
fn user(name: usize, password: usize) -> Subject {
    Subject {
        name: hash(name << 32),
        secret: hash((name << 32) + 2 * password + 1),
    }
}

fn attempt(attempts: &Attempts, subject: Subject, now: Instant, outcome: Outcome) {
    let begun = attempts.begin(HERE, subject, now);
    begun.expect("not yet too many").end(outcome);
}

fn is_limited(attempts: &Attempts, from: IpAddr, subject: Subject, now: Instant) -> bool {
    match attempts.enter(from, subject, now) {
        Ok(_) => false,
        Err(failure) => {
            assert_eq!(failure.code, Code::RateLimited);
            true
        }
    }
}

/// Fails with a new name each time, until the address is limited.
fn spray(attempts: &Attempts, now: Instant) {
    let mut name = 1_000_000;
    while !is_limited(attempts, HERE, user(name, 0), now) {
        attempt(attempts, user(name, 0), now, Outcome::Refused);
        name += 1;
        assert!(name < 1_000_000 + 2 * PER_ADDRESS.burst as usize);
    }
}

#[test]
fn failures_are_limited_per_name_and_forgiven() {
    let (attempts, now) = (Attempts::default(), Instant::now());
    for guess in 0..PER_NAME.burst as usize {
        attempt(&attempts, user(1, guess), now, Outcome::Refused);
    }
    let next = user(1, 100);
    assert!(attempts.begin(HERE, next, now).is_err());
    assert!(is_limited(&attempts, HERE, next, now));
    assert!(
        !is_limited(&attempts, elsewhere(), next, now),
        "another address"
    );
    assert!(
        !is_limited(&attempts, HERE, user(2, 0), now),
        "another name"
    );
    assert!(!is_limited(&attempts, HERE, next, now + PER_NAME.forgiven));
}

#[test]
fn concurrent_attempts_are_limited_too() {
    let (attempts, now) = (Attempts::default(), Instant::now());
    let begin = |guess| attempts.begin(HERE, user(1, guess), now);
    let begun: Vec<_> = (0..PER_NAME.burst as usize)
        .map(|guess| begin(guess).expect("not yet too many"))
        .collect();
    assert!(begin(100).is_err());
    for attempt in begun {
        attempt.end(Outcome::Unknown);
    }
    for guess in 0..2 * PER_NAME.burst as usize {
        attempt(&attempts, user(1, guess), now, Outcome::Unknown);
    }
}

#[test]
fn an_early_cancel_counts_as_failed_and_a_late_one_does_not() {
    let (attempts, now) = (Attempts::default(), Instant::now());
    for _ in 0..2 * PER_NAME.burst {
        let mut attempt = attempts.begin(HERE, user(1, 0), now).expect("not too many");
        attempt.since = now.checked_sub(EARLY_CANCEL).expect("the clock is older");
    }
    for _ in 0..PER_NAME.burst {
        drop(attempts.begin(HERE, user(1, 0), now).expect("not too many"));
    }
    assert!(attempts.begin(HERE, user(1, 0), now).is_err());
}

#[test]
fn the_limit_of_an_address_spares_names_that_signed_in_within_a_day() {
    let (attempts, now) = (Attempts::default(), Instant::now());
    attempt(&attempts, user(1, 0), now, Outcome::SignedIn);
    spray(&attempts, now);
    // With the same password, and with another.
    for password in [0, 1] {
        assert!(!is_limited(&attempts, HERE, user(1, password), now));
        attempt(&attempts, user(1, password), now, Outcome::SignedIn);
    }
    assert!(is_limited(&attempts, HERE, user(2, 0), now));
    assert!(!is_limited(&attempts, elsewhere(), user(2, 0), now));
    let tomorrow = now + KNOWN_FOR + Duration::from_secs(1);
    spray(&attempts, tomorrow);
    assert!(is_limited(&attempts, HERE, user(1, 0), tomorrow));
}

#[test]
fn guessing_a_password_does_not_lock_its_user_out() {
    let (attempts, now) = (Attempts::default(), Instant::now());
    attempt(&attempts, user(1, 0), now, Outcome::SignedIn);
    for guess in 1..=PER_NAME.burst as usize {
        attempt(&attempts, user(1, guess), now, Outcome::Refused);
    }
    assert!(is_limited(&attempts, HERE, user(1, 100), now));
    assert!(!is_limited(&attempts, HERE, user(1, 0), now));
    // The password was changed: from now on it counts as a guess.
    attempt(&attempts, user(1, 0), now, Outcome::Refused);
    assert!(is_limited(&attempts, HERE, user(1, 0), now));
}

#[test]
fn one_name_cannot_fill_the_queue_and_known_names_do_not_count_in_it() {
    let (attempts, now) = (Attempts::default(), Instant::now());
    let enter = |subject| {
        attempts
            .enter(HERE, subject, now)
            .map(|(_, waiting)| waiting)
    };
    let mut waiting: Vec<_> = (0..MAX_WAITING_PER_NAME)
        .map(|guess| enter(user(1, guess)).expect("there is room"))
        .collect();
    assert!(enter(user(1, 1000)).is_err());
    attempt(&attempts, user(2, 0), now, Outcome::SignedIn);
    let more = MAX_WAITING_PER_ADDRESS - MAX_WAITING_PER_NAME;
    waiting.extend((0..more).map(|name| enter(user(10 + name, 0)).expect("there is room")));
    assert!(enter(user(3, 0)).is_err());
    enter(user(2, 1)).expect("a known name does not count");
    waiting.pop();
    enter(user(3, 0)).expect("there is room again");
    waiting.clear();
    let state = attempts.state();
    assert!(state.names_waiting.is_empty() && state.addresses_waiting.is_empty());
}

#[tokio::test]
async fn known_names_have_their_own_queue() {
    let attempts = Attempts::default();
    attempt(&attempts, user(1, 0), Instant::now(), Outcome::SignedIn);
    let mut slots = Vec::new();
    for name in 0..CHECKS {
        slots.push(
            attempts
                .queue(HERE, user(10 + name, 0))
                .await
                .expect("a free slot"),
        );
    }
    let waits = attempts.queue(HERE, user(2, 0));
    let waits = tokio::time::timeout(Duration::from_millis(20), waits).await;
    assert!(waits.is_err(), "all slots of unknown names are taken");
    for password in [0, 1] {
        let slot = attempts.queue(HERE, user(1, password)).await;
        slot.expect("known names have their own slots");
    }
}

#[test]
fn tables_are_bounded() {
    let (attempts, now) = (Attempts::default(), Instant::now());
    let mut state = attempts.state();
    for name in 0..PER_NAME.max_entries + 10 {
        let key = (HERE, user(name, 0).name);
        let at = now + Duration::from_micros(name as u64);
        state.of_names.add(PER_NAME, key, at);
    }
    assert_eq!(state.of_names.0.len(), PER_NAME.max_entries);
    assert!(
        !state.of_names.0.contains_key(&(HERE, user(0, 0).name)),
        "the oldest is dropped first"
    );
    let last = MAX_KNOWN / 2 + 100;
    for name in 0..=last {
        state.signed_in(&user(name, 0), now + Duration::from_micros(name as u64));
    }
    assert_eq!(state.signed_in.len(), MAX_KNOWN);
    assert!(state.signed_in.contains_key(&user(last, 0).secret));
    assert!(!state.signed_in.contains_key(&user(0, 0).secret));
}

#[test]
fn an_ipv6_network_counts_as_one_address() {
    let of = |text: &str| network(text.parse().expect("an address"));
    assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:2"));
    assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
    assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
}
