//! Parsing of the gateway's RFC 3339 times.

use crate::model::live::Millis;

/// Milliseconds since the Unix epoch of a time such as `2026-11-21T09:18:06.250Z`; UTC only.
pub(super) fn parse(text: &str) -> Option<Millis> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let mut date = date.splitn(3, '-').map(str::parse::<i64>);
    let (year, month, day) = (date.next()?.ok()?, date.next()?.ok()?, date.next()?.ok()?);
    let mut time = time.splitn(3, ':');
    let (hours, minutes) = (
        time.next()?.parse::<u32>().ok()?,
        time.next()?.parse::<u32>().ok()?,
    );
    let seconds: f64 = time.next()?.parse().ok()?;
    let plausible = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hours < 24
        && minutes < 60
        && (0.0..61.0).contains(&seconds);
    plausible.then(|| {
        let minutes = (days(year, month, day) * 24 + i64::from(hours)) * 60 + i64::from(minutes);
        minutes as f64 * 60_000.0 + seconds * 1000.0
    })
}

/// Days since 1970-01-01 in the Gregorian calendar. Years are counted from March, so that a leap day is the
/// last day of a year.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn times_are_parsed_to_the_millisecond() {
        for (text, millis) in [
            ("1970-01-01T00:00:00Z", 0.0),
            ("2000-02-29T12:00:00Z", 951_825_600_000.0),
            ("2026-11-21T09:18:06.250Z", 1_795_252_686_250.0),
            ("2026-11-21T09:18:06.250123456Z", 1_795_252_686_250.123_5),
        ] {
            assert!(
                (parse(text).expect("a time") - millis).abs() < 0.001,
                "{text}"
            );
        }
    }

    #[test]
    fn invalid_times_are_none() {
        for text in [
            "",
            "Z",
            "2026-11-21",
            "2026-13-01T00:00:00Z",
            "2026-11-21T25:00:00Z",
            "now",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
