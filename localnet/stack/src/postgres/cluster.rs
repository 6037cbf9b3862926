//! The folder of a private server: where it may be, how it is made, what a killed run may have left in it.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Signal, geteuid};
use sha2::{Digest as _, Sha256};

use super::{Installation, PostgresError};
use crate::child::User;
use crate::processes::{Process, with_descendants};

/// Folders of the user `postgres`, for runs whose own folder it cannot reach.
const FALLBACK: &str = "/var/lib/postgresql/gantry";

/// A file there that names the run's own folder.
const OWNER: &str = "run-folder";

/// How long the server of a killed run may take to stop: its guard has told it to already.
const LEFTOVER_STOPS_WITHIN: Duration = Duration::from_secs(5);

/// The path of a socket may have 107 bytes, and its name takes up to 17 of them.
const LONGEST_SOCKET_FOLDER: usize = 89;

/// The name of the superuser and of the first database.
pub(super) const USER: &str = "gantry";

/// A prepared data folder.
#[derive(Debug)]
pub(super) struct Cluster {
    pub(super) installation: Installation,
    pub(super) user: Option<User>,
    pub(super) data: PathBuf,
    /// None where its path would be too long: then there is TCP alone.
    pub(super) socket: Option<PathBuf>,
    pub(super) password: String,
}

impl Cluster {
    /// Prepares the data folder of the run in `run_dir`; makes it if need be.
    pub(super) async fn prepare(run_dir: &Path) -> Result<Self, PostgresError> {
        let user = if geteuid().is_root() {
            Some(User::find("postgres").ok_or(PostgresError::NoUser)?)
        } else {
            None
        };
        let base = base(run_dir, user.as_ref())?;
        let data = base.join("data");
        let installation = Installation::find(&data)?;
        let socket = Some(base.join("socket")).filter(|folder| folder.as_os_str().len() <= LONGEST_SOCKET_FOLDER);
        if let Some(folder) = &socket {
            make_folder(folder, user.as_ref())?;
        }
        stop_leftover(&data).await?;
        let secret = base.join("password");
        let password = if data.exists() {
            fs::read_to_string(&secret).map_err(at(&secret))?
        } else {
            let password = random_password()?;
            init(&installation, &base, &password, user.as_ref()).await?;
            password
        };
        Ok(Self {
            installation,
            user,
            data,
            socket,
            password,
        })
    }
}

/// The folder that holds data, socket and password.
fn base(run_dir: &Path, user: Option<&User>) -> Result<PathBuf, PostgresError> {
    fs::create_dir_all(run_dir).map_err(at(run_dir))?;
    let run_dir = run_dir.canonicalize().map_err(at(run_dir))?;
    let base = run_dir.join("postgres");
    // The server's user must get through to it, which below /root it does not.
    if user.is_none() || can_enter(&run_dir, user)? {
        make_folder(&base, user)?;
        return Ok(base);
    }
    let name = hex::encode(&Sha256::digest(run_dir.as_os_str().as_encoded_bytes())[..8]);
    let parent = Path::new(FALLBACK);
    make_folder(parent, user)?;
    remove_abandoned(parent);
    let base = parent.join(name);
    make_folder(&base, user)?;
    let owner = base.join(OWNER);
    fs::write(&owner, run_dir.as_os_str().as_encoded_bytes()).map_err(at(&owner))?;
    Ok(base)
}

/// Removes the folders of runs whose own folder is no more: nobody would find them there.
fn remove_abandoned(parent: &Path) {
    for base in fs::read_dir(parent)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
    {
        let Ok(owner) = fs::read(base.join(OWNER)) else {
            continue;
        };
        let gone = !Path::new(OsStr::from_bytes(&owner)).exists();
        if gone && running_server(&base.join("data")).is_none() {
            match fs::remove_dir_all(&base) {
                Ok(()) => tracing::info!(folder = %base.display(), "removed the database of a run that is no more"),
                Err(error) => tracing::warn!(folder = %base.display(), %error, "cannot remove an abandoned database"),
            }
        }
    }
}

fn can_enter(folder: &Path, user: Option<&User>) -> Result<bool, PostgresError> {
    let mut command = User::command(user);
    let output = command.args(["test", "-x"]).arg(folder).stdin(Stdio::null()).output();
    Ok(output.map_err(at(Path::new("setpriv")))?.status.success())
}

