//! What must hold before a change lands: the same here and in CI.

use std::{
    ffi::OsString,
    path::Path,
    process::Command,
    sync::OnceLock,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use serde_json::Value;

use crate::{
    licences, paths,
    programs::{self, Compiler},
    progress::seconds,
    s3, setup, sh, systemd,
    typescript::Package,
};

/// Markets that run at once, each with a network, a database and daemons of its own. They wait for slots more than they
/// compute: two take half the time, and more would starve each other on the two cores that CI has.
const MARKETS: [&str; 4] = ["--", "--nocapture", "--test-threads", "2"];

/// The package whose tests run the programs in the VM, and the processes.
const VM_PACKAGE: &str = "gantry-tests";
/// The compiler with clippy in it.
const CLIPPY: &str = "clippy-driver";
/// What compiles our own crates during the checks.
static WRAPPER: OnceLock<&str> = OnceLock::new();

/// Test files that are groups of their own.
const ALONE: [&str; 6] = ["adversarial", "contract", "docs", "faults", "invariants", "s3"];

/// A part of the checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Group {
    /// Formatting of both workspaces
    Format,
    /// The programs compile, and the IDLs checked in are theirs
    Idl,
    /// Clippy on both workspaces, warnings refused
    Lint,
    /// Unit tests of both workspaces
    Unit,
    /// The compiler's self-test and the programs in the VM
    Programs,
    /// Attacks on the instructions, each of which must be refused or harm nobody
    Adversarial,
    /// Random histories of a whole market beside a model of it
    Invariants,
    /// Compute units of every instruction, against the checked-in table
    Cu,
    /// The API held to its own description by Schemathesis
    Contract,
    /// The indexer with its stream, its database and itself broken on purpose
    Faults,
    /// All processes end to end
    E2e,
    /// The TypeScript SDK: lints, types, vectors, its package, and the life of a job on a local network, in Node.js and a browser
    Typescript,
    /// What the quickstarts and the README say to type, typed against networks of their own
    Docs,
    /// Licences and sources of the dependencies
    Licenses,
    /// The blob store over S3; only where it is named: it compiles the SDK with other dependencies, for minutes
    S3,
    /// The systemd units in an emulated Debian machine; only where it is named: emulation takes many minutes
    Systemd,
}

impl Group {
    /// Whether it runs only where it is named.
    fn is_costly(self) -> bool {
        matches!(self, Self::S3 | Self::Systemd)
    }
}

struct Step {
    name: &'static str,
    group: Group,
    work: fn() -> Result<()>,
}

const STEPS: &[Step] = &[
    Step {
        name: "format",
        group: Group::Format,
        work: check_format,
    },
    Step {
        name: "programs and IDLs",
        group: Group::Idl,
        work: || programs::build(Compiler::Debian, true),
    },
    Step {
        name: "everything compiles, and clippy",
        group: Group::Lint,
        work: compile_linted,
    },
    Step {
        name: "unit tests of the programs",
        group: Group::Unit,
        work: test_programs_on_host,
    },
    Step {
        name: "unit tests",
        group: Group::Unit,
        work: test_units,
    },
    Step {
        name: "programs in the VM",
        group: Group::Programs,
        work: test_in_vm,
    },
    Step {
        name: "attacks",
        group: Group::Adversarial,
        work: || test_alone("adversarial"),
    },
    Step {
        name: "invariants",
        group: Group::Invariants,
        work: || test_alone("invariants"),
    },
    Step {
        name: "compute units",
        group: Group::Cu,
        work: || bench(&["cu", "--check"].map(Into::into)),
    },
    Step {
        name: "API contract",
        group: Group::Contract,
        work: test_contract,
    },
    Step {
        name: "faults",
        group: Group::Faults,
        work: test_faults,
    },
    Step {
        name: "end to end",
        group: Group::E2e,
        work: test_end_to_end,
    },
    Step {
        name: "TypeScript SDK",
        group: Group::Typescript,
        work: test_typescript,
    },
    Step {
        name: "documentation",
        group: Group::Docs,
        work: test_docs,
    },
    Step {
        name: "licences",
        group: Group::Licenses,
        work: licences::check,
    },
    Step {
        name: "blob store over S3",
        group: Group::S3,
        work: s3::test,
    },
    Step {
        name: "systemd units",
        group: Group::Systemd,
        work: systemd::test,
    },
];

