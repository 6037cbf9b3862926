//! The task runner: everything a person types is `cargo xtask <verb>`.

mod check;
mod failures;
mod licences;
mod mutants;
mod node;
mod paths;
mod programs;
mod progress;
mod s3;
mod setup;
mod sh;
mod stack;
mod systemd;
mod toolchain;
mod typescript;

use std::{ffi::OsString, path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::{CommandFactory, Parser, Subcommand};

use crate::programs::Compiler;

/// Gantry's task runner.
#[derive(Parser)]
#[command(bin_name = "cargo xtask", disable_help_subcommand = true, version = None)]
struct Cli {
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Subcommand)]
enum Verb {
    /// Start everything, run the example job through it, check the money, and stop
    Demo(StackArguments),
    /// Start everything and stay up, for the CLI and the API; Ctrl-C stops it all
    Up(StackArguments),
    /// Check all that CI checks: format, lints, IDLs, tests, licences (or only some of it)
    Test {
        /// What to check; all that CI does if nothing is named
        #[arg(value_enum)]
        only: Vec<check::Group>,
    },
    /// Measure: `cu` for compute units, rent and the programs' sizes; `ingest` for the indexer beside Postgres itself;
    /// `api` for reads beside the writer
    Bench(StackArguments),
    /// Put small faults into the maths one at a time, and see that a test notices each (an hour; docs/verification.md)
    Mutants {
        /// Where; in the core and the programs' state if nothing is named
        #[arg(value_enum)]
        only: Vec<mutants::Subject>,
        /// Passed on to cargo-mutants
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Build or check the on-chain programs
    Programs {
        #[command(subcommand)]
        verb: ProgramsVerb,
    },
    /// Install what this machine lacks: Debian packages, the programs' compiler, Node.js
    Setup,
    /// Format the code of both workspaces
    Fmt,
    /// Lint the code of both workspaces, warnings refused
    Lint,
}

#[derive(Subcommand)]
enum ProgramsVerb {
    /// Compile the programs to target/deploy/*.so and write their IDLs to idl/*.json
    Build {
        /// The compiler to use
        #[arg(long, value_enum, default_value_t)]
        toolchain: Compiler,
        /// Write no IDL: fail if a checked-in one differs from what the programs say
        #[arg(long)]
        check: bool,
        /// Compile only this program, and no IDL
        #[arg(long, value_name = "PROGRAM", conflicts_with = "check", value_parser = programs::PROGRAMS)]
        only: Option<String>,
    },
    /// Run a program in the VM that compares the compiler's arithmetic, memory and calls with the host's
    Selftest {
        /// The compiler to use
        #[arg(long, value_enum, default_value_t)]
        toolchain: Compiler,
    },
    /// One program's IDL on standard output
    #[command(hide = true)]
    PrintIdl {
        /// The program's folder
        folder: PathBuf,
        /// Further features to compile it with
        features: Vec<String>,
    },
}

#[derive(clap::Args)]
struct StackArguments {
    /// Passed on; `--help` behind the verb lists them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
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
    let done = |outcome: Result<()>| outcome.map(|()| ExitCode::SUCCESS);
    match cli.verb {
        None => {
            Cli::command().print_help()?;
            Ok(ExitCode::SUCCESS)
        }
        Some(Verb::Demo(stack)) => stack::run("demo", &stack.arguments),
        Some(Verb::Up(stack)) => stack::run("up", &stack.arguments),
        Some(Verb::Bench(bench)) => done(check::bench(&bench.arguments)),
        Some(Verb::Test { only }) => done(check::run(&only)),
        Some(Verb::Mutants { only, arguments }) => done(mutants::run(&only, &arguments)),
        Some(Verb::Programs { verb }) => match verb {
            ProgramsVerb::Build {
                toolchain,
                only: Some(program),
                ..
            } => done(programs::compile_one(toolchain, &program)),
            ProgramsVerb::Build { toolchain, check, .. } => done(programs::build(toolchain, check)),
            ProgramsVerb::Selftest { toolchain } => done(programs::selftest(toolchain)),
            ProgramsVerb::PrintIdl { folder, features } => done(programs::idl::print(folder, &features)),
        },
        Some(Verb::Setup) => done(setup::all()),
        Some(Verb::Fmt) => done(check::format()),
        Some(Verb::Lint) => done(check::lint()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_rest_of_a_demo_is_passed_on() {
        let cli = Cli::try_parse_from(["xtask", "demo", "--json", "--job", "x.json"]).expect("valid");
        let Some(Verb::Demo(stack)) = cli.verb else {
            panic!("another verb")
        };
        assert_eq!(stack.arguments, ["--json", "--job", "x.json"]);
    }
}
