//! Yellowstone's updates → what the buffer takes.

use yellowstone_grpc_proto::prelude::subscribe_update::UpdateOneof;
use yellowstone_grpc_proto::prelude::{SlotStatus, SubscribeUpdateAccount, SubscribeUpdateTransaction};

use super::{AccountWrite, BlockFacts, Transaction, Update, logs};
use crate::{Key, Signature};

/// An update that no conforming server sends.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the server sent a malformed update: {0}")]
pub struct Malformed(&'static str);

/// Converts an update; none for pings and what the indexer does not ask for.
///
/// # Errors
/// Where a part is missing or has the wrong size.
pub(super) fn update(update: UpdateOneof, is_program: impl Fn(&Key) -> bool) -> Result<Option<Update>, Malformed> {
    Ok(match update {
        UpdateOneof::Account(update) => Some(account(update)?),
        UpdateOneof::Transaction(update) => transaction(update, is_program)?,
        UpdateOneof::BlockMeta(meta) => Some(Update::BlockMeta {
            slot: meta.slot,
            bank_id: meta.bank_id,
            facts: BlockFacts {
                parent: meta.parent_slot,
                blockhash: meta.blockhash,
                time: meta.block_time.map(|time| time.timestamp),
            },
        }),
        UpdateOneof::Slot(status) => {
            let (slot, bank_id) = (status.slot, status.bank_id);
            Some(match SlotStatus::try_from(status.status) {
                Ok(SlotStatus::SlotConfirmed | SlotStatus::SlotFinalized) => Update::Confirmed { slot, bank_id },
                Ok(SlotStatus::SlotCreatedBank) => Update::Created { slot },
                Ok(SlotStatus::SlotDead) => Update::Dead { slot, bank_id },
                _ => Update::Seen { slot },
            })
        }
        _ => None,
    })
}

fn account(update: SubscribeUpdateAccount) -> Result<Update, Malformed> {
    let info = update
        .account
        .ok_or(Malformed("an account update without an account"))?;
    Ok(Update::Account {
        slot: update.slot,
        bank_id: update.bank_id,
        write: AccountWrite {
            address: key(&info.pubkey)?,
            write_version: info.write_version,
            lamports: info.lamports,
            owner: key(&info.owner)?,
            data: info.data,
            signature: info.txn_signature.as_deref().map(signature).transpose()?,
        },
    })
}

fn transaction(
    update: SubscribeUpdateTransaction,
    is_program: impl Fn(&Key) -> bool,
) -> Result<Option<Update>, Malformed> {
    let info = update
        .transaction
        .ok_or(Malformed("a transaction update without a transaction"))?;
    let meta = info.meta.ok_or(Malformed("a transaction without its result"))?;
    if meta.err.is_some() {
        return Ok(None);
    }
    let message = info.transaction.and_then(|transaction| transaction.message);
    let message = message.ok_or(Malformed("a transaction without a message"))?;
    let keys = message
        .account_keys
        .iter()
        .chain(&meta.loaded_writable_addresses)
        .chain(&meta.loaded_readonly_addresses);
    let balances = meta.pre_balances.iter().zip(&meta.post_balances);
    let emptied = keys
        .zip(balances)
        .filter(|(_, (before, after))| **before > 0 && **after == 0);
    let logged = logs::read(meta.log_messages.iter().map(String::as_str), is_program);
    Ok(Some(Update::Transaction {
        slot: update.slot,
        bank_id: update.bank_id,
        transaction: Transaction {
            signature: signature(&info.signature)?,
            index: info.index,
            emptied: emptied.map(|(address, _)| key(address)).collect::<Result<_, _>>()?,
            logged: logged.data,
            incomplete: logged.incomplete || meta.log_messages_none,
        },
    }))
}

fn key(bytes: &[u8]) -> Result<Key, Malformed> {
    bytes.try_into().map_err(|_| Malformed("a key that has not 32 bytes"))
}

fn signature(bytes: &[u8]) -> Result<Signature, Malformed> {
    bytes
        .try_into()
        .map_err(|_| Malformed("a signature that has not 64 bytes"))
}
