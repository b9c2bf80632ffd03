//! The last part of etcd's stderr, bounded.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// Bytes kept: only the end of the output.
const KEPT: usize = 16 << 10;
/// Lines shown.
const SHOWN: usize = 20;

/// The end of etcd's output. Cheap to clone; clones share the buffer.
#[derive(Clone, Debug, Default)]
pub(super) struct Output {
    kept: Arc<Mutex<Vec<u8>>>,
}

impl Output {
    /// Reads until the pipe is closed.
    pub(super) async fn collect(self, mut from: impl AsyncRead + Unpin) {
        let mut chunk = vec![0; 4 << 10];
        while let Ok(read @ 1..) = from.read(&mut chunk).await {
            self.push(&chunk[..read]);
        }
    }

    fn push(&self, bytes: &[u8]) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend_from_slice(bytes);
        if let Some(surplus @ 1..) = kept.len().checked_sub(KEPT) {
            // The partial line at the cut is dropped too.
            let torn = kept[surplus..].iter().position(|byte| *byte == b'\n');
            kept.drain(..surplus + torn.map_or(0, |at| at + 1));
        }
    }

    /// The last lines.
    pub(super) fn tail(&self) -> String {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&kept);
        let lines: Vec<&str> = text
            .lines()
            .filter(|line| !line.trim().is_empty())
            .collect();
        if lines.is_empty() {
            return "(nothing)".to_owned();
        }
        lines[lines.len().saturating_sub(SHOWN)..].join("\n")
    }

    /// Whether another program took a port between our choice and etcd's start.
    pub(super) fn port_was_taken(&self) -> bool {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&kept).contains("address already in use")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_tail_is_bounded_and_starts_with_a_complete_line() {
        let output = Output::default();
        let lines: Vec<String> = (0..10_000).map(|n| format!("line {n}")).collect();
        let written = lines.join("\n") + "\n";
        output.clone().collect(written.as_bytes()).await;
        let tail = output.tail();
        assert_eq!(tail.lines().count(), SHOWN);
        assert!(tail.starts_with("line 9980\n") && tail.ends_with("line 9999"));
        assert!(output.kept.lock().expect("not poisoned").len() <= KEPT);
    }

    #[test]
    fn empty_output_is_reported_as_nothing() {
        assert_eq!(Output::default().tail(), "(nothing)");
    }

    #[test]
    fn a_long_line_is_truncated() {
        let output = Output::default();
        output.push(&vec![b'x'; KEPT + 10]);
        assert_eq!(output.tail().len(), KEPT);
    }
}
