//! Yellowstone's updates → what the buffer takes.

use yellowstone_grpc_proto::prelude::subscribe_update::UpdateOneof;
use yellowstone_grpc_proto::prelude::{
    Message, SlotStatus, SubscribeUpdateAccount, SubscribeUpdateBlockMeta, SubscribeUpdateTransaction,
};

use super::{AccountWrite, BlockFacts, Transaction, Update, logs};
use crate::{Key, Signature};

/// Largest slot and write version: what a column holds.
const LARGEST: u64 = i64::MAX as u64;
/// More characters than the base58 of any hash has.
const LONGEST_HASH: usize = 64;

/// An update that no conforming server sends.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the server sent a malformed update: {0}")]
pub struct Malformed(&'static str);

/// Converts an update; none for pings and what the indexer does not ask for.
///
/// # Errors
/// Where a part is missing, has the wrong size, or is a number that no chain reaches.
pub(super) fn update(update: UpdateOneof, is_program: impl Fn(&Key) -> bool) -> Result<Option<Update>, Malformed> {
    let update = match update {
        UpdateOneof::Account(update) => Some(account(update)?),
        UpdateOneof::Transaction(update) => transaction(update, is_program)?,
        UpdateOneof::BlockMeta(meta) => Some(block(meta)?),
        UpdateOneof::Slot(status) => {
            let (slot, bank_id) = (status.slot, status.bank_id);
            match SlotStatus::try_from(status.status) {
                Ok(SlotStatus::SlotConfirmed) => Some(Update::Confirmed { slot, bank_id }),
                Ok(SlotStatus::SlotFinalized) => Some(Update::Finalized { slot, bank_id }),
                Ok(SlotStatus::SlotCreatedBank) => Some(Update::Created { slot }),
                Ok(SlotStatus::SlotDead) => Some(Update::Dead { slot, bank_id }),
                // It comes before the bank is created, and says nothing of what is in it.
                Ok(SlotStatus::SlotFirstShredReceived) => None,
                _ => Some(Update::Seen { slot }),
            }
        }
        _ => None,
    };
    if update.as_ref().is_some_and(|update| update.slot() > LARGEST) {
        return Err(Malformed("a slot of more than 63 bits"));
    }
    Ok(update)
}

fn block(meta: SubscribeUpdateBlockMeta) -> Result<Update, Malformed> {
    if meta.parent_slot >= meta.slot && meta.slot > 0 {
        return Err(Malformed("a block that is not after its parent"));
    }
    if meta.blockhash.is_empty() || meta.blockhash.len() > LONGEST_HASH || meta.parent_blockhash.len() > LONGEST_HASH {
        return Err(Malformed("a block without a hash"));
    }
    Ok(Update::BlockMeta {
        slot: meta.slot,
        bank_id: meta.bank_id,
        facts: BlockFacts {
            parent: meta.parent_slot,
            parent_blockhash: meta.parent_blockhash,
            blockhash: meta.blockhash,
            time: meta.block_time.map(|time| time.timestamp),
        },
    })
}

fn account(update: SubscribeUpdateAccount) -> Result<Update, Malformed> {
    let info = update
        .account
        .ok_or(Malformed("an account update without an account"))?;
    if info.write_version > LARGEST {
        return Err(Malformed("a write version of more than 63 bits"));
    }
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
    let touched = writable(&message)
        .chain(&meta.loaded_writable_addresses)
        .map(|address| key(address))
        .collect::<Result<_, _>>()?;
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
            touched,
            logged: logged.data,
            incomplete: logged.incomplete || meta.log_messages_none,
        },
    }))
}

/// The keys of the message itself that the transaction may write.
fn writable(message: &Message) -> impl Iterator<Item = &Vec<u8>> {
    let header = message.header.unwrap_or_default();
    let count = message.account_keys.len();
    let signers = header.num_required_signatures as usize;
    let read_signers = signers.saturating_sub(header.num_readonly_signed_accounts as usize);
    let read_only = count.saturating_sub(header.num_readonly_unsigned_accounts as usize);
    let keys = message.account_keys.iter().enumerate();
    keys.filter(move |(place, _)| *place < read_signers || (*place >= signers && *place < read_only))
        .map(|(_, key)| key)
}

fn key(bytes: &[u8]) -> Result<Key, Malformed> {
    bytes.try_into().map_err(|_| Malformed("a key that has not 32 bytes"))
}

fn signature(bytes: &[u8]) -> Result<Signature, Malformed> {
    bytes
        .try_into()
        .map_err(|_| Malformed("a signature that has not 64 bytes"))
}
