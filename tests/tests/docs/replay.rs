//! One page, typed from its first command to its last.

use crate::{
    compare::difference,
    page::{Page, Step},
    shell::{Shell, commands},
};
use anyhow::{Context as _, bail, ensure};
use gantry_stack::child::{Child, ChildSpec, Orphan, Readiness};
use gantry_tests::market::repository;
use std::{os::unix::fs::symlink, path::Path, time::Duration};

/// How a page says that the network is started.
const UP: &str = "cargo xtask up\n";

/// What was done.
#[derive(Debug, Default)]
pub(crate) struct Count {
    pub(crate) commands: usize,
    pub(crate) outputs: usize,
    pub(crate) skipped: usize,
}

/// Runs the page's commands in a folder that looks like the repository, and compares what they print.
pub(crate) async fn replay(page: &Page) -> anyhow::Result<Count> {
    let home = tempfile::tempdir()?;
    let folder = home.path().join("gantry");
    clean_checkout(&folder)?;
    let mut shell = Shell::start(&folder, home.path())?;
    let mut stack: Option<Child> = None;
    let mut count = Count::default();
    let mut printed = String::new();
    for step in page.steps()? {
        match step {
            Step::Run { line, text, exit } => {
                let all = commands(&text).with_context(|| format!("line {line}"))?;
                let last = all.len().saturating_sub(1);
                for (place, command) in all.iter().enumerate() {
                    let expected = if place == last { exit } else { 0 };
                    let place = || format!("line {line} and after: {}", command.trim_end());
                    if command == UP {
                        ensure!(stack.is_none(), "{}: it runs already", place());
                        stack = Some(start(&folder).await.with_context(place)?);
                        printed.clear();
                    } else {
                        let (code, text) = shell.run(&in_place(command)).await.with_context(place)?;
                        ensure!(
                            code == expected,
                            "{}\nended with {code}, not {expected}:\n{text}",
                            place()
                        );
                        printed = text;
                    }
                    if let Some(stack) = &stack {
                        stack.check()?;
                    }
                    count.commands += 1;
                }
            }
            Step::Output { line, text } => {
                if let Some(difference) = difference(&text, &printed) {
                    bail!("line {line}: {difference}");
                }
                count.outputs += 1;
            }
            Step::Skip { line, why } => {
                println!("{}: line {line} and after are not run: {why}", page.name);
                count.skipped += 1;
            }
        }
    }
    drop(shell);
    if let Some(mut stack) = stack {
        stack.stop().await;
    }
    Ok(count)
}

/// Cargo finds its workspace from where it runs, and through links would take it for another.
fn in_place(command: &str) -> String {
    if command.starts_with("cargo ") {
        format!("(cd '{}' && {})\n", repository().display(), command.trim_end())
    } else {
        command.to_owned()
    }
}

/// A folder with all that the repository has, as links, and nothing that a network left.
fn clean_checkout(folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir(folder)?;
    for entry in std::fs::read_dir(repository())? {
        let name = entry?.file_name();
        if ![".git", ".gantry"].iter().any(|left_out| name == *left_out) {
            symlink(repository().join(&name), folder.join(&name))?;
        }
    }
    Ok(())
}

/// What `cargo xtask up` becomes once all is built, on free ports.
async fn start(folder: &Path) -> anyhow::Result<Child> {
    let log = folder.join("up.log");
    let mut spec = ChildSpec::new("up", repository().join("target/debug/gantry-stack"), &log)
        .arg("up")
        .arg("--run-dir")
        .arg(folder.join(".gantry"))
        .arg("--programs-dir")
        .arg(repository().join("target/deploy"))
        .arg("--idl-dir")
        .arg(repository().join("idl"))
        .args([
            "--rpc-port",
            "0",
            "--ws-port",
            "0",
            "--grpc-port",
            "0",
            "--api-port",
            "0",
        ])
        .ready(Readiness::LogLine("Ctrl-C stops everything".into()))
        .orphan(Orphan::Guarded(None));
    spec.ready_within = Duration::from_secs(120);
    Ok(Child::start(spec).await?)
}
