//! Formatting of numbers, sizes, times and keys. Ids are never grouped, so they are not formatted here.

use super::Lang;

pub(crate) use super::key_text::display as key;

/// A count with grouped thousands: `48,217`.
pub(crate) fn count(n: i64) -> String {
    let digits = n.unsigned_abs().to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if n < 0 {
        out.push('-');
    }
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A size in bytes: `412 B`, `1.4 MiB`.
pub(crate) fn size(bytes: i64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{} B", count(bytes));
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = UNITS[0];
    for larger in &UNITS[1..] {
        // 1,023.95 would be printed as 1024.0.
        if value < 1023.95 {
            break;
        }
        value /= 1024.0;
        unit = larger;
    }
    if value < 99.95 {
        format!("{value:.1} {unit}")
    } else {
        format!("{value:.0} {unit}")
    }
}

/// A duration of whole seconds in its two largest units: `43 s`, `4 m 12 s`, `2 h 14 m`, `3 d 4 h`.
pub(crate) fn span(seconds: i64, lang: Lang) -> String {
    let [d, h, m, s] = match lang {
        Lang::En => ["d", "h", "m", "s"],
        Lang::Zh => ["天", "小时", "分", "秒"],
    };
    let total = seconds.max(0);
    let (days, hours, minutes, rest) = (
        total / 86_400,
        total / 3600 % 24,
        total / 60 % 60,
        total % 60,
    );
    if days > 0 {
        format!("{} {d} {hours} {h}", count(days))
    } else if hours > 0 {
        format!("{hours} {h} {minutes:02} {m}")
    } else if minutes > 0 {
        format!("{minutes} {m} {rest:02} {s}")
    } else {
        format!("{rest} {s}")
    }
}

/// The time of day, `14:02:31`. `unix_ms` is in milliseconds since 1970 UTC; `offset` is the result of JavaScript's
/// `getTimezoneOffset`: minutes by which local time is behind UTC.
pub(crate) fn clock(unix_ms: f64, offset: f64) -> String {
    let seconds = ((unix_ms / 1000.0 - offset * 60.0).floor() as i64).rem_euclid(86_400);
    format!(
        "{:02}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped() {
        for (n, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (48_217, "48,217"),
            (-1_234_567, "-1,234,567"),
        ] {
            assert_eq!(count(n), text);
        }
        assert_eq!(count(i64::MIN), "-9,223,372,036,854,775,808");
    }

    #[test]
    fn sizes_have_a_unit() {
        for (bytes, text) in [
            (0, "0 B"),
            (412, "412 B"),
            (1023, "1,023 B"),
            (1024, "1.0 KiB"),
            (1_468_006, "1.4 MiB"),
            (1_048_575, "1.0 MiB"),
            (200 << 20, "200 MiB"),
        ] {
            assert_eq!(size(bytes), text, "{bytes}");
        }
    }

    #[test]
    fn spans_show_two_units() {
        for (seconds, en, zh) in [
            (-1, "0 s", "0 秒"),
            (43, "43 s", "43 秒"),
            (252, "4 m 12 s", "4 分 12 秒"),
            (8040, "2 h 14 m", "2 小时 14 分"),
            (273_600, "3 d 4 h", "3 天 4 小时"),
        ] {
            assert_eq!(span(seconds, Lang::En), en);
            assert_eq!(span(seconds, Lang::Zh), zh);
        }
    }

    #[test]
    fn the_time_of_day_is_in_the_local_time_zone() {
        assert_eq!(clock(0.0, 0.0), "00:00:00");
        assert_eq!(clock(1_000.0, -480.0), "08:00:01");
        assert_eq!(clock(0.0, 60.0), "23:00:00");
    }
}
