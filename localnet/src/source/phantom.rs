//! Banks that never were: what a branch beside the chain is made of, from the content of the chain's own banks.

use std::collections::VecDeque;

use yellowstone_grpc_proto::prelude::{
    Message, MessageHeader, SubscribeUpdateAccountInfo, SubscribeUpdateBlockMeta, SubscribeUpdateTransactionInfo,
    Transaction, TransactionStatusMeta,
};

use crate::faults::Fate;
use crate::ledger::{Content, Event, Item, TransactionItem};

/// Accounts that a branch is made of where the chain's own banks have none.
const RECENT: usize = 24;
/// Accounts with less data are wallets and the like.
const LEAST_DATA: usize = 40;

/// A branch that is being made.
#[derive(Debug)]
pub(super) struct Branch {
    pub(super) fate: Fate,
    /// Slots that it still covers.
    pub(super) left: usize,
    /// The chain's own events, until the branch is complete.
    pub(super) held: Vec<Event>,
    /// Slot and blockhash of its newest block.
    pub(super) newest: Option<(u64, String)>,
}

/// Accounts written lately, newest last.
#[derive(Debug, Default)]
pub(super) struct Recent(VecDeque<SubscribeUpdateAccountInfo>);

impl Recent {
    pub(super) fn note(&mut self, info: &SubscribeUpdateAccountInfo) {
        if info.data.len() < LEAST_DATA || info.executable {
            return;
        }
        self.0.retain(|held| held.pubkey != info.pubkey);
        self.0.push_back(info.clone());
        if self.0.len() > RECENT {
            self.0.pop_front();
        }
    }

    /// What a bank of a branch holds beside the chain's `items`: every account with other data, another account beside
    /// each, every transaction under another signature, and one that closes an account.
    pub(super) fn content(&self, items: &[std::sync::Arc<Item>], version: &mut u64) -> Vec<Content> {
        let written = items.iter().filter_map(|item| match &item.content {
            Content::Account(info) if info.data.len() >= LEAST_DATA => Some(info),
            _ => None,
        });
        let mut contents = Vec::new();
        for info in written.chain(&self.0) {
            let mut changed = info.clone();
            for byte in changed.data.iter_mut().skip(LEAST_DATA - 8).step_by(7) {
                *byte ^= 0x5a;
            }
            changed.txn_signature = changed.txn_signature.map(other);
            let mut another = changed.clone();
            another.pubkey = other(another.pubkey);
            for mut info in [changed, another] {
                info.write_version = *version;
                *version += 1;
                contents.push(Content::Account(info));
            }
        }
        for item in items {
            if let Content::Transaction(transaction) = &item.content {
                let mut info = transaction.info.clone();
                info.signature = other(info.signature);
                contents.push(Content::Transaction(TransactionItem {
                    info,
                    keys: transaction.keys.clone(),
                    failed: transaction.failed,
                }));
            }
        }
        contents.extend(self.0.front().map(closing));
        contents
    }
}

/// Other bytes of the same length.
fn other(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.iter_mut().take(4).for_each(|byte| *byte ^= 0xff);
    bytes
}

/// A transaction that leaves the account without lamports.
fn closing(info: &SubscribeUpdateAccountInfo) -> Content {
    let keys: Vec<Vec<u8>> = vec![info.pubkey.clone(), info.owner.clone()];
    let signature = other([info.pubkey.clone(), info.owner.clone()].concat());
    let message = Message {
        header: Some(MessageHeader {
            num_required_signatures: 1,
            num_readonly_signed_accounts: 0,
            num_readonly_unsigned_accounts: 1,
        }),
        account_keys: keys.clone(),
        ..Message::default()
    };
    let info = SubscribeUpdateTransactionInfo {
        signature: signature.clone(),
        transaction: Some(Transaction {
            signatures: vec![signature],
            message: Some(message),
        }),
        meta: Some(TransactionStatusMeta {
            pre_balances: vec![info.lamports.max(1), 1],
            post_balances: vec![0, 1],
            ..TransactionStatusMeta::default()
        }),
        index: 1_000,
        ..SubscribeUpdateTransactionInfo::default()
    };
    Content::Transaction(TransactionItem {
        keys: keys.iter().filter_map(|key| key.as_slice().try_into().ok()).collect(),
        info,
        failed: false,
    })
}

/// The block meta of a bank beside the one that `real` seals.
pub(super) fn meta(real: &SubscribeUpdateBlockMeta, branch: &Branch, bank_id: u64) -> SubscribeUpdateBlockMeta {
    let mut meta = real.clone();
    meta.bank_id = bank_id;
    // Base58 has no zero: no hash of the chain looks like it.
    meta.blockhash = format!("0branch{bank_id}");
    if let Some((slot, hash)) = &branch.newest {
        meta.parent_slot = *slot;
        meta.parent_blockhash.clone_from(hash);
    }
    meta
}
