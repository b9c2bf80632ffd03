//! The time limits of a session: when the page warns, and when it renews the session.

use super::Millis;

/// How long before the end the page warns.
const WARNING_MS: Millis = 120_000.0;

/// How often a session is renewed while the user is active. The gateway renews it with any request of an active
/// user; this one is for a page that sends none.
const RENEWAL_MS: Millis = 300_000.0;

/// When a session ends, in the gateway's time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Limits {
    /// If no request renews it.
    pub(crate) idle: Millis,
    /// However active it is.
    pub(crate) absolute: Millis,
}

/// A session that is about to end, with the seconds left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Since the user was idle; it can still be renewed.
    Idle(i64),
    /// Since it has lasted for as long as a session may.
    Absolute(i64),
}

impl Limits {
    /// What to warn of at a time of the gateway's clock.
    pub(crate) fn ending(self, now: Millis) -> Option<Ending> {
        let left = |end: Millis| {
            let left = end - now;
            (left <= WARNING_MS).then(|| (left.max(0.0) / 1000.0).ceil() as i64)
        };
        match left(self.absolute) {
            Some(seconds) => Some(Ending::Absolute(seconds)),
            None => left(self.idle).map(Ending::Idle),
        }
    }

    /// Whether the session is over at a time of the gateway's clock.
    pub(crate) fn is_over(self, now: Millis) -> bool {
        now >= self.idle.min(self.absolute)
    }
}

/// When a session was last renewed, and when the user was last active; in the browser's time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Renewal {
    pub(crate) renewed: Millis,
    pub(crate) active: Millis,
    /// Whether the tab is visible.
    pub(crate) visible: bool,
}

impl Renewal {
    /// Whether the page should renew the session: the user was active since the last time, and that was long ago
    /// or the session is about to end.
    pub(crate) fn is_due(self, now: Millis, ending: Option<Ending>) -> bool {
        let ends = matches!(ending, Some(Ending::Idle(_)));
        self.visible && self.active > self.renewed && (ends || now - self.renewed >= RENEWAL_MS)
    }
}

#[cfg(test)]
mod tests {
    use super::{Ending, Limits, Renewal};

    const MINUTE: f64 = 60_000.0;

    #[test]
    fn the_page_warns_two_minutes_before_the_end() {
        let limits = Limits {
            idle: 480.0 * MINUTE,
            absolute: 1440.0 * MINUTE,
        };
        for (now, ending) in [
            (0.0, None),
            (477.9 * MINUTE, None),
            (478.0 * MINUTE, Some(Ending::Idle(120))),
            (479.5 * MINUTE, Some(Ending::Idle(30))),
            (481.0 * MINUTE, Some(Ending::Idle(0))),
            (1439.0 * MINUTE, Some(Ending::Absolute(60))),
        ] {
            assert_eq!(limits.ending(now), ending, "{now}");
        }
        assert!(!limits.is_over(479.9 * MINUTE));
        assert!(limits.is_over(480.0 * MINUTE));
    }

    #[test]
    fn only_an_active_user_of_a_visible_tab_renews() {
        let renewal = Renewal {
            renewed: 10.0 * MINUTE,
            active: 12.0 * MINUTE,
            visible: true,
        };
        let idle = Some(Ending::Idle(90));
        let absolute = Some(Ending::Absolute(90));
        assert!(!renewal.is_due(14.9 * MINUTE, None));
        assert!(renewal.is_due(15.0 * MINUTE, None));
        assert!(renewal.is_due(12.1 * MINUTE, idle));
        // Nothing renews a session beyond its absolute limit.
        assert!(!renewal.is_due(12.1 * MINUTE, absolute));
        let hidden = Renewal {
            visible: false,
            ..renewal
        };
        let away = Renewal {
            active: 9.0 * MINUTE,
            ..renewal
        };
        for renewal in [hidden, away] {
            assert!(!renewal.is_due(60.0 * MINUTE, None), "{renewal:?}");
            assert!(!renewal.is_due(60.0 * MINUTE, idle), "{renewal:?}");
        }
    }
}
