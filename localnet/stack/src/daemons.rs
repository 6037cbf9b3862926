//! How each of Gantry's daemons is started.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::binaries::{Binaries, MissingBinary};
use crate::child::ChildSpec;
use crate::run_dir::RunDir;
use crate::stack::{ChainUrls, Ports};

/// Any of the daemons: `program`, called `name`, that ends with this process and says when it is ready.
///
/// # Errors
///
/// [`MissingBinary`] if it has not been built.
pub fn daemon(binaries: &Binaries, run_dir: &RunDir, name: &str, program: &str) -> Result<ChildSpec, MissingBinary> {
    Ok(ChildSpec::new(name, binaries.find(program)?, run_dir.log(name)))
}

/// Where the programs that the network deploys are.
#[derive(Debug, Clone)]
pub struct Programs {
    /// Folder with `registry.so`, `staking.so` and `market.so`.
    pub programs_dir: PathBuf,
    /// Folder with their IDLs.
    pub idl_dir: PathBuf,
}

impl Programs {
    /// Where the build puts them in the repository at `root`.
    pub fn of_repository(root: &Path) -> Self {
        Self {
            programs_dir: root.join("target/deploy"),
            idl_dir: root.join("idl"),
        }
    }
}

/// The embedded network.
///
/// # Errors
///
/// [`MissingBinary`] if it has not been built.
pub fn localnet(
    binaries: &Binaries,
    run_dir: &RunDir,
    programs: &Programs,
    ports: &Ports,
    slot_time_ms: u64,
) -> Result<ChildSpec, MissingBinary> {
    let spec = daemon(binaries, run_dir, "localnet", "gantry-localnet")?
        .arg("--programs-dir")
        .arg(&programs.programs_dir)
        .arg("--idl-dir")
        .arg(&programs.idl_dir)
        .args(["--rpc-port", &ports.rpc.to_string(), "--ws-port", &ports.ws.to_string()])
        .args([
            "--grpc-port",
            &ports.grpc.to_string(),
            "--slot-time-ms",
            &slot_time_ms.to_string(),
        ]);
    Ok(spec.daemon(run_dir.ready_file("localnet")))
}

/// The indexer. `reset` drops what the database holds of another network.
///
/// # Errors
///
/// [`MissingBinary`] if it has not been built.
pub fn indexer(
    binaries: &Binaries,
    run_dir: &RunDir,
    chain: &ChainUrls,
    grpc_url: &str,
    database_url: &str,
    listen: SocketAddr,
    reset: bool,
) -> Result<ChildSpec, MissingBinary> {
    let mut spec = daemon(binaries, run_dir, "indexer", "gantry-indexer")?
        .arg("run")
        .args([
            "--rpc-url",
            &chain.rpc,
            "--grpc-url",
            grpc_url,
            "--listen",
            &listen.to_string(),
        ])
        // Not as an argument: it holds the password.
        .env("DATABASE_URL", database_url);
    if reset {
        spec = spec.arg("--reset");
    }
    Ok(spec.daemon(run_dir.ready_file("indexer")))
}
