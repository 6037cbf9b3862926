//! A real Podman of a test's own: its storage, its socket and its image are in a temporary folder. Needs root and the
//! Debian packages `podman` and `runc`; where they are not there, every test says so and is skipped, unless
//! `GANTRY_REQUIRE_CONTAINERS` is set.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use gantry_sdk::spec::ImageRef;
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(60);
/// What the image is made of: programs of this host, with their libraries.
const PROGRAMS: &[&str] = &["sh", "cat", "head", "id", "ls", "sleep", "tail", "touch", "env"];

/// A Podman with one image.
pub(crate) struct Podman {
    folder: TempDir,
    service: Child,
    pub(crate) image: ImageRef,
}

impl Drop for Podman {
    fn drop(&mut self) {
        let _ = self.podman().args(["rm", "--all", "--force", "--time", "0"]).output();
        let _ = self.service.kill();
        let _ = self.service.wait();
        // What was mounted for a container would keep the folder.
        let _ = self.podman().args(["system", "reset", "--force"]).output();
    }
}

fn podman(folder: &Path) -> Command {
    let mut command = Command::new("podman");
    command
        // conmon leaves a file where it is started when a container runs out of memory.
        .current_dir(folder)
        .env("CONTAINERS_CONF", folder.join("containers.conf"))
        .arg("--root")
        .arg(folder.join("storage"))
        .arg("--runroot")
        .arg(folder.join("run"))
        .arg("--tmpdir")
        .arg(folder.join("libpod"))
        .args(["--storage-driver", "vfs"]);
    command
}

fn output(command: &mut Command) -> String {
    let output = command.output().expect("it can be started");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {error}");
    String::from_utf8(output.stdout).expect("text").trim().to_owned()
}

/// Why there is no Podman here, if there is none.
fn missing() -> Option<String> {
    let found = |program: &str| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
    };
    if !rustix::process::getuid().is_root() {
        return Some("this is not root".to_owned());
    }
    ["podman", "runc", "tar"]
        .iter()
        .find(|program| !found(program))
        .map(|program| format!("there is no {program}"))
}

impl Podman {
    /// Starts it; `None` where containers cannot be tested, which is said.
    pub(crate) async fn start() -> Option<Self> {
        if let Some(reason) = missing() {
            let text = format!("SKIPPED, nothing was tested: {reason}");
            assert!(std::env::var_os("GANTRY_REQUIRE_CONTAINERS").is_none(), "{text}");
            eprintln!("{text}");
            return None;
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        let at = folder.path();
        // runc, since it works on old control groups, too; limits that no host refuses; locks of its own, where the
        // usual ones are one for the whole host.
        let conf = "[containers]\ndefault_ulimits = [\"nofile=1024:1024\", \"nproc=4096:4096\"]\n\
                    [engine]\nruntime = \"runc\"\ncgroup_manager = \"cgroupfs\"\nevents_logger = \"file\"\n\
                    lock_type = \"file\"\n";
        std::fs::write(at.join("containers.conf"), conf).expect("written");
        let tar = make_image(at);
        let imported = output(
            podman(at)
                .args(["import", "--quiet"])
                .arg(&tar)
                .arg("localhost/gantry-test:1"),
        );
        assert!(!imported.is_empty());
        let digest =
            output(podman(at).args(["image", "inspect", "--format", "{{.Digest}}", "localhost/gantry-test:1"]));
        let socket = at.join("podman.sock");
        let log = std::fs::File::create(at.join("service.log")).expect("made");
        let service = podman(at)
            .args(["system", "service", "--time", "0"])
            .arg(format!("unix://{}", socket.display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("started");
        let podman = Self {
            folder,
            service,
            image: format!("localhost/gantry-test@{digest}").parse().expect("an image"),
        };
        let started = Instant::now();
        while let Err(error) = tokio::net::UnixStream::connect(podman.socket()).await {
            assert!(
                started.elapsed() < PATIENCE,
                "podman's service does not listen: {error}"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Some(podman)
    }

    /// The command, over the same storage.
    pub(crate) fn podman(&self) -> Command {
        podman(self.folder.path())
    }

    /// Where it listens.
    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("podman.sock")
    }
}

/// Programs of this host with the libraries that `ldd` names, as an archive.
fn make_image(at: &Path) -> PathBuf {
    let root = at.join("rootfs");
    let copy = |file: &Path| {
        let target = root.join(file.strip_prefix("/").expect("absolute"));
        std::fs::create_dir_all(target.parent().expect("a folder")).expect("made");
        std::fs::copy(file, target).expect("copied");
    };
    for program in PROGRAMS {
        let program = Path::new("/bin").join(program);
        copy(&program);
        let libraries = output(Command::new("ldd").arg(&program));
        let paths = libraries.split_whitespace().filter(|word| word.starts_with('/'));
        paths.for_each(|library| copy(Path::new(library)));
    }
    for folder in ["proc", "dev", "sys", "tmp", "work", "etc"] {
        std::fs::create_dir_all(root.join(folder)).expect("made");
    }
    let tar = at.join("rootfs.tar");
    output(Command::new("tar").arg("-C").arg(&root).arg("-cf").arg(&tar).arg("."));
    tar
}
