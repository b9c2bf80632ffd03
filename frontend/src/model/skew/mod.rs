//! The offset of the gateway's clock from the browser's, derived from the `Date` of its responses.

use super::live::Millis;

/// `Date` has whole seconds, rounded down.
const RESOLUTION: Millis = 1000.0;

/// The known offset of the two clocks. Each response bounds it to about a second; the bounds of
/// several responses together are narrower.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Skew {
    bounds: Option<(Millis, Millis)>,
    ahead: Millis,
}

impl Skew {
    /// Updates the offset by the `Date` of a response whose request was sent at `sent` and whose head was received at
    /// `received`, both by the browser's clock.
    pub(crate) fn observe(&mut self, date: Millis, sent: Millis, received: Millis) {
        let (low, high) = (date - received, date + RESOLUTION - sent);
        if low.is_nan() || high < low {
            // No date, or the browser's clock was set back while the request was in flight.
            return;
        }
        let narrowed = self
            .bounds
            .map(|bounds| (bounds.0.max(low), bounds.1.min(high)));
        // Contradicting bounds mean that a clock was set meanwhile, or has drifted.
        let bounds = narrowed.filter(|(low, high)| low <= high);
        let (low, high) = bounds.unwrap_or((low, high));
        self.bounds = Some((low, high));
        // A value within the bounds is kept: displayed times should not jump, and most clocks agree.
        if !(low..=high).contains(&self.ahead) {
            self.ahead = f64::midpoint(low, high);
        }
    }

    /// Milliseconds to add to the browser's time to get the gateway's. Negative if the browser's clock is
    /// ahead; 0 until the clocks are known to differ.
    pub(crate) fn ahead(self) -> Millis {
        self.ahead
    }
}

#[cfg(test)]
mod tests;
