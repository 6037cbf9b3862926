//! What goes on beside the stream: doubts are settled, partitions are made and dropped.

use std::time::Duration;

use crate::rpc::{Chain, RpcError};
use crate::store::{Retention, Store, StoreError};

/// How often doubts are looked for.
const SETTLE_EVERY: Duration = Duration::from_secs(1);
/// How often what is too old is looked for.
const MAINTAIN_EVERY: Duration = Duration::from_secs(60);

/// Why something beside the stream did not work this time.
#[derive(Debug, thiserror::Error)]
pub enum UpkeepError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The chain.
    #[error(transparent)]
    Rpc(#[from] RpcError),
}

/// Reads accounts whose state the stream left open from the chain, once it is final.
pub(super) async fn settle(store: Store, chain: Chain) {
    loop {
        if let Err(error) = settle_some(&store, &chain).await {
            tracing::warn!(%error, "accounts in doubt are looked at again later");
        }
        tokio::time::sleep(SETTLE_EVERY).await;
    }
}

async fn settle_some(store: &Store, chain: &Chain) -> Result<(), UpkeepError> {
    let Some(checkpoint) = store.checkpoint().await? else {
        return Ok(());
    };
    let doubts = store.doubts(checkpoint.finalized_slot as u64).await?;
    if doubts.is_empty() {
        return Ok(());
    }
    let states = chain.accounts(&doubts, "finalized").await?;
    // The endpoint may lag behind the stream.
    let slot = states.slot.min(checkpoint.finalized_slot as u64);
    let settled: Vec<_> = doubts.into_iter().zip(states.value).collect();
    let rows = store.settle(slot, &settled).await?;
    metrics::counter!("gantry_indexer_doubts_total").increment(settled.len() as u64);
    if rows > 0 {
        tracing::info!(
            rows,
            slot,
            "accounts that the stream left open were read from the chain"
        );
    }
    Ok(())
}

/// Keeps the history within its bounds.
pub(super) async fn maintain(store: Store, retention: Retention) {
    loop {
        match store.maintain(retention).await {
            Ok(0) => {}
            Ok(partitions) => tracing::info!(partitions, "dropped events that were kept long enough"),
            Err(error) => tracing::warn!(%error, "upkeep is tried again later"),
        }
        tokio::time::sleep(MAINTAIN_EVERY).await;
    }
}
