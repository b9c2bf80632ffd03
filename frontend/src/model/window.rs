//! The rows of a long list that are drawn.

use std::ops::Range;

/// The visible rows of a list of `total` rows, each `row` pixels high, plus `overscan` rows on either side.
/// Never out of bounds, whatever the browser reports during overscroll.
pub(crate) fn visible(
    scroll_top: f64,
    viewport: f64,
    row: f64,
    total: usize,
    overscan: usize,
) -> Range<usize> {
    let first = (scroll_top.max(0.0) / row).floor() as usize;
    let shown = (viewport.max(0.0) / row).ceil() as usize + 1;
    let start = first.saturating_sub(overscan).min(total);
    let end = first
        .saturating_add(shown)
        .saturating_add(overscan)
        .min(total);
    start..end.max(start)
}

/// The scroll position that brings row `index` fully into view; `None` if it is already.
pub(crate) fn reveal(scroll_top: f64, viewport: f64, row: f64, index: usize) -> Option<f64> {
    let top = index as f64 * row;
    if top < scroll_top {
        Some(top)
    } else if top + row > scroll_top + viewport {
        Some((top + row - viewport).max(0.0))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_stays_in_bounds() {
        for (scroll, viewport, total, range) in [
            (0.0, 280.0, 1000, 0..15),
            (2800.0, 280.0, 1000, 96..115),
            (27_900.0, 280.0, 1000, 992..1000),
            (-50.0, 280.0, 3, 0..3),
            (9_999_999.0, 280.0, 10, 10..10),
            (0.0, 0.0, 0, 0..0),
        ] {
            assert_eq!(
                visible(scroll, viewport, 28.0, total, 4),
                range,
                "{scroll} {viewport} {total}"
            );
        }
    }

    #[test]
    fn a_row_is_revealed_by_the_least_scrolling() {
        for (scroll, index, to) in [
            (0.0, 3, None),
            (280.0, 3, Some(84.0)),
            (0.0, 20, Some(308.0)),
        ] {
            assert_eq!(reveal(scroll, 280.0, 28.0, index), to, "{scroll} {index}");
        }
    }
}
