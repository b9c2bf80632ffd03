//! `watchgate`: parse, build, run.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;
use gateway::Gateway;
use gateway::config::{Cli, Command, Config};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("watchgate: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "the document is what was asked for")]
fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        Some(Command::Openapi) => {
            println!("{}", gateway::openapi().to_pretty_json()?);
            Ok(ExitCode::SUCCESS)
        }
        Some(Command::Supervise { command: _ }) => anyhow::bail!("not built in"),
        None => serve(cli.config),
    }
}

#[tokio::main]
async fn serve(config: Config) -> anyhow::Result<ExitCode> {
    let filter = EnvFilter::try_new(&config.log)
        .with_context(|| format!("--log {} is no filter", config.log))?;
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    if config.log_json {
        logs.json().init();
    } else {
        logs.init();
    }
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for SIGINT")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    let gateway = Gateway::start(config).await?;
    announce(&gateway).await;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    gateway.stop().await;
    Ok(ExitCode::SUCCESS)
}

/// The first lines: where it serves, which cluster, which version.
#[expect(
    clippy::print_stdout,
    reason = "the first lines are for whoever started it"
)]
async fn announce(gateway: &Gateway) {
    let state = &gateway.state;
    println!(
        "Watchgate serves on http://{}{}/",
        gateway.address, state.config.base_path
    );
    for cluster in &state.clusters {
        let endpoints = cluster.endpoints.join(", ");
        let about = match cluster.info.version_here().await {
            Ok(version) => format!("etcd {version}"),
            Err(failure) => format!("not reached yet ({})", failure.detail),
        };
        println!("Cluster {} at {endpoints}: {about}", cluster.name);
    }
}
