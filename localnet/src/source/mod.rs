//! Surfpool's events → the ledger.
//!
//! Both of the VM's channels hold 1,024 events and the VM waits, with its lock held, when the Geyser one is full.
//! Whoever reads them must therefore never wait for that lock without emptying them meanwhile: [`Pump`] only *tries*
//! to take it, and drains between tries.

mod assembler;
mod convert;
mod phantom;

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, select};
use solana_pubkey::Pubkey;
use surfpool_core::solana_account::Account;
use surfpool_core::surfnet::locker::SurfnetSvmLocker;
use surfpool_core::surfnet::{GeyserEvent, GeyserSlotStatus, GeyserTransactionEvent};
use surfpool_types::SimnetEvent;
use tokio::sync::watch;
use yellowstone_grpc_proto::prelude::SubscribeUpdateEntry;

pub use assembler::{AccountState, Assembler, BlockFacts};

/// Where the VM is in its life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Not serving yet.
    Starting,
    /// RPC and WebSocket servers answer.
    Running,
    /// Over, and why.
    Stopped(String),
}

enum Input {
    Geyser(Box<GeyserEvent>),
    /// Accounts that the VM changed without a Geyser event, read in `slot`.
    Reread {
        slot: u64,
        accounts: Vec<(Pubkey, AccountState)>,
    },
}

/// Reads the VM's channels for as long as the VM lives.
pub(crate) struct Pump {
    locker: SurfnetSvmLocker,
    geyser: Receiver<GeyserEvent>,
    simnet: Receiver<SimnetEvent>,
    phase: watch::Sender<Phase>,
    assembler: Assembler,
    backlog: VecDeque<Input>,
    /// Accounts that the VM said it changed, to be read again.
    touched: BTreeSet<Pubkey>,
    /// Accounts written by the transaction whose own event comes next.
    written: HashSet<Pubkey>,
}

impl Pump {
    pub(crate) fn new(
        locker: SurfnetSvmLocker,
        geyser: Receiver<GeyserEvent>,
        simnet: Receiver<SimnetEvent>,
        phase: watch::Sender<Phase>,
        assembler: Assembler,
    ) -> Self {
        Self {
            locker,
            geyser,
            simnet,
            phase,
            assembler,
            backlog: VecDeque::new(),
            touched: BTreeSet::new(),
            written: HashSet::new(),
        }
    }

    /// Runs until the VM has gone.
    pub(crate) fn run(mut self) {
        loop {
            let geyser = self.geyser.clone();
            let simnet = self.simnet.clone();
            select! {
                recv(geyser) -> event => match event {
                    Ok(event) => self.backlog.push_back(Input::Geyser(Box::new(event))),
                    Err(_) => break,
                },
                recv(simnet) -> event => match event {
                    Ok(event) => self.on_simnet(event),
                    Err(_) => break,
                },
            }
            self.drain();
            if !self.touched.is_empty() {
                self.reread();
            }
            while let Some(input) = self.backlog.pop_front() {
                self.apply(input);
            }
        }
        self.phase.send_if_modified(|phase| {
            let over = matches!(phase, Phase::Stopped(_));
            if !over {
                *phase = Phase::Stopped("the VM closed its channels".to_owned());
            }
            !over
        });
    }

    fn drain(&mut self) {
        self.backlog
            .extend(self.geyser.try_iter().map(|event| Input::Geyser(Box::new(event))));
        let events: Vec<_> = self.simnet.try_iter().collect();
        for event in events {
            self.on_simnet(event);
        }
    }

    fn on_simnet(&mut self, event: SimnetEvent) {
        match event {
            SimnetEvent::CoreStarted(_) => {
                self.phase.send_replace(Phase::Running);
            }
            SimnetEvent::Aborted(reason) => {
                self.phase.send_replace(Phase::Stopped(reason));
            }
            SimnetEvent::AccountUpdate(_, pubkey) => {
                self.touched.insert(pubkey);
            }
            SimnetEvent::ErrorLog(_, message) => tracing::debug!(target: "surfpool", "{message}"),
            SimnetEvent::WarnLog(_, message) => tracing::warn!(target: "surfpool", "{message}"),
            SimnetEvent::InfoLog(_, message) | SimnetEvent::DebugLog(_, message) => {
                tracing::trace!(target: "surfpool", "{message}");
            }
            _ => {}
        }
    }