/// A folder for the server alone.
fn make_folder(folder: &Path, user: Option<&User>) -> Result<(), PostgresError> {
    fs::create_dir_all(folder).map_err(at(folder))?;
    if let Some(user) = user {
        chown(folder, Some(user.uid), Some(user.gid)).map_err(at(folder))?;
    }
    fs::set_permissions(folder, Permissions::from_mode(0o700)).map_err(at(folder))
}

/// Makes the data folder under another name first: what has the final name is whole, also after a kill halfway.
async fn init(
    installation: &Installation,
    base: &Path,
    password: &str,
    user: Option<&User>,
) -> Result<(), PostgresError> {
    let (data, new, secret) = (base.join("data"), base.join("data.new"), base.join("password"));
    if new.exists() {
        fs::remove_dir_all(&new).map_err(at(&new))?;
    }
    write_secret(&secret, password, user)?;
    let mut command = User::command(user);
    command
        .arg("--")
        .arg(installation.bin.join("initdb"))
        .arg("--pgdata")
        .arg(&new)
        .arg(format!("--username={USER}"))
        .arg("--pwfile")
        .arg(&secret)
        .args([
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--lc-messages=C",
        ])
        .current_dir(base)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .stdin(Stdio::null());
    let output = tokio::process::Command::from(command)
        .kill_on_drop(true)
        .output()
        .await
        .map_err(at(&new))?;
    if !output.status.success() {
        let mut said = String::from_utf8_lossy(&output.stdout).into_owned();
        said.push_str(&String::from_utf8_lossy(&output.stderr));
        return Err(PostgresError::InitDb {
            status: output.status,
            output: said,
        });
    }
    fs::rename(&new, &data).map_err(at(&data))
}

fn write_secret(file: &Path, secret: &str, user: Option<&User>) -> Result<(), PostgresError> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(at(file)(error)),
        _ => {}
    }
    fs::write(file, "").map_err(at(file))?;
    fs::set_permissions(file, Permissions::from_mode(0o600)).map_err(at(file))?;
    if let Some(user) = user {
        // `initdb` reads it as that user.
        chown(file, Some(user.uid), Some(user.gid)).map_err(at(file))?;
    }
    fs::write(file, secret).map_err(at(file))
}

fn random_password() -> Result<String, PostgresError> {
    let source = Path::new("/dev/urandom");
    let mut bytes = [0; 24];
    fs::File::open(source)
        .and_then(|mut file| file.read_exact(&mut bytes))
        .map_err(at(source))?;
    Ok(hex::encode(bytes))
}

/// Stops a server that a killed run left in `data`, and clears away what would keep ours from starting.
async fn stop_leftover(data: &Path) -> Result<(), PostgresError> {
    let lock = data.join("postmaster.pid");
    let Some(server) = running_server(data) else {
        // The id in it may be another process's by now, and the server would believe it to be its own.
        return match fs::remove_file(&lock) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(at(&lock)(error)),
            _ => Ok(()),
        };
    };
    tracing::info!(pid = server.pid, "waiting for the Postgres of an earlier run to stop");
    let backends = with_descendants(&[server.pid]);
    for signal in [Signal::INT, Signal::QUIT, Signal::KILL] {
        server.signal(signal);
        if server.ended(LEFTOVER_STOPS_WITHIN).await {
            break;
        }
    }
    for backend in backends {
        // They share memory with the server; a new one waits for them to be gone.
        if !backend.ended(LEFTOVER_STOPS_WITHIN).await {
            backend.signal(Signal::KILL);
        }
    }
    Ok(())
}

/// The server that runs in `data`, if one does.
pub(super) fn running_server(data: &Path) -> Option<Process> {
    let pid: u32 = fs::read_to_string(data.join("postmaster.pid"))
        .ok()?
        .lines()
        .next()?
        .trim()
        .parse()
        .ok()?;
    let process = Process::find(pid).filter(Process::is_alive)?;
    // The server's folder is its data; whoever has its id by chance is somewhere else.
    let folder = fs::read_link(format!("/proc/{pid}/cwd")).ok()?;
    (folder == data.canonicalize().ok()?).then_some(process)
}

/// Names the file in an error.
pub(super) fn at(path: &Path) -> impl Fn(io::Error) -> PostgresError + use<> {
    let path = path.to_owned();
    move |error| PostgresError::Io {
        path: path.clone(),
        error,
    }
}
