//! What the tests of this crate share.

use std::collections::HashMap;
use std::time::Duration;

use futures::StreamExt;
use yellowstone_grpc_client::{GeyserGrpcClient, GeyserStream};
use yellowstone_grpc_proto::prelude::subscribe_update::UpdateOneof;
use yellowstone_grpc_proto::prelude::{
    CommitmentLevel, SlotStatus, SubscribeRequest, SubscribeRequestFilterAccounts, SubscribeRequestFilterBlocksMeta,
    SubscribeRequestFilterSlots, SubscribeRequestFilterTransactions, SubscribeUpdate,
};
use yellowstone_grpc_proto::tonic::Status;

/// Longer than anything here takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) async fn connect(url: &str) -> GeyserGrpcClient {
    GeyserGrpcClient::build_from_shared(url.to_owned())
        .expect("a valid address")
        .max_decoding_message_size(64 << 20)
        .connect()
        .await
        .expect("the server listens")
}

/// Every kind of content and every status.
pub(crate) fn everything(commitment: CommitmentLevel) -> SubscribeRequest {
    SubscribeRequest {
        accounts: one("accounts", SubscribeRequestFilterAccounts::default()),
        slots: one(
            "slots",
            SubscribeRequestFilterSlots {
                interslot_updates: Some(true),
                ..Default::default()
            },
        ),
        transactions: one("transactions", SubscribeRequestFilterTransactions::default()),
        blocks_meta: one("blocks_meta", SubscribeRequestFilterBlocksMeta {}),
        entry: one("entries", Default::default()),
        commitment: Some(commitment.into()),
        ..Default::default()
    }
}

pub(crate) fn one<F>(name: &str, filter: F) -> HashMap<String, F> {
    HashMap::from([(name.to_owned(), filter)])
}

/// The next update, with pings left out.
pub(crate) async fn next(stream: &mut GeyserStream) -> Result<SubscribeUpdate, Status> {
    loop {
        let update = tokio::time::timeout(PATIENCE, stream.next())
            .await
            .expect("an update in time");
        match update.expect("the stream goes on") {
            Ok(update) if matches!(update.update_oneof, Some(UpdateOneof::Ping(_))) => {}
            other => return other,
        }
    }
}

/// One word per update: what it is and of which slot.
pub(crate) fn name(update: &SubscribeUpdate) -> String {
    match update.update_oneof.as_ref().expect("an update has content") {
        UpdateOneof::Account(update) => {
            let account = update.account.as_ref().expect("an account");
            format!("{} account {} = {}", update.slot, account.pubkey[0], account.lamports)
        }
        UpdateOneof::Slot(update) => {
            let status = SlotStatus::try_from(update.status).expect("a known status");
            let name = status.as_str_name().trim_start_matches("SLOT_").to_lowercase();
            format!("{} {name} on {}", update.slot, update.parent.expect("a parent"))
        }
        UpdateOneof::Transaction(update) => format!("{} transaction", update.slot),
        UpdateOneof::TransactionStatus(update) => format!("{} transaction status", update.slot),
        UpdateOneof::BlockMeta(update) => format!("{} meta on {}", update.slot, update.parent_slot),
        UpdateOneof::Entry(update) => format!("{} entry", update.slot),
        UpdateOneof::Pong(update) => format!("pong {}", update.id),
        other => format!("{other:?}"),
    }
}

/// Collects names until one equals `last`.
pub(crate) async fn names_until(stream: &mut GeyserStream, last: &str) -> Vec<String> {
    let mut names = Vec::new();
    loop {
        names.push(name(&next(stream).await.expect("an update")));
        if names.last().is_some_and(|name| name == last) {
            return names;
        }
    }
}
