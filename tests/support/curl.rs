//! curl, for tests of what happens when the client's process ends.

use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use crate::{Client, DEADLINE};

/// A running curl; it is killed when dropped.
#[derive(Debug)]
pub struct Curl {
    child: Child,
    output: Lines<BufReader<ChildStdout>>,
}

impl Curl {
    /// Starts `curl -N` with a path and further arguments.
    pub fn start(api: &Client, path: &str, arguments: &[&str]) -> Self {
        let mut child = Command::new("curl")
            .args(["-sN"])
            .args(arguments)
            .arg(format!("http://{}{}", api.address(), api.path(path)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("every system has curl");
        let output = child.stdout.take().expect("stdout is piped");
        Self {
            child,
            output: BufReader::new(output).lines(),
        }
    }

    /// The next line of output, as JSON; `None` once curl has ended.
    pub async fn next(&mut self) -> Option<Value> {
        let line = timeout(DEADLINE, self.output.next_line()).await;
        let line = line
            .expect("curl prints a line in time")
            .expect("a pipe can be read")?;
        Some(serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}")))
    }

    /// The next line, which must be a message of this type.
    pub async fn expect_type(&mut self, kind: &str) -> Value {
        let message = self.next().await.expect("curl is still running");
        assert_eq!(message["type"], kind, "{message}");
        message
    }

    /// Kills curl with SIGKILL.
    pub async fn kill(&mut self) {
        self.child.kill().await.expect("curl is running");
    }

    /// Waits until curl ends; returns its exit code.
    pub async fn wait_for_end(&mut self) -> Option<i32> {
        let ended = timeout(DEADLINE, self.child.wait()).await;
        let ended = ended.expect("curl ends in time");
        ended.expect("a child can be waited for").code()
    }
}
