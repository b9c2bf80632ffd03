//! `watchgate`: parses the command line, builds the gateway and runs it.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use anyhow::Context as _;
use gateway::Gateway;
use gateway::assets::Files;
use gateway::config::{Cli, Command, Config, Connect, LoadError};
use gateway::embedded::supervise;
use gateway::limits;
use gateway::service::cluster::is_for_users;
use rust_embed::RustEmbed;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// The dashboard: inside the binary in a release build, read from the folder in a debug build.
#[derive(RustEmbed)]
#[folder = "../dist"]
#[allow_missing = true]
#[exclude = ".*"]
struct Dist;

fn main() -> ExitCode {
    let cli = match Cli::load(std::env::args_os()) {
        Ok(cli) => cli,
        Err(LoadError::Arguments(error)) => error.exit(),
        Err(LoadError::File(error)) => {
            eprintln!("watchgate: {:#}", anyhow::Error::from(error));
            return ExitCode::FAILURE;
        }
    };
    match run(cli) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("watchgate: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[expect(
    clippy::print_stdout,
    reason = "the output of the subcommand is the document"
)]
fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        Some(Command::Openapi) => {
            println!("{}", gateway::openapi().to_pretty_json()?);
            Ok(ExitCode::SUCCESS)
        }
        Some(Command::Supervise {
            under: Some(parent),
            command,
        }) => {
            let error = supervise::become_program(parent, &command);
            Err(error).with_context(|| format!("cannot run {}", command[0].display()))
        }
        Some(Command::Supervise {
            under: None,
            command,
        }) => Ok(supervise::supervise(&command)?),
        Some(Command::Doctor { connect, json }) => run_doctor(&connect, json),
        None => serve(cli.config),
    }
}

#[tokio::main]
async fn run_doctor(connect: &Connect, json: bool) -> anyhow::Result<ExitCode> {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let healthy = gateway::doctor::run(connect, json, &mut std::io::stdout()).await?;
    Ok(if healthy {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

#[tokio::main]
async fn serve(config: Config) -> anyhow::Result<ExitCode> {
    let filter = EnvFilter::try_new(&config.log)
        .with_context(|| format!("invalid --log filter: {}", config.log))?;
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    if config.log_json {
        logs.json().init();
    } else {
        logs.init();
    }
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for SIGINT")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    if let Err(error) = limits::raise_open_files() {
        tracing::warn!(%error, "cannot raise the limit of open files");
    }
    // rustls requires an explicit provider if a dependency enables a second one.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let gateway = Gateway::start(config, Files::embedded::<Dist>()).await?;
    announce(&gateway).await;
    let ended = tokio::select! {
        _ = interrupt.recv() => None,
        _ = terminate.recv() => None,
        ended = gateway.etcd_ended() => Some(ended),
    };
    gateway.stop().await;
    // No automatic restart: the process manager decides, and sees the reason.
    ended.map_or(Ok(ExitCode::SUCCESS), |ended| Err(ended.into()))
}

/// Prints the start-up lines: the address, the clusters, their versions.
async fn announce(gateway: &Gateway) {
    let state = &gateway.state;
    let mut lines = vec![format!(
        "Watchgate serves on http://{}{}/",
        gateway.address, state.config.base_path
    )];
    for cluster in &state.clusters {
        let endpoints = cluster.endpoints.join(", ");
        let about = match cluster.info.version_here().await {
            Ok(version) => format!("etcd {version}"),
            Err(failure) if is_for_users(&failure) => {
                "etcd shows its version to users only: requests must carry credentials".to_owned()
            }
            Err(failure) => format!("not reachable yet ({failure})"),
        };
        lines.push(format!("Cluster {} at {endpoints}: {about}", cluster.name));
        if cluster.sign_in.is_required(&state.config) {
            lines.push(
                "  Reachable from other machines: every request must sign in as an etcd user, and etcd's auth \
         must be on (or see --anonymous)"
                    .to_owned(),
            );
        }
    }
    if let Some(folder) = gateway.data_folder() {
        lines.push(format!("Its data is kept in {}", folder.display()));
    }
    // The parent process may have stopped reading; the gateway serves nevertheless.
    let _ = writeln!(std::io::stdout(), "{}", lines.join("\n"));
}
