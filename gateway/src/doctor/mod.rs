//! The doctor: checks each step from the name of an endpoint to the permissions of the gateway's
//! account, and reports each result, with one line of advice for each failure.
//!
//! It checks DNS, TCP, TLS and HTTP/2 itself before it sends the cluster a request, since the
//! client library's errors say only that something failed. `watchgate doctor` prints the findings
//! ([`run`]); a running gateway serves those of one cluster ([`DoctorService`]).

mod certificate;
mod cluster;
mod link;
mod report;
mod service;

use std::io::Write;

use self::report::{Printer, Report};
pub use self::service::{DoctorService, Viewer};
use crate::config::{ClusterConfig, ConfigError, Connect};

/// Why the checks cannot run.
#[derive(Debug, thiserror::Error)]
pub enum DoctorError {
    /// The flags contradict each other.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// No cluster is configured.
    #[error("no cluster is configured: give --etcd URL, or --config FILE with clusters")]
    NoCluster,
    /// The findings cannot be written.
    #[error("the findings cannot be written")]
    Write(#[from] std::io::Error),
}

/// Checks every configured cluster and writes the findings; returns whether no step failed.
pub async fn run(
    connect: &Connect,
    json: bool,
    out: &mut (dyn Write + Send),
) -> Result<bool, DoctorError> {
    let clusters = connect.clusters(&[], None)?;
    if clusters.is_empty() {
        return Err(DoctorError::NoCluster);
    }
    let mut printer = Printer::new(out, json);
    let mut report = Report::new(&mut printer);
    for config in &clusters {
        examine(&mut report, config).await?;
    }
    report.begin("", None);
    report.note(
        "proxy",
        "requests through a proxy on this machine come from loopback",
        "require sign-in at such a proxy: without Forwarded or X-Forwarded-* headers its requests \
         run as the gateway's account",
    )?;
    Ok(report.passed())
}

/// Checks every endpoint of a cluster, and then the cluster through those that respond.
async fn examine(report: &mut Report<'_>, config: &ClusterConfig) -> std::io::Result<()> {
    let mut reached = Vec::new();
    for url in &config.settings.endpoints {
        report.begin(&config.name, Some(url));
        if link::examine(report, url, &config.settings).await? {
            reached.push(url.clone());
        }
    }
    report.begin(&config.name, None);
    if reached.is_empty() {
        // The failed steps above give the reasons.
        return Ok(());
    }
    cluster::examine(report, config, reached).await
}
