//! The terminal output of the commands: steps, times, progress.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

/// Prints a plain line in place of the status.
pub(crate) fn line(text: impl AsRef<str>) {
    clear_status();
    eprintln!("{}", text.as_ref());
}

/// Prints a status line that the next one overwrites, if stderr is a terminal.
pub(crate) fn status(text: &str) {
    if is_terminal() {
        // Truncated, since a wrapped line would not be overwritten completely.
        let cut: String = text.chars().take(118).collect();
        eprint!("\r\x1b[2K{cut}");
        // Failing to show a status is not an error.
        let _ = std::io::stderr().flush();
    } else {
        eprintln!("{text}");
    }
}

/// Clears the line of [`status`].
fn clear_status() {
    if is_terminal() {
        eprint!("\r\x1b[2K");
    }
}

/// The interval between status lines: longer in a log, so as not to fill it.
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
    fn durations_are_readable() {
        for (millis, text) in [(440, "0.4 s"), (38_900, "38 s"), (252_000, "4 min 12 s")] {
            assert_eq!(duration(Duration::from_millis(millis)), text);
        }
    }
}
