//! What ends with a session, and the bound of the list.

use super::*;
use crate::etcd::{Credentials, Secret};

fn claims(id: usize, issued: u64) -> Claims {
    Claims {
        id: id.to_string(),
        cluster: String::new(),
        credentials: Credentials {
            name: String::new(),
            password: Secret::new(""),
        },
        issued,
        used: issued,
        secure: false,
    }
}

#[tokio::test]
async fn ending_a_session_ends_its_streams_and_no_others() {
    let mut ends = Ends::default();
    let (one, two) = (claims(1, 100), claims(2, 100));
    let (first, again) = (ends.signal(&one, 100), ends.signal(&one, 100));
    let other = ends.signal(&two, 100);
    ends.end(&one, EndReason::SignedOut, 100);
    ends.end(&one, EndReason::Refused, 100);
    assert_eq!(first.wait().await, EndReason::SignedOut);
    assert_eq!(again.wait().await, EndReason::SignedOut);
    assert_eq!(ends.reason(&one), Some(EndReason::SignedOut));
    assert_eq!((other.reason(), ends.reason(&two)), (None, None));
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_at_the_absolute_limit() {
    let mut ends = Ends::default();
    let begun = Instant::now();
    let end = ends.signal(&claims(1, 100), 100 + 3600);
    assert_eq!(end.wait().await, EndReason::TooOld);
    let passed = begun.elapsed().as_secs();
    assert_eq!(passed, ABSOLUTE_LIMIT - 3600);
}

#[tokio::test]
async fn the_list_is_bounded_and_forgets_no_session() {
    let mut ends = Ends::default();
    for id in 0..MAX_ENDED {
        ends.end(&claims(id, 1000 + id as u64), EndReason::SignedOut, 2000);
    }
    // The next one replaces the oldest, which is still refused, as is any session of its time.
    let next = claims(MAX_ENDED, 500_000);
    ends.end(&next, EndReason::SignedOut, 2000);
    assert_eq!(ends.ended.len(), MAX_ENDED);
    for refused in [claims(0, 1000), claims(7, 1007), next.clone()] {
        assert!(ends.reason(&refused).is_some(), "{refused:?}");
    }
    assert_eq!(ends.reason(&claims(MAX_ENDED + 1, 1001)), None);
    // A day later those that would have ended anyway are dropped first.
    let later = 1000 + ABSOLUTE_LIMIT + 40_000;
    ends.end(&claims(MAX_ENDED + 2, later), EndReason::Refused, later);
    assert!(ends.ended.len() < MAX_ENDED / 2, "{}", ends.ended.len());
    assert_eq!(ends.ended_up_to, 1000);
}

#[test]
fn sessions_that_are_no_longer_in_use_are_dropped() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    let _entered = runtime.expect("a runtime");
    let mut ends = Ends::default();
    for id in 0..10_000 {
        drop(ends.signal(&claims(id, 100), 100));
    }
    assert!(ends.in_use.len() <= PRUNE_FROM, "{}", ends.in_use.len());
}
