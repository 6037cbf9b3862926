//! What `cargo xtask bench` runs.

mod cu;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Gantry's benchmarks.
#[derive(Parser)]
#[command(bin_name = "cargo xtask bench", disable_help_subcommand = true, version = None)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Compute units of every instruction and of a whole job, rent, and the programs' sizes, measured in the VM
    Cu(cu::Options),
}

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<ExitCode> {
    match cli.verb {
        Verb::Cu(options) => cu::run(&options),
    }
}