/// Runs the groups named, or all of them but the costly, and stops at the first that fails.
pub(crate) fn run(only: &[Group]) -> Result<()> {
    setup::build_programs()?;
    if !setup::on_path(CLIPPY) {
        bail!("Rust's lints are missing: rustup component add clippy rustfmt");
    }
    WRAPPER.get_or_init(|| CLIPPY);
    let mut table: Vec<(&str, Duration)> = Vec::new();
    for step in STEPS.iter().filter(|step| match only {
        [] => !step.group.is_costly(),
        named => named.contains(&step.group),
    }) {
        eprintln!("==> {}", step.name);
        let begun = Instant::now();
        let outcome = (step.work)();
        table.push((step.name, begun.elapsed()));
        if let Err(error) = outcome {
            let group = step
                .group
                .to_possible_value()
                .map(|value| value.get_name().to_owned())
                .unwrap_or_default();
            print_table(&table, true);
            return Err(error.context(format!(
                "{} failed; to run just that again: cargo xtask test {group}",
                step.name
            )));
        }
        eprintln!("==> {}: passed in {}", step.name, seconds(begun.elapsed()));
    }
    print_table(&table, false);
    Ok(())
}

fn print_table(table: &[(&str, Duration)], last_failed: bool) {
    eprintln!();
    for (place, (name, duration)) in table.iter().enumerate() {
        let word = if last_failed && place + 1 == table.len() {
            "FAILED"
        } else {
            "passed"
        };
        eprintln!("  {word}  {name:<28} {:>9}", seconds(*duration));
    }
    let total = table.iter().map(|(_, duration)| *duration).sum();
    eprintln!("          {:<28} {:>9}", "", seconds(total));
}

/// Formats both workspaces.
pub(crate) fn format() -> Result<()> {
    in_both(|cargo| {
        cargo.args(["fmt", "--all"]);
    })
}

/// Clippy on both workspaces.
pub(crate) fn lint() -> Result<()> {
    in_both(|cargo| {
        cargo.args(["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"]);
    })
}

/// Compiles all that the checks run, with clippy, and refuses warnings.
///
/// `cargo clippy` checks every dependency once more before it, without compiling it: from nothing that takes as long as
/// half of the build does. With clippy as the wrapper of our own crates alone, both are one.
fn compile_linted() -> Result<()> {
    for workspace in [programs::workspace(), paths::root()] {
        let mut build = cargo(&workspace);
        build.args(["build", "--workspace", "--all-targets", "--message-format", "json"]);
        let mut warnings = 0;
        sh::lines(&mut build, |line| {
            let said: Value = serde_json::from_str(line).context("cargo's messages")?;
            if let Some(text) = said["message"]["rendered"].as_str() {
                eprint!("{text}");
            }
            warnings += u32::from(said["message"]["level"] == "warning");
            Ok(())
        })?;
        if warnings > 0 {
            bail!("{warnings} warnings, and none is let through");
        }
    }
    Ok(())
}

/// Builds every program of the off-chain workspace in one go, so that what they share is compiled once, and the example
/// that the quickstart shows.
pub(crate) fn build_binaries() -> Result<()> {
    setup::build_programs()?;
    build_all_binaries()
}

fn build_all_binaries() -> Result<()> {
    build_workspace(&["--bins"])
}

/// Builds targets of the whole workspace with the features that its tests have. An example among them is what makes cargo
/// count the tests' dependencies in; without it half of all dependencies would be compiled twice, once for each.
fn build_workspace(targets: &[&str]) -> Result<()> {
    let mut build = cargo(&paths::root());
    build
        .args(["build", "--workspace", "--example", "quickstart"])
        .args(targets);
    sh::shown(&mut build)
}

