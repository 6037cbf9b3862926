//! Beginning without history: subscribe first, then read everything, then join the two.

use std::time::Duration;

use super::upkeep::UpkeepError;
use super::writer::Queue;
use super::{Ended, Ingest, hand_over};
use crate::rpc::{Chain, RpcError};
use crate::store::{ProgramState, Snapshot, Store};
use crate::stream::{Buffer, Event, Step, Subscription, Trunk, Update, first_available};

/// Steps held while the snapshot is read; beyond them the stream is not read.
const HELD: usize = 1_024;
/// Tries to read the snapshot: the RPC endpoint may have to catch up with the stream.
const TRIES: u32 = 50;
/// Pause between them.
const PAUSE: Duration = Duration::from_millis(200);

/// Where the stream begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// So many slots above the oldest that the server has, for the sake of their events. The oldest itself may be
    /// thrown away while it is asked for.
    Oldest(u64),
    /// After a slot, or at the oldest above it.
    After(u64),
    /// At the tip.
    Tip,
}

impl Ingest {
    /// Opens a subscription, and gives the writer a snapshot and the banks that came meanwhile.
    ///
    /// Rows of the snapshot carry the slot that the endpoint read them at and write version 0. All banks from the first
    /// whole one, which is no later than that slot, come from the stream: so what the endpoint read in the middle of its
    /// slot is overwritten by that slot's own bank, and older banks change nothing but events.
    pub(super) async fn start_with_snapshot(
        &self,
        start: Start,
        position: &mut Option<Trunk>,
        queue: &Queue,
    ) -> Result<(Subscription, Buffer), Ended> {
        let oldest = match start {
            Start::Tip => None,
            Start::Oldest(_) | Start::After(_) => first_available(&self.options.source).await?,
        };
        let from = match start {
            Start::After(slot) => oldest.map(|oldest| oldest.max(slot + 1)),
            Start::Oldest(margin) => oldest.map(|oldest| oldest + margin),
            Start::Tip => None,
        };
        let mut subscription = self.open(from).await?;
        let floor = match from {
            // A replay sends its first slot whole.
            Some(from) => from.saturating_sub(1),
            None => self.first_whole(&mut subscription).await?,
        };
        let mut buffer = self.buffer(Trunk::above(floor));
        let mut held = Vec::new();
        let mut held_bytes = 0;
        let read = read_programs(&self.store, &self.chain, floor + 1);
        tokio::pin!(read);
        let programs = loop {
            tokio::select! {
                programs = &mut read => break programs?,
                steps = self.next(&mut subscription, &mut buffer),
                    if held.len() < HELD && held_bytes < self.options.buffer_limit =>
                {
                    let steps = steps?;
                    held_bytes += steps.iter().map(bytes).sum::<usize>();
                    held.extend(steps);
                }
            }
        };
        let accounts: usize = programs.iter().map(|state| state.accounts.len()).sum();
        let known = position.as_ref().map(Trunk::tip);
        let abandoned_after = match start {
            Start::After(slot) => Some(slot),
            Start::Oldest(_) | Start::Tip => None,
        };
        let gap_from = abandoned_after.or(known).map_or(0, |slot| slot + 1);
        let gap = (gap_from <= floor && floor > 0).then_some((gap_from, floor));
        tracing::info!(accounts, floor, ?gap, "took a snapshot");
        metrics::counter!("gantry_indexer_snapshots_total").increment(1);
        let snapshot = Snapshot {
            programs,
            checkpoint: floor,
            gap,
            abandoned_after,
        };
        // Nothing that the snapshot read can be taken back.
        let undo_floor = snapshot.programs.iter().map(|state| state.slot).max();
        let undo_floor = undo_floor.map_or(floor, |slot| slot.max(floor));
        queue.send_snapshot(snapshot).await?;
        *position = Some(Trunk {
            undo_floor,
            ..Trunk::above(floor)
        });
        buffer.raise_undo_floor(undo_floor);
        for step in held {
            hand_over(step, position, queue).await?;
        }
        Ok((subscription, buffer))
    }

    /// The slot below the first bank whose creation is seen: its content, and all after it, comes whole.
    async fn first_whole(&self, subscription: &mut Subscription) -> Result<u64, Ended> {
        let mut highest = 0;
        loop {
            let Event::Update(update) = subscription.next(self.store.schema()).await? else {
                continue;
            };
            self.progress.seen(update.slot());
            if let Update::Created { slot } = update
                && slot > highest
            {
                return Ok(slot - 1);
            }
            highest = highest.max(update.slot());
        }
    }
}

/// Reads all accounts of the programs from the chain once, without a stream, and writes them; gives their slot. The tables
/// stay there until a stream moves them on from it. What happened before is not known.
///
/// # Errors
/// Where the chain or the database does not answer.
pub async fn from_rpc(store: &Store, chain: &Chain) -> Result<u64, UpkeepError> {
    let genesis_hash = chain.genesis_hash().await?;
    let programs = read_programs(store, chain, 0).await?;
    let checkpoint = programs.iter().map(|state| state.slot).min().unwrap_or_default();
    let snapshot = Snapshot {
        programs,
        checkpoint,
        gap: Some((0, checkpoint)),
        abandoned_after: None,
    };
    store.write_snapshot(&snapshot, &genesis_hash).await?;
    Ok(checkpoint)
}

async fn read_programs(store: &Store, chain: &Chain, min_slot: u64) -> Result<Vec<ProgramState>, RpcError> {
    let mut states = Vec::new();
    for program in &store.schema().programs {
        let mut tries = 0;
        let state = loop {
            match chain.program_accounts(&program.address, min_slot, "confirmed").await {
                Ok(state) => break state,
                Err(error) if tries < TRIES => {
                    tracing::debug!(%error, min_slot, "cannot read a snapshot yet");
                    tries += 1;
                    tokio::time::sleep(PAUSE).await;
                }
                Err(error) => return Err(error),
            }
        };
        let accounts = state
            .value
            .into_iter()
            .map(|(address, account)| (address, account.data))
            .collect();
        states.push(ProgramState {
            program: program.address,
            slot: state.slot,
            accounts,
        });
    }
    Ok(states)
}

fn bytes(step: &Step) -> usize {
    match step {
        Step::Bank(bank) => bank.bytes(),
        Step::Undo { .. } | Step::Final { .. } => 0,
    }
}
