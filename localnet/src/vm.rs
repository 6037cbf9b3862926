//! Surfpool in this process: one thread for its run loop, one that reads its events.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;
use solana_pubkey::Pubkey;
use surfpool_core::runloops::start_local_surfnet_runloop;
use surfpool_core::surfnet::GeyserEvent;
use surfpool_core::surfnet::locker::SurfnetSvmLocker;
use surfpool_core::surfnet::svm::{SurfnetSvm, SurfnetSvmConfig};
use surfpool_types::{BlockProductionMode, RpcConfig, SimnetCommand, SimnetConfig, SurfpoolConfig};
use tokio::sync::watch;

use crate::faults::Faults;
use crate::ledger::Ledger;
use crate::programs::Program;
use crate::source::{Assembler, Phase, Pump};

/// How long the VM gets to end by itself.
const SHUTDOWN_PATIENCE: Duration = Duration::from_secs(3);

/// The VM could not be made to run.
#[derive(Debug, thiserror::Error)]
pub enum VmError {
    /// The VM refused its configuration.
    #[error("the VM could not be created: {0}")]
    Create(String),
    /// The operating system refused a thread.
    #[error("a thread of the VM could not be started: {0}")]
    Thread(#[from] std::io::Error),
    /// The run loop ended before or while it served.
    #[error("the VM stopped: {0}")]
    Stopped(String),
    /// It started but did not get to serve in time.
    #[error("the VM did not start to serve within {0:?}")]
    TooSlow(Duration),
}

pub(crate) struct VmOptions {
    pub(crate) rpc: SocketAddr,
    pub(crate) ws: SocketAddr,
    pub(crate) slot_time: Duration,
    pub(crate) programs: Vec<Program>,
    pub(crate) upgrade_authority: Option<Pubkey>,
    pub(crate) faults: Faults,
}

/// A running VM; ends with [`Vm::stop`], or when it is dropped, without waiting.
pub(crate) struct Vm {
    commands: Sender<SimnetCommand>,
    phase: watch::Receiver<Phase>,
    run_loop: Option<JoinHandle<()>>,
}

impl Vm {
    /// Starts the VM's threads. It serves once [`Vm::wait_until_running`] returns.
    pub(crate) fn start(options: VmOptions, ledger: Arc<Ledger>) -> Result<Self, VmError> {
        let slot_time = u64::try_from(options.slot_time.as_millis()).unwrap_or(u64::MAX);
        let (svm, simnet_events, geyser_events) = SurfnetSvm::new(SurfnetSvmConfig {
            slot_time,
            // Profiles are kept per transaction, and nobody here reads them.
            instruction_profiling_enabled: false,
            max_profiles: 1,
            ..SurfnetSvmConfig::default()
        })
        .map_err(|error| VmError::Create(error.to_string()))?;
        let locker = SurfnetSvmLocker::new(svm);
        let (phase_sender, phase) = watch::channel(Phase::Starting);
        let pump = Pump::new(
            locker.clone(),
            geyser_events,
            simnet_events,
            phase_sender.clone(),
            Assembler::with_faults(ledger, options.faults),
        );
        std::thread::Builder::new()
            .name("vm-events".to_owned())
            .spawn(move || pump.run())?;
        let (commands, command_receiver) = crossbeam_channel::unbounded();
        let commands_for_loop = commands.clone();
        let config = SurfpoolConfig {
            simnets: vec![SimnetConfig {
                offline_mode: true,
                remote_rpc_url: None,
                slot_time,
                block_production_mode: BlockProductionMode::Clock,
                instruction_profiling_enabled: false,
                max_profiles: 1,
                ..SimnetConfig::default()
            }],
            rpc: RpcConfig {
                bind_host: host(options.rpc),
                bind_port: options.rpc.port(),
                ws_port: options.ws.port(),
                ..RpcConfig::default()
            },
            ..SurfpoolConfig::default()
        };
        let run = move || -> Result<(), String> {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .thread_name("vm-worker")
                .enable_all()
                .build()
                .map_err(|error| error.to_string())?;
            // Surfpool hands this one to its plugins and waits for its end: it stays open, and stays silent, as our
            // pump has the real one.
            let (_plugin_events, plugin_receiver) = crossbeam_channel::bounded::<GeyserEvent>(1);
            runtime.block_on(async {
                for program in &options.programs {
                    deploy(&locker, program, options.upgrade_authority).await?;
                }
                start_local_surfnet_runloop(locker, config, commands_for_loop, command_receiver, plugin_receiver)
                    .await
                    .map_err(|error| error.to_string())
            })
        };
        let run_loop = std::thread::Builder::new().name("vm-loop".to_owned()).spawn(move || {
            let why = match run() {
                Ok(()) => "asked to".to_owned(),
                Err(error) => error,
            };
            phase_sender.send_replace(Phase::Stopped(why));
        })?;
        Ok(Self {
            commands,
            phase,
            run_loop: Some(run_loop),
        })
    }

