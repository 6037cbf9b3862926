//! Where the state comes from: the RPC server alone, or its snapshots and a Yellowstone stream between them.

use std::time::Duration;

use anyhow::Context as _;
use futures::StreamExt as _;
use gantry_sdk::{Gantry, Pubkey, market, registry, staking};
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;
use yellowstone_grpc_client::GeyserGrpcClient;
use yellowstone_grpc_proto::geyser::subscribe_update::UpdateOneof;
use yellowstone_grpc_proto::geyser::{
    CommitmentLevel, SubscribeRequest, SubscribeRequestFilterAccounts, SubscribeUpdateAccount,
};

use crate::state::Reading;

/// Pause between two questions for the chain's time.
const CLOCK_EVERY: Duration = Duration::from_millis(400);
/// Pause between two snapshots beside a stream: they find accounts whose closing the stream does not show, because a
/// closed account has another owner.
const SNAPSHOT_EVERY: Duration = Duration::from_secs(10);
/// A stream that is silent for longer is opened anew; servers ping every ten seconds or so.
const SILENCE: Duration = Duration::from_secs(30);
/// Pause before a source that failed is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// Longest wait for an answer of the RPC server.
const PATIENCE: Duration = Duration::from_secs(20);

/// News from the chain.
#[derive(Debug)]
pub enum Update {
    /// Everything there is, as of a slot.
    Snapshot(u64, Vec<Reading>),
    /// One account.
    Account(Reading),
    /// The chain's time, Unix seconds.
    Clock(i64),
}

/// A source of state.
#[derive(Clone, Debug)]
pub enum Source {
    /// Snapshots, one after another, with a pause.
    RpcPoll(Duration),
    /// A stream from the Yellowstone endpoint at this address, over snapshots from time to time.
    Grpc(String),
}

impl Source {
    /// Sends updates until the receiver is gone; whatever fails is logged and tried again. `hurry` asks for a snapshot now.
    pub async fn feed(self, gantry: Gantry, updates: mpsc::Sender<Update>, hurry: &Notify) {
        let mut complained = String::new();
        while !updates.is_closed() {
            let result = match &self {
                Self::RpcPoll(pause) => poll(&gantry, *pause, &updates, hurry).await,
                Self::Grpc(url) => stream(&gantry, url, &updates, hurry).await,
            };
            let Err(error) = result else { return };
            let text = format!("{error:#}");
            if text != complained {
                tracing::warn!(error = text, "the source of state failed; trying on");
                complained = text;
            }
            tokio::time::sleep(RETRY).await;
        }
    }
}

async fn poll(gantry: &Gantry, pause: Duration, updates: &mpsc::Sender<Update>, hurry: &Notify) -> anyhow::Result<()> {
    loop {
        let (slot, readings) = snapshot(gantry).await?;
        let clock = clock(gantry).await?;
        if updates.send(Update::Clock(clock)).await.is_err()
            || updates.send(Update::Snapshot(slot, readings)).await.is_err()
        {
            return Ok(());
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = hurry.notified() => {}
        }
    }
}

async fn stream(gantry: &Gantry, url: &str, updates: &mpsc::Sender<Update>, hurry: &Notify) -> anyhow::Result<()> {
    let mut client = GeyserGrpcClient::build_from_shared(url.to_owned())
        .context("not a gRPC address")?
        .connect()
        .await
        .with_context(|| format!("cannot reach the Yellowstone endpoint {url}"))?;
    // First the stream, then the snapshot: nothing falls between.
    let (_sink, mut stream) = client
        .subscribe_with_request(Some(request()))
        .await
        .context("cannot subscribe")?;
    let mut clocks = tokio::time::interval(CLOCK_EVERY);
    clocks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut snapshot_at = Instant::now();
    let mut heard = Instant::now();
    loop {
        let update = tokio::select! {
            biased;
            () = tokio::time::sleep_until(snapshot_at) => {
                snapshot_at = Instant::now() + SNAPSHOT_EVERY;
                let (slot, readings) = snapshot(gantry).await?;
                Update::Snapshot(slot, readings)
            }
            () = hurry.notified() => {
                snapshot_at = Instant::now();
                continue;
            }
            _ = clocks.tick() => Update::Clock(clock(gantry).await?),
            () = tokio::time::sleep_until(heard + SILENCE) => anyhow::bail!("the stream is silent"),
            message = stream.next() => {
                heard = Instant::now();
                match message.context("the stream has ended")??.update_oneof {
                    Some(UpdateOneof::Account(update)) => match reading(update) {
                        Some(reading) => Update::Account(reading),
                        None => continue,
                    },
                    _ => continue,
                }
            }
        };
        if updates.send(update).await.is_err() {
            return Ok(());
        }
    }
}

fn request() -> SubscribeRequest {
    let owner = [registry::ID, staking::ID, market::ID]
        .map(|program| program.to_string())
        .to_vec();
    let filter = SubscribeRequestFilterAccounts {
        owner,
        ..SubscribeRequestFilterAccounts::default()
    };
    SubscribeRequest {
        accounts: [("gantry".to_owned(), filter)].into(),
        commitment: Some(CommitmentLevel::Confirmed.into()),
        ..SubscribeRequest::default()
    }
}

fn reading(update: SubscribeUpdateAccount) -> Option<Reading> {
    let account = update.account?;
    let key = Pubkey::try_from(account.pubkey.as_slice()).ok()?;
    let owner = Pubkey::try_from(account.owner.as_slice()).ok()?;
    let there = account.lamports > 0 && !account.data.is_empty();
    let data = there.then(|| (owner, account.data.to_vec()));
    Some(Reading {
        key,
        version: (update.slot, account.write_version),
        account: data,
    })
}

async fn clock(gantry: &Gantry) -> anyhow::Result<i64> {
    Ok(tokio::time::timeout(PATIENCE, gantry.clock())
        .await
        .context("the RPC server does not answer")??)
}

/// Everything there is, no older than the slot that comes with it.
async fn snapshot(gantry: &Gantry) -> anyhow::Result<(u64, Vec<Reading>)> {
    tokio::time::timeout(PATIENCE, read_all(gantry))
        .await
        .context("the RPC server does not answer")?
}

async fn read_all(gantry: &Gantry) -> anyhow::Result<(u64, Vec<Reading>)> {
    let rpc = gantry.rpc();
    let slot = rpc
        .get_slot_with_commitment(rpc.commitment())
        .await
        .context("cannot read the slot")?;
    let mut readings = Vec::new();
    for program in [registry::ID, staking::ID, market::ID] {
        let accounts = rpc.get_program_accounts(&program).await;
        let accounts = accounts.with_context(|| format!("cannot read the accounts of {program}"))?;
        readings.extend(accounts.into_iter().map(|(key, account)| Reading {
            key,
            version: (slot, 0),
            account: Some((account.owner, account.data)),
        }));
    }
    Ok((slot, readings))
}
