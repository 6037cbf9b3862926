//! A guard for programs that do not watch their parent: a shell that stops them when its standard input ends.
//!
//! A shell and not this program again: it can be started as another user and from a test, where this program's file
//! cannot be reached or is another one. `docs/decisions/private-postgres.md` says more.

use std::process::Command;

use super::ChildSpec;

/// Another user to run as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Login name.
    pub name: String,
    /// Its user id.
    pub uid: u32,
    /// Its group id.
    pub gid: u32,
}

impl User {
    /// The user with this login name; none if there is none.
    pub fn find(name: &str) -> Option<Self> {
        let user = nix::unistd::User::from_name(name).ok().flatten()?;
        Some(Self {
            name: user.name,
            uid: user.uid.as_raw(),
            gid: user.gid.as_raw(),
        })
    }

    /// A command that runs as this user (and its groups); the arguments follow.
    pub fn command(user: Option<&Self>) -> Command {
        let mut command = Command::new("setpriv");
        if let Some(user) = user {
            command.args([
                format!("--reuid={}", user.uid),
                format!("--regid={}", user.gid),
                "--init-groups".to_owned(),
            ]);
        }
        command
    }
}

/// $1 is the stop signal; then the command. `read` and not `cat` watches, because it is no process of its own that would
/// have to be stopped; the signal for the parent's death covers the death of the guard itself. The trap comes before the
/// command, which may be ready, and told to stop, before this shell runs again.
const SCRIPT: &str = r#"
exec 3<&0 </dev/null
signal=$1
shift
child=
told=
trap 'told=yes; [ -z "$child" ] || kill -s "$signal" "$child" 2>/dev/null' TERM INT HUP
"$@" 3<&- &
child=$!
[ -z "$told" ] || kill -s "$signal" "$child" 2>/dev/null
(while read -r _ <&3; do :; done; kill -s "$signal" "$child") 2>/dev/null &
watcher=$!
exec 3<&-
code=0
while :; do
    wait "$child"
    code=$?
    kill -0 "$child" 2>/dev/null || break
done
kill "$watcher" 2>/dev/null
exit "$code"
"#;

/// The command that runs `spec` under a guard.
pub(super) fn command(spec: &ChildSpec, user: Option<&User>) -> Command {
    let signal = match spec.stop_signal {
        super::Signal::INT => "INT",
        super::Signal::QUIT => "QUIT",
        _ => "TERM",
    };
    let inner = User::command(user);
    let mut command = Command::new("/bin/sh");
    command.args(["-c", SCRIPT, "guard", signal]);
    command.arg(inner.get_program()).args(inner.get_args());
    command
        .arg(format!("--pdeathsig={signal}"))
        .arg("--")
        .arg(&spec.program)
        .args(&spec.args);
    command
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::process::{Pid, Signal, kill_process};
    use std::io::{BufRead as _, BufReader, Read as _};
    use std::process::Stdio;

    #[test]
    fn a_guard_that_is_told_before_it_knows_its_command_still_tells_it() {
        let folder = tempfile::tempdir().unwrap();
        // The shell stands still between starting the command and noting which process that is.
        let still = "while ! test -e go; do sleep 0.01; done";
        let script = SCRIPT.replacen("child=$!", &format!("{still}\nchild=$!"), 1);
        assert_ne!(script, SCRIPT);
        let command = "trap 'echo told; exit 5' TERM; echo up; while :; do sleep 0.01; done";
        let mut guard = Command::new("/bin/sh")
            .args([
                "-c",
                &script,
                "guard",
                "TERM",
                "setpriv",
                "--pdeathsig=KILL",
                "--",
                "/bin/sh",
            ])
            .args(["-c", command])
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(guard.stdout.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        assert_eq!(line, "up\n");
        kill_process(Pid::from_child(&guard), Signal::TERM).unwrap();
        std::fs::write(folder.path().join("go"), "").unwrap();
        let mut rest = String::new();
        said.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "told\n");
        assert_eq!(guard.wait().unwrap().code(), Some(5));
    }
}
