//! What is kept of an hour, and the numbers computed from it.

use shared::SamplingProblemCode;

use super::*;

const START: i64 = 1_764_000_000_000;

#[expect(clippy::unnecessary_wraps, reason = "`Series::add` takes a result")]
fn at_revision(revision: i64) -> Result<Taken, SamplingProblem> {
    Ok(Taken {
        revision: Some(revision),
        ..Taken::default()
    })
}

fn speeds(series: &mut Series, now: i64) -> Vec<Option<f64>> {
    let response = series.response("c", now, None);
    let speeds = response.samples.iter();
    speeds.map(|sample| sample.revisions_per_second).collect()
}

#[test]
fn the_speed_is_that_since_the_sample_before() {
    let mut series = Series::default();
    for (at, revision) in [
        (0, 100),
        (10_000, 150),
        (20_000, 150),
        (30_000, 1),
        (40_000, 2),
    ] {
        series.add(START + at, at_revision(revision));
    }
    // After a gap the number of revisions is known, but not when they were made.
    series.add(START + 80_000, at_revision(50));
    let expected = [None, Some(5.0), Some(0.0), None, Some(0.1), None];
    assert_eq!(speeds(&mut series, START + 80_000), expected);
}

#[test]
fn an_hour_of_samples_is_kept() {
    let mut series = Series::default();
    for n in 0..1_000 {
        series.add(START + n * STEP, at_revision(n));
    }
    let now = START + 999 * STEP;
    let all = series.response("c", now, None);
    assert_eq!(all.samples.len(), MAX_SAMPLES);
    assert_eq!(
        all.samples.first().map(|first| first.at),
        Some(now - WINDOW)
    );
    let since = series.response("c", now, Some(now - 2 * STEP));
    let revisions: Vec<_> = since.samples.iter().map(|one| one.revision).collect();
    assert_eq!(revisions, [Some(998), Some(999)]);
    // Nothing is left an hour later, and a clock set back leaves no sample of the future.
    assert!(
        series
            .response("c", now + WINDOW + 1, None)
            .samples
            .is_empty()
    );
    series.add(START, at_revision(1));
    series.add(START - 500, at_revision(2));
    let kept = series.response("c", START, None).samples;
    assert_eq!((kept.len(), kept[0].at), (1, START - 500));
}

#[test]
fn a_problem_is_shown_until_a_sample_is_taken() {
    let mut series = Series::default();
    series.add(START, at_revision(1));
    let problem = SamplingProblem {
        code: SamplingProblemCode::Unreachable,
        detail: "gone".to_owned(),
        fix: None,
    };
    series.add(START + STEP, Err(problem.clone()));
    let response = series.response("c", START + STEP, None);
    assert_eq!(
        (response.samples.len(), response.problem),
        (1, Some(problem))
    );
    series.add(START + 2 * STEP, at_revision(1));
    assert_eq!(series.response("c", START + 2 * STEP, None).problem, None);
}

#[test]
fn many_leases_are_counted_once_a_minute() {
    let mut series = Series::default();
    assert!(series.wants_leases() && series.wants_leases());
    let many = Taken {
        leases: Some(MANY_LEASES + 1),
        ..Taken::default()
    };
    series.add(START, Ok(many));
    let wanted: Vec<bool> = (0..7).map(|_| series.wants_leases()).collect();
    assert_eq!(wanted, [false, false, false, false, false, true, false]);
}
