//! The rows of a panel that are drawn, where opened rows are higher than the rest.

use std::ops::Range;

/// The drawn part of a list.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct VisibleRows {
    /// The rows.
    pub(crate) range: Range<usize>,
    /// Height above the first of these rows, in pixels.
    pub(crate) top: f64,
    /// Height of the whole list, in pixels.
    pub(crate) height: f64,
}

/// The visible part of a list of `total` rows of `row` pixels in a viewport, plus `overscan` pixels on either side.
/// `open` lists the opened rows in ascending order, each with its additional height.
pub(crate) fn visible_rows(
    total: usize,
    row: f64,
    open: &[(usize, f64)],
    scroll_top: f64,
    viewport: f64,
    overscan: f64,
) -> VisibleRows {
    let extra: f64 = open.iter().map(|(_, more)| more).sum();
    let height = total as f64 * row + extra;
    let from = (scroll_top - overscan).clamp(0.0, height);
    let to = (scroll_top.max(0.0) + viewport.max(0.0) + overscan).clamp(0.0, height);
    let (start, top) = at(total, row, open, from);
    let (last, _) = at(total, row, open, to);
    VisibleRows {
        range: start..(last + 1).min(total).max(start),
        top,
        height,
    }
}

/// The top of a row, in pixels.
pub(crate) fn top_of(index: usize, row: f64, open: &[(usize, f64)]) -> f64 {
    let above = open
        .iter()
        .filter(|(at, _)| *at < index)
        .map(|(_, more)| more)
        .sum::<f64>();
    index as f64 * row + above
}

/// The row at `y`, and its top.
fn at(total: usize, row: f64, open: &[(usize, f64)], y: f64) -> (usize, f64) {
    let mut shift = 0.0;
    for &(index, more) in open {
        let top = index as f64 * row + shift;
        if y < top + row {
            break;
        }
        if y < top + row + more {
            return (index, top);
        }
        shift += more;
    }
    let index = (((y - shift) / row).floor().max(0.0) as usize).min(total);
    (index, index as f64 * row + shift)
}

#[cfg(test)]
mod tests {
    use super::{top_of, visible_rows};

    fn check(open: &[(usize, f64)], scroll: f64, range: std::ops::Range<usize>, top: f64) {
        let visible = visible_rows(100, 28.0, open, scroll, 280.0, 0.0);
        assert_eq!(
            (visible.range, visible.top),
            (range, top),
            "{open:?} {scroll}"
        );
    }

    #[test]
    fn opened_rows_shift_the_visible_range() {
        check(&[], 0.0, 0..11, 0.0);
        check(&[], 2800.0, 100..100, 2800.0);
        check(&[], 9999.0, 100..100, 2800.0);
        check(&[(2, 100.0)], 0.0, 0..7, 0.0);
        check(&[(2, 100.0)], 60.0, 2..9, 56.0);
        check(&[(2, 100.0)], 183.0, 2..13, 56.0);
        check(&[(2, 100.0)], 184.0, 3..14, 184.0);
        check(&[(0, 400.0), (1, 400.0)], 430.0, 1..2, 428.0);
        check(&[], -50.0, 0..11, 0.0);
    }

    #[test]
    fn opened_rows_shift_the_rows_below_them() {
        let open = [(1, 50.0), (3, 10.0)];
        // Whole pixels, so that numbers can be compared exactly.
        let tops = [0, 1, 2, 3, 4].map(|index| top_of(index, 28.0, &open) as u32);
        assert_eq!(tops, [0, 28, 106, 134, 172]);
    }

    #[test]
    fn the_height_includes_opened_rows() {
        assert!(
            (visible_rows(3, 28.0, &[(1, 50.0)], 0.0, 0.0, 0.0).height - 134.0).abs()
                < f64::EPSILON
        );
        assert_eq!(visible_rows(0, 28.0, &[], 0.0, 500.0, 100.0).range, 0..0);
    }
}