fn check_format() -> Result<()> {
    in_both(|cargo| {
        cargo.args(["fmt", "--all", "--check"]);
    })
}

fn test_programs_on_host() -> Result<()> {
    sh::tested(cargo(&programs::workspace()).args(["test", "--workspace"]))
}

fn test_units() -> Result<()> {
    // The indexer's and the stack's own tests run against a real server.
    setup::postgres()?;
    let integration =
        test_files(|package, name| package != VM_PACKAGE && !is_end_to_end(name) && !ALONE.contains(&name))?;
    let mut test = tests(&["--lib", "--bins"], &integration);
    sh::tested(with_containers(&mut test)?)?;
    // The examples in the SDK's documentation. Cargo runs them by themselves only, over what the tests before compiled.
    sh::tested(&mut tests(&["--doc"], &[]))
}

fn test_in_vm() -> Result<()> {
    programs::compile_deployed(Compiler::Debian)?;
    programs::build_selftest(Compiler::Debian)?;
    run_tests(
        &[],
        &test_files(|package, name| package == VM_PACKAGE && !is_end_to_end(name) && !ALONE.contains(&name))?,
    )
}

/// Runs one test file, and shows what it counts.
fn test_alone(name: &str) -> Result<()> {
    programs::compile_deployed(Compiler::Debian)?;
    sh::tested(tests(&[], &[name.to_owned()]).args(["--", "--nocapture"]))
}

/// Runs the benchmarks' program over the built programs, or one that measures the indexer.
pub(crate) fn bench(arguments: &[OsString]) -> Result<()> {
    match arguments {
        [verb, rest @ ..] if verb == "api" => return bench_api(rest),
        [verb, rest @ ..] if verb == "ingest" => return bench_ingest(rest),
        _ => {}
    }
    programs::compile_deployed(Compiler::Debian)?;
    build_workspace(&["--bin", "gantry-bench"])?;
    sh::passed_on(Command::new(paths::root().join("target/debug/gantry-bench")).args(arguments))
}

/// Measures the indexer beside Postgres itself, both of them optimised.
fn bench_ingest(arguments: &[OsString]) -> Result<()> {
    setup::build_programs()?;
    setup::postgres()?;
    build_optimised()?;
    sh::passed_on(Command::new(paths::root().join("target/release/gantry-bench-ingest")).args(arguments))
}

/// Reads the API while its tables are written, both optimised.
fn bench_api(arguments: &[OsString]) -> Result<()> {
    setup::postgres()?;
    build_optimised()?;
    // Its output is the result, which `--json` makes one object of.
    sh::passed_on(Command::new(paths::root().join("target/release/gantry-bench-api")).args(arguments))
}

/// Builds what is measured optimised, and nothing else: the embedded network, which the rest of the workspace needs,
/// takes far longer.
fn build_optimised() -> Result<()> {
    let packages = [
        "-p",
        "gantry-indexer",
        "-p",
        "gantry-bench-ingest",
        "-p",
        "gantry-bench-api",
    ];
    sh::shown(cargo(&paths::root()).args(["build", "--release"]).args(packages))
}

fn test_end_to_end() -> Result<()> {
    setup::postgres()?;
    programs::compile_deployed(Compiler::Debian)?;
    build_binaries()?;
    let files = test_files(|_, name| is_end_to_end(name) && !ALONE.contains(&name))?;
    let mut test = tests(&[], &files);
    sh::tested(with_containers(&mut test)?.args(MARKETS))
}

/// Has tests that need containers fail where they cannot run, unless that is known from the start.
fn with_containers(test: &mut Command) -> Result<&mut Command> {
    match setup::containers()? {
        None => {
            test.env("GANTRY_REQUIRE_CONTAINERS", "1");
        }
        Some(reason) => eprintln!("==> SKIPPED are the tests that need containers: {reason}"),
    }
    Ok(test)
}

