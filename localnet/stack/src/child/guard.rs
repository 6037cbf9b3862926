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
/// have to be stopped; the signal for the parent's death covers the death of the guard itself.
const SCRIPT: &str = r#"
exec 3<&0 </dev/null
signal=$1
shift
"$@" 3<&- &
child=$!
(while read -r _ <&3; do :; done; kill -s "$signal" "$child") 2>/dev/null &
watcher=$!
exec 3<&-
trap 'kill -s "$signal" "$child" 2>/dev/null' TERM INT HUP
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