    /// Runs `read` on the VM between two of its steps. Every event that the VM sent before that moment is in the
    /// backlog when `read` has run, and none that it sent after.
    fn with_vm<T>(&mut self, read: impl Fn(&surfpool_core::surfnet::svm::SurfnetSvm) -> T) -> T {
        let lock = std::sync::Arc::clone(&self.locker.0);
        loop {
            if let Ok(vm) = lock.try_read() {
                let value = read(&vm);
                self.drain();
                return value;
            }
            self.drain();
            match self.geyser.recv_timeout(Duration::from_millis(1)) {
                Ok(event) => self.backlog.push_back(Input::Geyser(Box::new(event))),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
        }
    }

    fn reread(&mut self) {
        let touched = std::mem::take(&mut self.touched);
        let (slot, accounts) = self.with_vm(|vm| {
            let read = |pubkey: &Pubkey| match vm.get_account(pubkey) {
                Ok(account) => Some((*pubkey, state(account.unwrap_or_default()))),
                Err(error) => {
                    tracing::warn!(%pubkey, %error, "an account that changed could not be read");
                    None
                }
            };
            (vm.get_latest_absolute_slot(), touched.iter().filter_map(read).collect())
        });
        self.backlog.push_back(Input::Reread { slot, accounts });
    }

    fn apply(&mut self, input: Input) {
        let event = match input {
            Input::Reread { slot, accounts } => {
                for (pubkey, state) in accounts {
                    self.assembler.account(slot, pubkey.to_bytes(), state, None);
                }
                return;
            }
            Input::Geyser(event) => *event,
        };
        match event {
            GeyserEvent::UpdateAccount(update) => {
                self.written.insert(update.pubkey);
                let signature = update
                    .sanitized_transaction
                    .map(|transaction| transaction.signature().as_ref().to_vec());
                self.assembler
                    .account(update.slot, update.pubkey.to_bytes(), state(update.account), signature);
            }
            GeyserEvent::NotifyTransaction(event) => self.transaction(&event),
            GeyserEvent::UpdateSlotStatus { slot, status, .. } => match status {
                // The block meta and the entry follow.
                GeyserSlotStatus::Processed | GeyserSlotStatus::Confirmed => self.assembler.closing(slot),
                GeyserSlotStatus::Rooted => self.assembler.rooted(slot),
            },
            GeyserEvent::NotifyBlockMetadata(block) => self.assembler.block(
                block.slot,
                BlockFacts {
                    blockhash: block.blockhash,
                    parent_blockhash: block.parent_blockhash,
                    block_time: block.block_time,
                    block_height: block.block_height,
                    executed_transaction_count: block.executed_transaction_count,
                    entries_count: block.entry_count,
                },
            ),
            GeyserEvent::NotifyEntry(entry) => self.assembler.entry(SubscribeUpdateEntry {
                slot: entry.slot,
                index: entry.index as u64,
                num_hashes: entry.num_hashes,
                hash: entry.hash,
                executed_transaction_count: entry.executed_transaction_count,
                starting_transaction_index: entry.starting_transaction_index as u64,
                bank_id: 0,
            }),
            // Accounts loaded before the first slot: no subscription can have seen their absence.
            GeyserEvent::StartupAccountUpdate(_) | GeyserEvent::EndOfStartup => {}
        }
    }

    /// A transaction, preceded by the balances that it changed without an account event: the fee payer of a failed
    /// one, both sides of an airdrop. Lamports come from the transaction, so that they are exact for this moment.
    fn transaction(&mut self, event: &GeyserTransactionEvent) {
        let executed = &event.transaction_with_status_meta;
        let meta = &executed.meta;
        let item = convert::transaction(&executed.transaction, meta, event.index);
        let written = std::mem::take(&mut self.written);
        let balances = meta.pre_balances.iter().zip(&meta.post_balances);
        let silent: Vec<(Pubkey, u64)> = item
            .keys
            .iter()
            .map(|key| Pubkey::from(*key))
            .zip(balances)
            .filter(|(key, (before, after))| before != after && !written.contains(key))
            .map(|(key, (_, after))| (key, *after))
            .collect();
        if !silent.is_empty() {
            let read = self.with_vm(|vm| {
                let read = |(key, _): &(Pubkey, u64)| vm.get_account(key).ok().flatten().unwrap_or_default();
                silent.iter().map(read).collect::<Vec<_>>()
            });
            for ((key, lamports), account) in silent.into_iter().zip(read) {
                let state = AccountState {
                    lamports,
                    ..state(account)
                };
                self.assembler
                    .account(executed.slot, key.to_bytes(), state, Some(item.info.signature.clone()));
            }
        }
        self.assembler.transaction(executed.slot, item);
    }
}

fn state(account: Account) -> AccountState {
    AccountState {
        lamports: account.lamports,
        owner: account.owner.to_bytes(),
        executable: account.executable,
        rent_epoch: account.rent_epoch,
        data: account.data,
    }
}
