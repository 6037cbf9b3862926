//! Running other programs: shown, quiet, or captured.

use std::{
    ffi::OsStr,
    fmt::Write as _,
    fs::File,
    io::{BufRead, BufReader, Read, Write as _},
    path::Path,
    process::{Command, ExitStatus, Stdio},
};

use anyhow::{Context, Result, bail};

use crate::failures::Failures;

/// What decides whether errors say where they were made.
const BACKTRACES: &str = "RUST_LIB_BACKTRACE";
/// Lines of a failed quiet command's log that are shown.
const TAIL: usize = 40;

/// Runs a command whose output people want to see. It all goes to stderr, so that stdout holds results only.
pub(crate) fn shown(command: &mut Command) -> Result<()> {
    command.stdout(std::io::stderr());
    let status = command.status().with_context(|| not_started(command))?;
    check(command, status)
}

/// Runs a command whose standard output is a result.
pub(crate) fn passed_on(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| not_started(command))?;
    check(command, status)
}

/// Runs a command with its output in `log`, whose last lines are in the error if it fails.
pub(crate) fn quiet(command: &mut Command, log: &Path) -> Result<()> {
    if let Some(folder) = log.parent() {
        std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    let file = File::create(log).with_context(|| log.display().to_string())?;
    command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
    let status = command.status().with_context(|| not_started(command))?;
    check(command, status).map_err(|error| {
        let mut text = String::new();
        let read = File::open(log).and_then(|mut file| file.read_to_string(&mut text));
        let lines: Vec<_> = text.lines().collect();
        let tail = lines[lines.len().saturating_sub(TAIL)..].join("\n");
        match read {
            Ok(_) => error.context(format!("{tail}\n(whole log: {})", log.display())),
            Err(_) => error.context(format!("see {}", log.display())),
        }
    })
}

/// Runs tests: what they print is shown as it comes, and what those that failed said is in the error, since much may come
/// after it.
pub(crate) fn tested(command: &mut Command) -> Result<()> {
    let (mut out, writer) = std::io::pipe()?;
    command.stdout(writer.try_clone()?).stderr(writer);
    // An error's own words are enough; where it was made fills pages.
    if std::env::var_os(BACKTRACES).is_none() {
        command.env(BACKTRACES, "0");
    }
    let child = command.spawn();
    // The command would hold the other end of the pipe open.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = child.with_context(|| not_started(command))?;
    let mut failures = Failures::default();
    let mut chunk = [0; 1 << 13];
    loop {
        let read = out.read(&mut chunk)?;
        if read == 0 {
            break;
        }
        std::io::stderr().write_all(&chunk[..read])?;
        failures.push(&chunk[..read]);
    }
    check(command, child.wait()?).map_err(|error| match failures.said() {
        said if said.is_empty() => error,
        said => error.context(format!("what failed said:\n{said}")),
    })
}

/// Runs a command whose error output people want to see, and gives `take` each line of its standard output as it comes.
pub(crate) fn lines(command: &mut Command, mut take: impl FnMut(&str) -> Result<()>) -> Result<()> {
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn().with_context(|| not_started(command))?;
    let mut out = child
        .stdout
        .take()
        .into_iter()
        .flat_map(|out| BufReader::new(out).lines());
    let taken = out.try_for_each(|line| {
        take(&line.with_context(|| format!("{} wrote something that is no text", self::line(command)))?)
    });
    check(command, child.wait()?)?;
    taken
}

/// Runs a command and returns its standard output.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    command.stdin(Stdio::null());
    let output = command.output().with_context(|| not_started(command))?;
    check(command, output.status).with_context(|| String::from_utf8_lossy(&output.stderr).trim().to_owned())?;
    String::from_utf8(output.stdout).with_context(|| format!("{} wrote something that is no text", line(command)))
}

/// Whether a program can be started and succeeds; its output is dropped.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// The command as a person would type it.
pub(crate) fn line(command: &Command) -> String {
    let mut text = quote(command.get_program());
    for argument in command.get_args() {
        let _ = write!(text, " {}", quote(argument));
    }
    text
}

fn quote(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.into_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

fn not_started(command: &Command) -> String {
    format!("could not start {}", command.get_program().to_string_lossy())
}

fn check(command: &Command, status: ExitStatus) -> Result<()> {
    if !status.success() {
        bail!("{} failed: {status}", line(command));
    }
    Ok(())
}
