//! The embedded network: Surfpool, Gantry's programs and a Yellowstone gRPC endpoint in one process.
//!
//! ```text
//! Surfpool ── events ──> source ──> ledger ──> filters ──> service ──> Yellowstone clients
//!  (vm)                 (order)    (replay)   (matching)   (gRPC)
//! ```
//!
//! Other crates start the binary `gantry-localnet` and read [`Ready`] from its standard output or its ready file.

pub mod faults;
pub mod filters;
pub mod ledger;
mod ports;
mod programs;
pub mod service;
pub mod source;
mod vm;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use solana_pubkey::Pubkey;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use yellowstone_grpc_proto::prelude::CommitmentLevel;

pub use faults::Faults;
pub use ledger::{Ledger, Limits};
pub use ports::PortError;
pub use programs::{GANTRY_PROGRAMS, ProgramError, ProgramSource};
pub use service::ServiceOptions;
pub use vm::VmError;

use ports::Ports;
use vm::{Vm, VmOptions};

/// How long the network gets to serve: a debug build on a busy machine takes some seconds.
const START_PATIENCE: Duration = Duration::from_secs(60);

/// What to start.
#[derive(Debug, Clone)]
pub struct Config {
    /// Address to listen on.
    pub bind: IpAddr,
    /// JSON-RPC port; 0 for any free one.
    pub rpc_port: u16,
    /// WebSocket port; 0 for any free one.
    pub ws_port: u16,
    /// Yellowstone gRPC port; 0 for any free one.
    pub grpc_port: u16,
    /// Time from one slot to the next.
    pub slot_time: Duration,
    /// Programs to deploy before the first slot.
    pub programs: Vec<ProgramSource>,
    /// Who may upgrade them; nobody by default.
    pub upgrade_authority: Option<Pubkey>,
    /// What is kept for replay.
    pub limits: Limits,
    /// How the gRPC service behaves.
    pub service: ServiceOptions,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            bind: IpAddr::V4(Ipv4Addr::LOCALHOST),
            rpc_port: 8899,
            ws_port: 8900,
            grpc_port: 10000,
            slot_time: Duration::from_millis(400),
            programs: Vec::new(),
            upgrade_authority: None,
            limits: Limits::default(),
            service: ServiceOptions::default(),
        }
    }
}

/// Where a running network listens: the line that the binary prints, and the content of its ready file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// Always true.
    pub ready: bool,
    /// Process id.
    pub pid: u32,
    /// JSON-RPC, `http://host:port`.
    pub rpc_url: String,
    /// WebSocket, `ws://host:port`.
    pub ws_url: String,
    /// Yellowstone gRPC, `http://host:port`.
    pub grpc_url: String,
    /// Milliseconds from one slot to the next.
    pub slot_time_ms: u64,
    /// Deployed programs: name → address.
    pub programs: BTreeMap<String, String>,
}

/// The network could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A port cannot be used.
    #[error(transparent)]
    Port(#[from] PortError),
    /// A program cannot be deployed.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// The VM does not run.
    #[error(transparent)]
    Vm(#[from] VmError),
    /// The gRPC port could not be handed over.
    #[error("the gRPC port cannot be used: {0}")]
    Grpc(std::io::Error),
    /// A slot length that the VM cannot keep.
    #[error("the slot time must be between 1 ms and one minute")]
    SlotTime,
}

/// A running network.
pub struct Localnet {
    ready: Ready,
    vm: Vm,
    ledger: Arc<Ledger>,
    closing: watch::Sender<bool>,
    grpc: JoinHandle<Result<(), tonic::transport::Error>>,
}

impl Localnet {
    /// Starts the network; when this returns, all three ports answer and the first block is there.
    ///
    /// Needs a multi-threaded Tokio runtime.
    ///
    /// # Errors
    /// When a port is taken or a program is bad, before anything starts; when the VM does not come up.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        if config.slot_time.is_zero() || config.slot_time > Duration::from_secs(60) {
            return Err(StartError::SlotTime);
        }
        let programs = programs::load(&config.programs)?;
        let ports = Ports::claim(config.bind, config.rpc_port, config.ws_port, config.grpc_port)?;
        let ledger = Arc::new(Ledger::new(config.limits));
        let ready = Ready {
            ready: true,
            pid: std::process::id(),
            rpc_url: format!("http://{}", ports.rpc),
            ws_url: format!("ws://{}", ports.ws),
            grpc_url: format!("http://{}", ports.grpc.local_addr().map_err(StartError::Grpc)?),
            slot_time_ms: u64::try_from(config.slot_time.as_millis()).unwrap_or(u64::MAX),
            programs: config
                .programs
                .iter()
                .map(|program| (program.name.clone(), program.id.to_string()))
                .collect(),
        };
        ports.grpc.set_nonblocking(true).map_err(StartError::Grpc)?;
        let listener = tokio::net::TcpListener::from_std(ports.grpc).map_err(StartError::Grpc)?;
        let options = VmOptions {
            rpc: ports.rpc,
            ws: ports.ws,
            slot_time: config.slot_time,
            programs,
            upgrade_authority: config.upgrade_authority,
            faults: config.service.faults.clone(),
        };
        let vm = Vm::start(options, Arc::clone(&ledger))?;
        vm.wait_until_running(START_PATIENCE).await?;
        first_block(&ledger, &vm).await?;
        let (closing, closed) = watch::channel(false);
        let grpc = tokio::spawn(service::serve(listener, Arc::clone(&ledger), config.service, closed));
        Ok(Self {
            ready,
            vm,
            ledger,
            closing,
            grpc,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn ready(&self) -> &Ready {
        &self.ready
    }

    /// What it has recorded.
    #[must_use]
    pub fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    /// Waits until a part of the network stops by itself, and says which and why.
    pub async fn failed(&mut self) -> String {
        tokio::select! {
            why = self.vm.stopped() => format!("the VM stopped: {why}"),
            ended = &mut self.grpc => match ended {
                Ok(Err(error)) => format!("the gRPC server stopped: {error}"),
                Ok(Ok(())) => "the gRPC server stopped".to_owned(),
                Err(error) => format!("the gRPC server panicked: {error}"),
            },
        }
    }

    /// Ends all subscriptions and the VM.
    pub async fn stop(self) {
        self.closing.send_replace(true);
        if !self.grpc.is_finished() {
            // Clients that keep their connection open do not keep the process.
            let _ = tokio::time::timeout(Duration::from_secs(1), self.grpc).await;
        }
        self.vm.stop().await;
    }
}

async fn first_block(ledger: &Ledger, vm: &Vm) -> Result<(), VmError> {
    let mut head = ledger.watch();
    let wait = async {
        while ledger.tip(CommitmentLevel::Confirmed).is_none() {
            if head.changed().await.is_err() {
                break;
            }
        }
    };
    tokio::select! {
        waited = tokio::time::timeout(START_PATIENCE, wait) => waited.map_err(|_| VmError::TooSlow(START_PATIENCE)),
        why = vm.stopped() => Err(VmError::Stopped(why)),
    }
}

impl Ready {
    /// Writes this to `path`; whoever looks sees the whole file or none.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn write(&self, path: &Path) -> std::io::Result<()> {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.tmp", self.pid));
        let temporary = path.with_file_name(name);
        std::fs::write(&temporary, self.line())?;
        std::fs::rename(&temporary, path)
    }

    /// One line of JSON.
    #[must_use]
    pub fn line(&self) -> String {
        // Strings and numbers always serialize.
        serde_json::to_string(self).unwrap_or_default()
    }
}
