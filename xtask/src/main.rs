//! The project's own commands: `cargo xtask --help`.
//!
//! Everything a newcomer needs beyond a Rust toolchain is fetched, built and checked from here, into
//! the project's own tool folder. Prints to stderr only, so that what it runs owns stdout.

mod css;
mod paths;

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
    /// Join the dashboard's style sheets into frontend/.generated/app.css (Trunk's hook calls it)
    Css,
}

fn main() -> Result<()> {
    match Cli::parse().command {
        Command::Css => css::run(),
    }
}
