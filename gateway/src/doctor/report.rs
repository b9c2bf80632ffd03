//! The findings, one per line: plain text, or JSON objects.

use std::io::{Result, Write};

use serde::Serialize;

/// The result of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    Ok,
    Note,
    Warning,
    Failed,
}

#[derive(Serialize)]
struct Finding<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    cluster: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint: Option<&'a str>,
    step: &'a str,
    outcome: Outcome,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<&'a str>,
}

/// Writes each finding at once.
pub(super) struct Report<'a> {
    out: &'a mut (dyn Write + Send),
    json: bool,
    cluster: String,
    endpoint: Option<String>,
    failed: bool,
}

impl<'a> Report<'a> {
    pub(super) fn new(out: &'a mut (dyn Write + Send), json: bool) -> Self {
        Self {
            out,
            json,
            cluster: String::new(),
            endpoint: None,
            failed: false,
        }
    }

    /// Whether nothing has failed.
    pub(super) fn passed(&self) -> bool {
        !self.failed
    }

    /// Starts the findings about a cluster or one of its endpoints.
    pub(super) fn begin(&mut self, cluster: &str, endpoint: Option<&str>) -> Result<()> {
        cluster.clone_into(&mut self.cluster);
        self.endpoint = endpoint.map(str::to_owned);
        match endpoint {
            _ if self.json => Ok(()),
            Some(endpoint) => writeln!(self.out, "{cluster} at {endpoint}"),
            None if cluster.is_empty() => writeln!(self.out, "this gateway"),
            None => writeln!(self.out, "{cluster}"),
        }
    }

    /// The step passed.
    pub(super) fn ok(&mut self, step: &str, detail: &str) -> Result<()> {
        self.write(step, Outcome::Ok, detail, None)
    }

    /// Information; not a fault.
    pub(super) fn note(&mut self, step: &str, detail: &str, fix: &str) -> Result<()> {
        self.write(step, Outcome::Note, detail, Some(fix))
    }

    /// The step works, but its configuration should be changed.
    pub(super) fn warn(&mut self, step: &str, detail: &str, fix: Option<&str>) -> Result<()> {
        self.write(step, Outcome::Warning, detail, fix)
    }

    /// The step failed.
    pub(super) fn failed(&mut self, step: &str, detail: &str, fix: &str) -> Result<()> {
        self.failed = true;
        self.write(step, Outcome::Failed, detail, Some(fix))
    }

    fn write(
        &mut self,
        step: &str,
        outcome: Outcome,
        detail: &str,
        fix: Option<&str>,
    ) -> Result<()> {
        if self.json {
            let finding = Finding {
                cluster: &self.cluster,
                endpoint: self.endpoint.as_deref(),
                step,
                outcome,
                detail,
                fix,
            };
            let line = serde_json::to_string(&finding)?;
            return writeln!(self.out, "{line}");
        }
        let mark = match outcome {
            Outcome::Ok => "ok",
            Outcome::Note => "note",
            Outcome::Warning => "warn",
            Outcome::Failed => "FAIL",
        };
        writeln!(self.out, "  {mark:<5}{step:<12}{detail}")?;
        match fix {
            Some(fix) => writeln!(self.out, "       {:<12}{fix}", "→"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_followed_by_its_fix() {
        let mut text = Vec::new();
        let mut report = Report::new(&mut text, false);
        report.begin("prod", Some("http://a:2379")).expect("writes");
        report.ok("dns", "10.0.0.1").expect("writes");
        assert!(report.passed());
        report.failed("tcp", "refused", "start it").expect("writes");
        assert!(!report.passed());
        assert_eq!(
            String::from_utf8(text).expect("text"),
            "prod at http://a:2379\n  ok   dns         10.0.0.1\n  FAIL tcp         refused\n       →           start it\n"
        );
    }

    #[test]
    fn json_output_is_one_object_per_line() {
        let mut text = Vec::new();
        let mut report = Report::new(&mut text, true);
        report.begin("prod", None).expect("writes");
        report.failed("auth", "refused", "sign in").expect("writes");
        assert_eq!(
            String::from_utf8(text).expect("text"),
            "{\"cluster\":\"prod\",\"step\":\"auth\",\"outcome\":\"failed\",\"detail\":\"refused\",\"fix\":\"sign in\"}\n"
        );
    }
}
