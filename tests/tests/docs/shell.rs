//! A shell that is typed into, one command after the other.

use anyhow::{Context as _, bail};
use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
};

/// Longest that one command may take. Generous: the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(180);
/// The line after a command's output begins so.
const END: &str = "--8<-- ended with";

/// A running bash, in a process group of its own with all that it starts.
pub(crate) struct Shell {
    bash: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    script: PathBuf,
}

impl Shell {
    /// Starts a shell in `folder` with nothing of this process's environment but what finds programs. `scratch` is for
    /// its own files.
    pub(crate) fn start(folder: &Path, scratch: &Path) -> anyhow::Result<Self> {
        // The wrapper is what everything was compiled with already, where the tests run as `cargo xtask test` runs them.
        let kept = [
            "PATH",
            "CARGO_HOME",
            "RUSTUP_HOME",
            "GANTRY_CACHE",
            "RUSTC_WORKSPACE_WRAPPER",
        ];
        let kept = kept
            .into_iter()
            .filter_map(|name| Some((name, std::env::var_os(name)?)));
        let mut command = Command::new("bash");
        command
            .args(["--noprofile", "--norc"])
            .current_dir(folder)
            .env_clear()
            .envs(kept)
            .env("HOME", scratch)
            .env("LC_ALL", "C.UTF-8")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .process_group(0)
            .kill_on_drop(true);
        // Elsewhere they follow from the home folder, which is another here.
        if let Some(home) = std::env::var_os("HOME").map(PathBuf::from) {
            for (name, folder) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
                if std::env::var_os(name).is_none() && home.join(folder).is_dir() {
                    command.env(name, home.join(folder));
                }
            }
        }
        let mut bash = command.spawn().context("cannot start bash")?;
        Ok(Self {
            input: bash.stdin.take().context("no standard input")?,
            output: BufReader::new(bash.stdout.take().context("no standard output")?),
            script: scratch.join("command.sh"),
            bash,
        })
    }

    /// Runs one command; gives its exit code and what it printed.
    pub(crate) async fn run(&mut self, command: &str) -> anyhow::Result<(i32, String)> {
        tokio::fs::write(&self.script, command).await?;
        // Sourced, so that variables and folders stay; with nothing to read, or it would read what comes next.
        let line = format!(
            ". '{}' < /dev/null 2>&1\nprintf '\\n{END} %d\\n' $?\n",
            self.script.display()
        );
        self.input.write_all(line.as_bytes()).await?;
        self.input.flush().await?;
        let mut printed = String::new();
        let code = match tokio::time::timeout(PATIENCE, self.until_end(&mut printed)).await {
            Ok(code) => code?,
            Err(_) => bail!("it did not end within {} s; so far:\n{printed}", PATIENCE.as_secs()),
        };
        Ok((code, printed))
    }

    async fn until_end(&mut self, printed: &mut String) -> anyhow::Result<i32> {
        let mut line = Vec::new();
        loop {
            line.clear();
            if self.output.read_until(b'\n', &mut line).await? == 0 {
                bail!("the shell has ended; it printed:\n{printed}");
            }
            let text = String::from_utf8_lossy(&line);
            if let Some(code) = text.strip_prefix(END) {
                return code.trim().parse().context("an exit code");
            }
            printed.push_str(&text);
        }
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        // With what it started and did not wait for.
        let group = self.bash.id().and_then(|id| i32::try_from(id).ok());
        if let Some(group) = group {
            let _ = std::process::Command::new("kill")
                .args(["-s", "TERM", "--", &format!("-{group}")])
                .stderr(Stdio::null())
                .status();
        }
    }
}

/// The commands of a block: each is as many lines as bash needs for a whole one.
pub(crate) fn commands(text: &str) -> anyhow::Result<Vec<String>> {
    let mut all = Vec::new();
    let mut command = String::new();
    for line in text.lines() {
        if command.is_empty() && (line.trim().is_empty() || line.trim_start().starts_with('#')) {
            continue;
        }
        command.push_str(line);
        command.push('\n');
        if !line.ends_with('\\') && is_whole(&command)? {
            all.push(std::mem::take(&mut command));
        }
    }
    if !command.is_empty() {
        bail!("bash does not understand: {command}");
    }
    Ok(all)
}

fn is_whole(command: &str) -> anyhow::Result<bool> {
    let checked = std::process::Command::new("bash")
        .args(["-n", "-c", command])
        .env("LC_ALL", "C")
        .output()
        .context("cannot start bash")?;
    // A here-document without an end is a warning only.
    Ok(checked.status.success() && checked.stderr.is_empty())
}

#[tokio::test]
async fn variables_stay_and_codes_and_outputs_are_told_apart() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let mut shell = Shell::start(folder.path(), folder.path())?;
    assert_eq!(shell.run("A=1; cd /").await?, (0, "\n".to_owned()));
    assert_eq!(
        shell.run("echo $A $PWD; echo err >&2").await?,
        (0, "1 /\nerr\n\n".to_owned())
    );
    assert_eq!(shell.run("false").await?.0, 1);
    assert_eq!(shell.run("cat").await?, (0, "\n".to_owned()));
    assert_eq!(shell.run("printf unended").await?, (0, "unended\n".to_owned()));
    assert!(shell.run("exit 3").await.is_err());
    Ok(())
}

#[test]
fn a_command_may_have_several_lines() {
    let text = "# a comment\na b\nc \\\n  d\n\ncat > x <<'EOF'\none\nEOF\nif true; then\n  e\nfi\n";
    let expected = [
        "a b\n",
        "c \\\n  d\n",
        "cat > x <<'EOF'\none\nEOF\n",
        "if true; then\n  e\nfi\n",
    ];
    assert_eq!(commands(text).expect("commands"), expected);
    assert!(commands("echo 'open\n").is_err());
}