    /// Waits until RPC and WebSocket servers answer.
    pub(crate) async fn wait_until_running(&self, patience: Duration) -> Result<(), VmError> {
        let mut phase = self.phase.clone();
        let reached = tokio::time::timeout(patience, phase.wait_for(|phase| *phase != Phase::Starting)).await;
        match reached.map_err(|_| VmError::TooSlow(patience))?.as_deref() {
            Ok(Phase::Stopped(why)) => Err(VmError::Stopped(why.clone())),
            Ok(_) => Ok(()),
            Err(_) => Err(VmError::Stopped("its threads have gone".to_owned())),
        }
    }

    /// Waits until the VM stops by itself, and says why.
    pub(crate) async fn stopped(&self) -> String {
        let mut phase = self.phase.clone();
        match phase
            .wait_for(|phase| matches!(phase, Phase::Stopped(_)))
            .await
            .as_deref()
        {
            Ok(Phase::Stopped(why)) => why.clone(),
            _ => "its threads have gone".to_owned(),
        }
    }

    /// Ends the VM and its servers.
    pub(crate) async fn stop(mut self) {
        let _ = self.commands.send(SimnetCommand::Terminate(None));
        let Some(run_loop) = self.run_loop.take() else { return };
        let deadline = Instant::now() + SHUTDOWN_PATIENCE;
        // Surfpool's thread cannot be awaited; it ends at its next event, at most a slot away.
        while !run_loop.is_finished() && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Vm {
    fn drop(&mut self) {
        let _ = self.commands.send(SimnetCommand::Terminate(None));
    }
}

async fn deploy(locker: &SurfnetSvmLocker, program: &Program, authority: Option<Pubkey>) -> Result<(), String> {
    let id = program.source.id;
    let failed = |error: &dyn std::fmt::Display| {
        format!(
            "program {} ({}) could not be deployed at {id}: {error}",
            program.source.name,
            program.source.path.display()
        )
    };
    locker
        .write_program(id, authority, 0, &program.elf, &None)
        .await
        .map_err(|error| failed(&error))?;
    // `write_program` swallows what the VM says of the code; setting the account again makes it verify once more.
    let verified = locker.with_svm_writer(move |svm| match svm.get_account(&id) {
        Ok(Some(account)) => svm.set_account(&id, account).map_err(|error| error.to_string()),
        Ok(None) => Err("its account is missing after the deployment".to_owned()),
        Err(error) => Err(error.to_string()),
    });
    verified.map_err(|error| failed(&error))?;
    tracing::info!(program = %program.source.name, %id, bytes = program.elf.len(), "deployed");
    Ok(())
}

/// The host part of an address as Surfpool joins it with a port.
fn host(address: SocketAddr) -> String {
    match address {
        SocketAddr::V4(address) => address.ip().to_string(),
        SocketAddr::V6(address) => format!("[{}]", address.ip()),
    }
}
