//! Fills the slots whose events are missing from the chain's own history.
//!
//! After a snapshot the accounts are right, and what happened in between is not known. The endpoint's index of the
//! programs' transactions says which they were; their order in a block is that of the block.

use std::collections::BTreeMap;
use std::time::Duration;

use super::upkeep::UpkeepError;
use crate::rpc::Chain;
use crate::store::{Executed, Gap, Store, of_transaction};
use crate::stream::{Transaction, read_logs};
use crate::{Key, Signature};

/// How often gaps are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Pause after something went wrong.
const PAUSE: Duration = Duration::from_secs(15);
/// Blocks whose events are written at a time.
const BLOCKS: usize = 64;

/// Fills gaps as they become final.
pub(super) async fn run(store: Store, chain: Chain) {
    loop {
        let pause = match fill_all(&store, &chain).await {
            Ok(()) => LOOK_EVERY,
            Err(error) => {
                tracing::warn!(%error, "events that are missing are looked for again later");
                PAUSE
            }
        };
        tokio::time::sleep(pause).await;
    }
}

async fn fill_all(store: &Store, chain: &Chain) -> Result<(), UpkeepError> {
    for gap in store.gaps().await? {
        let first = chain.first_available_block().await?;
        if first > gap.to {
            // Nothing of it is to be had here; another endpoint may have it.
            continue;
        }
        let events = fill(store, chain, gap).await?;
        store.filled(gap, first).await?;
        metrics::counter!("gantry_indexer_backfilled_events_total").increment(events);
        tracing::info!(
            events,
            from = first.max(gap.from),
            to = gap.to,
            "events that were missing are there"
        );
    }
    Ok(())
}

async fn fill(store: &Store, chain: &Chain, gap: Gap) -> Result<u64, UpkeepError> {
    let mut blocks: BTreeMap<u64, Vec<Signature>> = BTreeMap::new();
    for program in &store.schema().programs {
        for (slot, signature) in chain.signatures(&program.address, gap.from, gap.to).await? {
            let of_slot = blocks.entry(slot).or_default();
            if !of_slot.contains(&signature) {
                of_slot.push(signature);
            }
        }
    }
    let mut added = 0;
    let blocks: Vec<_> = blocks.into_iter().collect();
    for some in blocks.chunks(BLOCKS) {
        let mut rows = Vec::new();
        for (slot, signatures) in some {
            let order = chain.block_order(*slot).await?;
            for signature in signatures {
                let Some(logs) = chain.logs(signature).await? else {
                    continue;
                };
                let is_program = |key: &Key| store.schema().is_program(key);
                let logged = read_logs(logs.lines.iter().flatten().map(String::as_str), is_program);
                let transaction = Transaction {
                    signature: *signature,
                    index: order.get(signature).copied().unwrap_or(u64::MAX >> 1),
                    emptied: Vec::new(),
                    touched: Vec::new(),
                    logged: logged.data,
                    incomplete: logged.incomplete || logs.lines.is_none(),
                };
                let executed = Executed {
                    slot: *slot,
                    block_time: logs.block_time,
                };
                rows.extend(of_transaction(store.schema(), executed, &transaction));
            }
        }
        added += store.add_history(&rows).await?;
    }
    Ok(added)
}