fn test_contract() -> Result<()> {
    setup::postgres()?;
    let mut test = tests(&[], &["contract".to_owned()]);
    test.env("GANTRY_SCHEMATHESIS", setup::schemathesis()?);
    sh::tested(test.args(["--", "--nocapture"]))
}

fn test_typescript() -> Result<()> {
    let package = Package::ensure()?;
    package.test()?;
    setup::postgres()?;
    let browser = setup::browser()?;
    programs::compile_deployed(Compiler::Debian)?;
    build_binaries()?;
    package.test_end_to_end(browser.as_deref())
}

fn test_faults() -> Result<()> {
    setup::postgres()?;
    setup::faketime()?;
    programs::compile_deployed(Compiler::Debian)?;
    build_binaries()?;
    sh::tested(tests(&[], &["faults".to_owned()]).args(MARKETS))
}

fn test_docs() -> Result<()> {
    setup::postgres()?;
    setup::documentation()?;
    programs::compile_deployed(Compiler::Debian)?;
    build_binaries()?;
    let mut test = tests(&[], &["docs".to_owned()]);
    if let Some(path) = Package::ensure()?.path() {
        test.env("PATH", path);
    }
    sh::tested(test.args(MARKETS))
}

/// Which test files start several processes: they need all binaries, and the machine for themselves.
fn is_end_to_end(name: &str) -> bool {
    ["e2e", "fault", "live"].iter().any(|start| name.starts_with(start))
}

/// The integration tests of the off-chain workspace that a package's and a test's name decide on.
fn test_files(wanted: fn(&str, &str) -> bool) -> Result<Vec<String>> {
    let listing = sh::output(cargo(&paths::root()).args(["metadata", "--no-deps", "--format-version", "1"]))?;
    let metadata: Value = serde_json::from_str(&listing).context("cargo metadata")?;
    let mut names = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let package_name = package["name"].as_str().unwrap_or_default();
        for target in package["targets"].as_array().into_iter().flatten() {
            let is_test = target["kind"]
                .as_array()
                .is_some_and(|kinds| kinds.iter().any(|kind| kind == "test"));
            let name = target["name"].as_str().unwrap_or_default();
            if is_test && wanted(package_name, name) {
                names.push(name.to_owned());
            }
        }
    }
    names.sort();
    Ok(names)
}

/// Tests always over the whole workspace, whatever is chosen of it: another choice of packages would be another choice
/// of their dependencies' features, and compile those once more.
fn run_tests(kinds: &[&str], files: &[String]) -> Result<()> {
    if kinds.is_empty() && files.is_empty() {
        eprintln!("there are no such tests yet");
        return Ok(());
    }
    sh::tested(&mut tests(kinds, files))
}

fn tests(kinds: &[&str], files: &[String]) -> Command {
    let mut test = cargo(&paths::root());
    test.args(["test", "--workspace"]).args(kinds);
    for name in files {
        test.args(["--test", name]);
    }
    test
}

fn in_both(arguments: impl Fn(&mut Command)) -> Result<()> {
    for workspace in [paths::root(), programs::workspace()] {
        let mut command = cargo(&workspace);
        arguments(&mut command);
        sh::shown(&mut command)?;
    }
    Ok(())
}

/// The cargo that runs this, on one of the workspaces.
pub(crate) fn cargo(workspace: &Path) -> Command {
    let mut command = Command::new(paths::cargo());
    command.current_dir(workspace).env_remove("LD_LIBRARY_PATH");
    if let Some(wrapper) = WRAPPER.get() {
        command.env("RUSTC_WORKSPACE_WRAPPER", wrapper);
    }
    // What the cargo that runs xtask says of xtask. Build scripts watch it (ring's does), so that with it each change
    // between `cargo test` and `cargo xtask test` would compile half of the workspace anew.
    for (name, _) in std::env::vars_os() {
        let known = name.to_string_lossy();
        if known.starts_with("CARGO_PKG_") || known.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}
