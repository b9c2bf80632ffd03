//! `watchgate doctor`: walks from the name of an endpoint to what its account may do, and says at
//! each step what it found, and where something is wrong the one line that mends it.
//!
//! It looks with its own eyes (names, TCP, TLS, HTTP/2) before it asks the cluster anything, since the
//! client's own errors say only that something failed.

mod certificate;
mod cluster;
mod link;
mod report;

use std::io::Write;

use self::report::Report;
use crate::config::{ClusterConfig, ConfigError, Connect};

/// Why the doctor cannot look at all.
#[derive(Debug, thiserror::Error)]
pub enum DoctorError {
    /// The flags contradict each other.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// There is nothing to look at.
    #[error("no cluster is named: give --etcd URL, or --config FILE with clusters")]
    NoCluster,
    /// The findings cannot be written.
    #[error("the findings cannot be written")]
    Write(#[from] std::io::Error),
}

/// Looks at every cluster that is configured and writes what it finds; whether all of it was well.
pub async fn run(
    connect: &Connect,
    json: bool,
    out: &mut (dyn Write + Send),
) -> Result<bool, DoctorError> {
    let clusters = connect.clusters(&[], None)?;
    if clusters.is_empty() {
        return Err(DoctorError::NoCluster);
    }
    let mut report = Report::new(out, json);
    for config in &clusters {
        examine(&mut report, config).await?;
    }
    report.begin("", None)?;
    report.note(
        "proxy",
        "requests that a proxy on this machine passes on come from loopback",
        "give such a proxy sign-in of its own: without Forwarded or X-Forwarded-* headers they act \
         as the gateway's account",
    )?;
    Ok(report.is_well())
}

async fn examine(report: &mut Report<'_>, config: &ClusterConfig) -> std::io::Result<()> {
    let mut reached = Vec::new();
    for url in &config.settings.endpoints {
        report.begin(&config.name, Some(url))?;
        if link::examine(report, url, &config.settings).await? {
            reached.push(url.clone());
        }
    }
    report.begin(&config.name, None)?;
    if reached.is_empty() {
        // Every step above says why.
        return Ok(());
    }
    cluster::examine(report, config, reached).await
}
