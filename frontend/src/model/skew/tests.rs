//! The offset of the clocks from a few responses.

use super::{Millis, Skew};

const HOUR: Millis = 3_600_000.0;

/// Observes a response of a gateway whose clock is `ahead`. The request is sent at the browser's time `at` and
/// takes 40 ms each way.
fn exchange(skew: &mut Skew, ahead: Millis, at: Millis) {
    let date = ((at + 40.0 + ahead) / 1000.0).floor() * 1000.0;
    skew.observe(date, at, at + 80.0);
}

#[test]
fn clocks_that_agree_are_not_corrected() {
    let mut skew = Skew::default();
    for at in [0.0, 450.0, 990.0, 7_300.0] {
        exchange(&mut skew, 0.0, 1_000_000.0 + at);
        assert!(skew.ahead().abs() < f64::EPSILON, "{at}: {}", skew.ahead());
    }
}

#[test]
fn a_fast_and_a_slow_browser_are_corrected() {
    for ahead in [-HOUR, HOUR, -2_500.0, 90_000.0] {
        let mut skew = Skew::default();
        exchange(&mut skew, ahead, 5_000_000.0);
        let error = (skew.ahead() - ahead).abs();
        assert!(
            error <= 580.0,
            "half a second plus half the round trip: {error}"
        );
        for at in [250.0, 500.0, 750.0, 875.0] {
            exchange(&mut skew, ahead, 5_000_000.0 + at);
        }
        let error = (skew.ahead() - ahead).abs();
        assert!(error <= 580.0, "{error}");
    }
}

#[test]
fn a_clock_change_is_followed() {
    let mut skew = Skew::default();
    exchange(&mut skew, 0.0, 1_000_000.0);
    exchange(&mut skew, -HOUR, 1_001_000.0 + HOUR);
    assert!((skew.ahead() + HOUR).abs() <= 580.0, "{}", skew.ahead());
    exchange(&mut skew, 0.0, 1_002_000.0);
    assert!(skew.ahead().abs() <= 580.0, "{}", skew.ahead());
}

#[test]
fn an_invalid_date_changes_nothing() {
    let mut skew = Skew::default();
    exchange(&mut skew, HOUR, 1_000_000.0);
    let before = skew.ahead();
    skew.observe(f64::NAN, 0.0, 1.0);
    // The response precedes its request: the browser's clock was set back in between.
    skew.observe(1_000_000.0, 9_000_000.0, 1_000.0);
    assert!((skew.ahead() - before).abs() < f64::EPSILON);
}
