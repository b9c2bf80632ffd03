use super::{Line, Link, Step};

#[test]
fn silence_is_death_and_failures_back_off() {
    let mut line = Line::default();
    assert_eq!(line.dial(0.0), Some(Step::Connect));
    line.connected(0.0);
    line.heard(1000.0);
    assert_eq!(line.tick(30_999.0, 1.0), None);
    assert_eq!(line.tick(31_000.0, 1.0), Some(Step::Drop));
    assert_eq!(
        line.link(),
        Link::Waiting {
            until: 31_250.0,
            failures: 1
        }
    );
    assert_eq!(line.tick(31_249.0, 1.0), None);
    assert_eq!(line.tick(31_250.0, 1.0), Some(Step::Connect));
    line.lost(31_251.0, 1.0);
    assert_eq!(
        line.link(),
        Link::Waiting {
            until: 31_751.0,
            failures: 2
        }
    );
}

#[test]
fn an_attempt_that_hangs_is_given_up() {
    let mut line = Line::default();
    line.dial(0.0);
    assert_eq!(line.tick(9_999.0, 0.0), None);
    assert_eq!(line.tick(10_000.0, 0.0), Some(Step::Drop));
}

#[test]
fn a_connection_that_never_speaks_does_not_end_the_row_of_failures() {
    let mut line = Line::default();
    line.dial(0.0);
    for _ in 0..3 {
        line.connected(0.0);
        line.lost(0.0, 1.0);
        line.dial(0.0);
    }
    line.lost(0.0, 1.0);
    assert_eq!(
        line.link(),
        Link::Waiting {
            until: 2000.0,
            failures: 4
        }
    );
}

#[test]
fn the_network_coming_back_ends_the_waiting() {
    let mut line = Line::default();
    line.dial(0.0);
    line.lost(0.0, 1.0);
    assert_eq!(line.dial(1.0), Some(Step::Connect));
    assert_eq!(line.dial(2.0), None, "one socket at a time");
}
