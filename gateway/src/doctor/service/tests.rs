//! What callers see of a run.

use super::*;

fn finding(step: &str, outcome: Outcome) -> Finding {
    Finding {
        endpoint: None,
        step: step.to_owned(),
        outcome,
        detail: "10.1.2.3".to_owned(),
        fix: None,
    }
}

fn response(steps: &[(&str, Outcome)], all: bool) -> DoctorResponse {
    let findings = steps.iter().map(|(step, outcome)| finding(step, *outcome));
    respond("c", &Examination::of(findings.collect()), all)
}

#[test]
fn the_furthest_failed_step_is_reported() {
    let unreachable = response(
        &[
            ("dns", Outcome::Ok),
            ("tcp", Outcome::Failed),
            ("dns", Outcome::Failed),
        ],
        false,
    );
    assert_eq!(unreachable.failed_step.as_deref(), Some("tcp"));
    assert!(!unreachable.reachable);
    let refused = response(
        &[
            ("tcp", Outcome::Failed),
            ("http2", Outcome::Ok),
            ("auth", Outcome::Failed),
            ("advertised", Outcome::Warning),
        ],
        false,
    );
    assert_eq!(refused.failed_step.as_deref(), Some("auth"));
    assert!(refused.reachable);
    assert_eq!(response(&[("http2", Outcome::Ok)], false).failed_step, None);
}

#[test]
fn only_some_callers_see_the_findings() {
    let steps = [("dns", Outcome::Ok)];
    let shown = serde_json::to_string(&response(&steps, false)).expect("serialises");
    assert!(!shown.contains("10.1.2.3"), "{shown}");
    let all = response(&steps, true).findings.expect("findings");
    assert_eq!(all, [finding("dns", Outcome::Ok)]);
}

#[test]
fn refused_credentials_see_nothing() {
    let sees = |code, has_credentials| {
        Viewer::unidentified(Failure::new(code, ""), has_credentials).is_ok()
    };
    assert!(sees(Code::Unauthenticated, false));
    assert!(!sees(Code::Unauthenticated, true));
    assert!(sees(Code::Unavailable, true) && sees(Code::Timeout, true));
    assert!(!sees(Code::RateLimited, true) && !sees(Code::BadRequest, false));
}
