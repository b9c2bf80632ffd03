//! The project's own commands: `cargo xtask --help`.
//!
//! Everything a newcomer needs beyond a Rust toolchain is fetched, built and checked from here,
//! into the project's own tool folder. Prints to stderr only, so that stdout belongs to the
//! programs it runs.

mod checks;
mod compress;
mod css;
mod fuzz;
mod job;
mod openapi;
mod paths;
mod proc;
mod product;
mod say;
mod schemathesis;
mod setup;
mod suites;
mod ui;
mod wasm;

use std::ffi::OsString;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(bin_name = "cargo xtask", about = "Watchgate's own commands")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Install what is missing into .tools: WASM target, protoc, Trunk, wasm-bindgen, etcd
    Setup {
        /// Also the test tools: etcdctl, Chromium, rustfmt, clippy
        #[arg(long)]
        tests: bool,
    },
    /// Build the dashboard and the gateway around it: target/release/watchgate
    Build {
        /// Development builds of both; the gateway reads dist/ when it starts
        #[arg(long)]
        debug: bool,
    },
    /// Set up, build, and start the demo on http://127.0.0.1:8379
    Run {
        /// Development builds of both; by default only the gateway is one, and the dashboard is optimised
        #[arg(long)]
        debug: bool,
        /// Release builds of both, as by `build`: slower to build, faster to run
        #[arg(long, conflicts_with = "debug")]
        release: bool,
        /// Flags of the gateway (`--etcd http://…` uses that cluster, without the demo)
        #[arg(last = true)]
        flags: Vec<OsString>,
    },
    /// Set up, and run all checks: format, the repository's rules, clippy, unit and acceptance tests
    Test {
        /// Only this step or acceptance suite, or acceptance tests whose names contain this;
        /// repeatable
        #[arg(long, value_name = "NAME")]
        only: Vec<String>,
        /// Test on this version of etcd, and run only the steps that start one: unit, dashboard and
        /// acceptance. Any x.y.z from 3.5 on is built from Go modules; 3.4.23 is unpacked from
        /// Debian 12's packages, on Debian 12 only
        #[arg(long, value_name = "VERSION", value_parser = setup::parse_usable)]
        etcd: Option<setup::Version>,
    },
    /// Format the code, and check the repository's rules
    Tidy,
    /// Write gateway/openapi.json from the handlers
    Openapi {
        /// Write nothing; fail if it differs
        #[arg(long)]
        check: bool,
    },
    /// Fuzz the parsers of client input: txn, query, key, cursor, body, v3, socket, v3_watch
    Fuzz {
        /// Only this target
        target: Option<String>,
        /// How long each target runs
        #[arg(long, default_value_t = 600, value_name = "SECONDS")]
        seconds: u64,
    },
    /// Test the served OpenAPI document against a private demo with schemathesis
    Schemathesis {
        /// Flags of `schemathesis run`, such as `--include-path /api/v1/kv` or `--seed 7`
        #[arg(last = true)]
        flags: Vec<OsString>,
    },
    /// Join the dashboard's style sheets into frontend/.generated/app.css (Trunk's hook calls it)
    Css,
}

fn main() -> Result<()> {
    match Cli::parse().command {
        Command::Setup { tests } => setup::command(if tests {
            setup::Purpose::Tests
        } else {
            setup::Purpose::Run
        }),
        Command::Build { debug } => product::build_command(profile(debug, !debug)),
        Command::Run {
            debug,
            release,
            flags,
        } => product::run(profile(debug, release), flags),
        Command::Test { only, etcd } => checks::test(&only, etcd),
        Command::Tidy => checks::tidy(),
        Command::Openapi { check } => openapi::run(check),
        Command::Fuzz { target, seconds } => fuzz::run(target.as_deref(), seconds),
        Command::Schemathesis { flags } => schemathesis::run(&flags),
        Command::Css => css::run(),
    }
}

fn profile(debug: bool, release: bool) -> ui::Profile {
    match (debug, release) {
        (true, _) => ui::Profile::Debug,
        (_, true) => ui::Profile::Release,
        _ => ui::Profile::Demo,
    }
}
