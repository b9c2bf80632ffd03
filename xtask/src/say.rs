//! What the commands tell the person in front of the terminal: steps, times, progress.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

/// One plain line, in the place of a status.
pub(crate) fn line(text: impl AsRef<str>) {
    clear_status();
    eprintln!("{}", text.as_ref());
}

/// A line that the next one overwrites, where there is a terminal to do it on.
pub(crate) fn status(text: &str) {
    if is_terminal() {
        // Cut, since a wrapped line would not be overwritten as a whole.
        let cut: String = text.chars().take(118).collect();
        eprint!("\r\x1b[2K{cut}");
        // A status that cannot be shown is no reason to fail.
        let _ = std::io::stderr().flush();
    } else {
        eprintln!("{text}");
    }
}

/// Removes what [`status`] left.
fn clear_status() {
    if is_terminal() {
        eprint!("\r\x1b[2K");
    }
}

/// How often a status is worth showing: a log should not be filled with them.
pub(crate) fn status_interval() -> Duration {
    if is_terminal() {
        Duration::from_millis(500)
    } else {
        Duration::from_secs(15)
    }
}

fn is_terminal() -> bool {
    std::io::stderr().is_terminal()
}

/// `0.4 s`, `38 s`, `4 min 12 s`.
pub(crate) fn took(since: Instant) -> String {
    duration(since.elapsed())
}

pub(crate) fn duration(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", elapsed.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        _ => format!("{} min {:02} s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_say_them() {
        for (millis, text) in [(440, "0.4 s"), (38_900, "38 s"), (252_000, "4 min 12 s")] {
            assert_eq!(duration(Duration::from_millis(millis)), text);
        }
    }
}
