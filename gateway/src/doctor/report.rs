//! The findings as they are made, and the command line's form of them: plain text, or JSON objects.

use std::io::{Result, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use shared::{Finding, Outcome};

/// Receives each finding as soon as it is made.
pub(super) trait Sink: Send {
    /// Takes a finding about a cluster; about this gateway if the name is empty.
    fn add(&mut self, cluster: &str, finding: Finding) -> Result<()>;
}

/// Passes the findings about one cluster, or one of its endpoints, to a sink.
pub(super) struct Report<'a> {
    sink: &'a mut dyn Sink,
    cluster: String,
    endpoint: Option<String>,
    failed: bool,
}

impl<'a> Report<'a> {
    pub(super) fn new(sink: &'a mut dyn Sink) -> Self {
        Self {
            sink,
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
    pub(super) fn begin(&mut self, cluster: &str, endpoint: Option<&str>) {
        cluster.clone_into(&mut self.cluster);
        self.endpoint = endpoint.map(str::to_owned);
    }

    /// The step passed.
    pub(super) fn ok(&mut self, step: &str, detail: &str) -> Result<()> {
        self.add(step, Outcome::Ok, detail, None)
    }

    /// Information; not a fault.
    pub(super) fn note(&mut self, step: &str, detail: &str, fix: &str) -> Result<()> {
        self.add(step, Outcome::Note, detail, Some(fix))
    }

    /// The step works, but its configuration should be changed.
    pub(super) fn warn(&mut self, step: &str, detail: &str, fix: Option<&str>) -> Result<()> {
        self.add(step, Outcome::Warning, detail, fix)
    }

    /// The step failed.
    pub(super) fn failed(&mut self, step: &str, detail: &str, fix: &str) -> Result<()> {
        self.failed = true;
        self.add(step, Outcome::Failed, detail, Some(fix))
    }

    fn add(&mut self, step: &str, outcome: Outcome, detail: &str, fix: Option<&str>) -> Result<()> {
        let finding = Finding {
            endpoint: self.endpoint.clone(),
            step: step.to_owned(),
            outcome,
            detail: detail.to_owned(),
            fix: fix.map(str::to_owned),
        };
        self.sink.add(&self.cluster, finding)
    }
}

/// Keeps the findings about one cluster; those made so far can be read at any time.
#[derive(Clone, Debug, Default)]
pub(super) struct Collected(Arc<Mutex<Vec<Finding>>>);

impl Collected {
    fn findings(&self) -> MutexGuard<'_, Vec<Finding>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The findings so far.
    pub(super) fn take(&self) -> Vec<Finding> {
        std::mem::take(&mut *self.findings())
    }
}

impl Sink for Collected {
    fn add(&mut self, _: &str, finding: Finding) -> Result<()> {
        self.findings().push(finding);
        Ok(())
    }
}

/// Writes each finding at once.
pub(super) struct Printer<'a> {
    out: &'a mut (dyn Write + Send),
    json: bool,
    /// The heading that is written, by cluster and endpoint.
    heading: Option<(String, Option<String>)>,
}

/// A finding as a JSON object of its own.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    cluster: &'a str,
    #[serde(flatten)]
    finding: &'a Finding,
}

impl<'a> Printer<'a> {
    pub(super) fn new(out: &'a mut (dyn Write + Send), json: bool) -> Self {
        Self {
            out,
            json,
            heading: None,
        }
    }

    fn write_heading(&mut self, cluster: &str, endpoint: Option<&String>) -> Result<()> {
        let heading = (cluster.to_owned(), endpoint.cloned());
        if self.heading.as_ref() == Some(&heading) {
            return Ok(());
        }
        self.heading = Some(heading);
        match endpoint {
            Some(endpoint) => writeln!(self.out, "{cluster} at {endpoint}"),
            None if cluster.is_empty() => writeln!(self.out, "this gateway"),
            None => writeln!(self.out, "{cluster}"),
        }
    }
}

impl Sink for Printer<'_> {
    fn add(&mut self, cluster: &str, finding: Finding) -> Result<()> {
        if self.json {
            let finding = &finding;
            let line = serde_json::to_string(&Line { cluster, finding })?;
            return writeln!(self.out, "{line}");
        }
        self.write_heading(cluster, finding.endpoint.as_ref())?;
        let mark = match finding.outcome {
            Outcome::Ok => "ok",
            Outcome::Note => "note",
            Outcome::Warning => "warn",
            Outcome::Failed => "FAIL",
        };
        let (step, detail) = (&finding.step, &finding.detail);
        writeln!(self.out, "  {mark:<5}{step:<12}{detail}")?;
        match &finding.fix {
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
        let mut printer = Printer::new(&mut text, false);
        let mut report = Report::new(&mut printer);
        report.begin("prod", Some("http://a:2379"));
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
        let mut printer = Printer::new(&mut text, true);
        let mut report = Report::new(&mut printer);
        report.begin("prod", None);
        report.failed("auth", "refused", "sign in").expect("writes");
        report.begin("", None);
        report.note("proxy", "loopback", "sign in").expect("writes");
        assert_eq!(
            String::from_utf8(text).expect("text"),
            "{\"cluster\":\"prod\",\"step\":\"auth\",\"outcome\":\"failed\",\"detail\":\"refused\",\"fix\":\"sign in\"}\n\
             {\"step\":\"proxy\",\"outcome\":\"note\",\"detail\":\"loopback\",\"fix\":\"sign in\"}\n"
        );
    }
}
