use super::{Backoff, DialAction, Dialer, LinkState};

#[test]
fn a_silent_socket_is_dropped_and_failures_back_off() {
    let mut dialer = Dialer::default();
    assert_eq!(dialer.dial(0.0), Some(DialAction::Connect));
    dialer.on_connect(0.0);
    dialer.on_message(1000.0);
    assert_eq!(dialer.tick(30_999.0, 1.0), None);
    assert_eq!(dialer.tick(31_000.0, 1.0), Some(DialAction::Drop));
    assert_eq!(
        dialer.state(),
        LinkState::Waiting {
            until: 31_250.0,
            failures: 1
        }
    );
    assert_eq!(dialer.tick(31_249.0, 1.0), None);
    assert_eq!(dialer.tick(31_250.0, 1.0), Some(DialAction::Connect));
    dialer.on_loss(31_251.0, 1.0);
    assert_eq!(
        dialer.state(),
        LinkState::Waiting {
            until: 31_751.0,
            failures: 2
        }
    );
}

#[test]
fn a_connection_attempt_times_out() {
    let mut dialer = Dialer::default();
    dialer.dial(0.0);
    assert_eq!(dialer.tick(9_999.0, 0.0), None);
    assert_eq!(dialer.tick(10_000.0, 0.0), Some(DialAction::Drop));
}

#[test]
fn a_connection_without_messages_does_not_reset_the_back_off() {
    let mut dialer = Dialer::default();
    dialer.dial(0.0);
    for _ in 0..3 {
        dialer.on_connect(0.0);
        dialer.on_loss(0.0, 1.0);
        dialer.dial(0.0);
    }
    dialer.on_loss(0.0, 1.0);
    assert_eq!(
        dialer.state(),
        LinkState::Waiting {
            until: 2000.0,
            failures: 4
        }
    );
}

#[test]
fn a_restored_network_reconnects_immediately() {
    let mut dialer = Dialer::default();
    dialer.dial(0.0);
    dialer.on_loss(0.0, 1.0);
    assert_eq!(dialer.dial(1.0), Some(DialAction::Connect));
    assert_eq!(dialer.dial(2.0), None, "one socket at a time");
}

#[test]
fn delays_double_up_to_ten_seconds() {
    let mut backoff = Backoff::default();
    let delays: Vec<f64> = (0..8).map(|_| backoff.next(1.0)).collect();
    assert_eq!(
        delays,
        [
            250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0, 10_000.0, 10_000.0
        ]
    );
    backoff.reset();
    assert!((backoff.next(0.0) - 125.0).abs() < f64::EPSILON);
}

#[test]
fn a_month_of_failures_does_not_overflow() {
    let mut backoff = Backoff { failures: u32::MAX };
    assert!((backoff.next(1.0) - 10_000.0).abs() < f64::EPSILON);
}

#[test]
fn a_paused_connection_is_not_retried_until_it_is_dialled() {
    let mut dialer = Dialer::default();
    dialer.dial(0.0);
    dialer.on_connect(10.0);
    dialer.pause();
    assert_eq!(dialer.state(), LinkState::Idle);
    assert_eq!(dialer.tick(1_000_000.0, 1.0), None);
    assert_eq!(dialer.dial(1_000_001.0), Some(DialAction::Connect));
    assert_eq!(dialer.tick(1_000_002.0, 1.0), None);
}
