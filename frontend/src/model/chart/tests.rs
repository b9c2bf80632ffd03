use super::*;

const FRAME: Frame = Frame {
    width: 100.0,
    height: 50.0,
    from: 1_000.0,
    to: 11_000.0,
    top: 10.0,
};

#[test]
fn an_axis_ends_at_a_round_number() {
    for (largest, units, end) in [
        (0.0, Units::Count, 2.0),
        (1.0, Units::Count, 2.0),
        (3.0, Units::Count, 4.0),
        (350.0, Units::Count, 400.0),
        (1_000.0, Units::Count, 1_000.0),
        (1_001.0, Units::Count, 2_000.0),
        (0.0, Units::Rate, 1.0),
        (12.5, Units::Rate, 20.0),
        (0.0, Units::Bytes, 1_024.0),
        (24_576.0, Units::Bytes, 40.0 * 1_024.0),
        (1_048_576.0, Units::Bytes, 1_048_576.0),
        (2_147_483_648.0, Units::Bytes, 2_147_483_648.0),
    ] {
        assert!(
            (axis_end(largest, units) - end).abs() < end * 1e-9,
            "{largest} {units:?}: {}",
            axis_end(largest, units)
        );
    }
}

#[test]
fn a_line_is_interrupted_where_values_are_missing() {
    let points = [
        (1_000.0, Some(0.0)),
        (2_000.0, Some(10.0)),
        (3_000.0, None),
        (4_000.0, Some(5.0)),
        (9_000.0, Some(5.0)),
        (11_000.0, Some(20.0)),
    ];
    assert_eq!(
        FRAME.line(&points, 2_000.0),
        "M0.0 50.0L10.0 0.0M30.0 25.0h.1M80.0 25.0L100.0 0.0"
    );
    assert_eq!(
        FRAME.area(&points, 2_000.0),
        "M0.0 50.0L10.0 0.0L10.0 50L0.0 50ZM80.0 25.0L100.0 0.0L100.0 50L80.0 50Z"
    );
    assert_eq!(FRAME.line(&[(0.0, Some(1.0))], 2_000.0), "");
}

#[test]
fn the_cursor_snaps_to_the_nearest_time() {
    let points = [(1.0, Some(4.0)), (2.0, None), (4.0, Some(8.0))];
    let times = || points.iter().map(|(at, _)| *at);
    assert_eq!(nearest(times(), 3.2), Some(4.0));
    assert_eq!(nearest(times(), -9.0), Some(1.0));
    assert_eq!(nearest(std::iter::empty(), 1.0), None);
    assert_eq!(value_at(&points, 4.0), Some(8.0));
    assert_eq!(value_at(&points, 2.0), None);
    assert_eq!(value_at(&points, 3.0), None);
    assert_eq!(latest(&points), Some(8.0));
    assert_eq!(largest(&points), Some(8.0));
    assert_eq!(latest(&points[..2]), None);
}
