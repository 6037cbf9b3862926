//! The stream as a function of a position: what a server sends, in order, and again for whoever missed it.

use gantry_indexer::Key;
use gantry_sdk::market;
use serde::{Deserialize, Serialize};
use yellowstone_grpc_proto::prelude::subscribe_update::UpdateOneof;
use yellowstone_grpc_proto::prelude::{
    BlockHeight, CompiledInstruction, Message, MessageHeader, SlotStatus, SubscribeUpdate, SubscribeUpdateAccount,
    SubscribeUpdateAccountInfo, SubscribeUpdateBlockMeta, SubscribeUpdateSlot, SubscribeUpdateTransaction,
    SubscribeUpdateTransactionInfo, Transaction, TransactionStatusMeta, UnixTimestamp,
};

use crate::workload::{Account, Workload, key};
use anchor_lang::{AnchorSerialize, Discriminator};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The slot before the first of every script: that of the accounts which are there already.
pub const BASE_SLOT: u64 = 1_000;
/// What the chain of every script is called.
pub const GENESIS: &str = "4sGjMW1sUnHzSxGspuhpqLDx6wiyjNtZAMdL4VZHirAn";
/// Slots after which a slot is confirmed, and final.
const CONFIRMED_AFTER: usize = 1;
const FINAL_AFTER: usize = 32;
/// Name under which clients ask for everything here.
const FILTER: &str = "gantry";

/// What is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Accounts before the first slot.
    pub population: usize,
    /// Accounts that a slot writes, besides the marker.
    pub per_slot: usize,
    /// Slots with content; as many as it takes to make them final follow, empty.
    pub slots: usize,
    /// Transactions in a slot, each with an event.
    pub transactions: usize,
    /// Accounts that each of them writes.
    pub touched: usize,
    /// Milliseconds that a slot takes; 0 to send as fast as the client reads.
    pub slot_ms: u64,
}

impl Plan {
    /// The accounts.
    #[must_use]
    pub const fn workload(&self) -> Workload {
        Workload {
            population: self.population,
            per_slot: self.per_slot,
        }
    }

    /// The last slot with content.
    #[must_use]
    pub const fn last_slot(&self) -> u64 {
        BASE_SLOT + self.slots as u64
    }

    /// Account updates in all.
    #[must_use]
    pub const fn updates(&self) -> u64 {
        (self.slots * (self.per_slot + 1)) as u64
    }
}

/// One message of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item {
    /// The bank was made.
    Created,
    /// An account of the workload.
    Account(usize),
    /// The account that every slot writes.
    Marker,
    /// A transaction.
    Transaction(usize),
    /// The slot some before this one is confirmed.
    Confirmed,
    /// The slot further before this one is final.
    Finalized,
    /// All of the bank was sent.
    Meta,
    /// The bank was executed.
    Processed,
}

/// See the module's page.
#[derive(Clone, Debug)]
pub struct Script {
    plan: Plan,
    full: Vec<Item>,
    empty: Vec<Item>,
}

impl Script {
    /// The messages of `plan`.
    #[must_use]
    pub fn new(plan: Plan) -> Self {
        let mut full = vec![Item::Created];
        for place in 0..plan.per_slot {
            full.push(Item::Account(place));
            // A transaction comes after all that it wrote.
            full.extend(
                (0..plan.transactions)
                    .find(|nth| Self::touches(&plan, *nth).last() == Some(place))
                    .map(Item::Transaction),
            );
            if place == plan.per_slot / 2 {
                full.extend([Item::Marker, Item::Confirmed, Item::Finalized]);
            }
        }
        full.extend([Item::Meta, Item::Processed]);
        let empty = vec![
            Item::Created,
            Item::Confirmed,
            Item::Finalized,
            Item::Meta,
            Item::Processed,
        ];
        Self { plan, full, empty }
    }

    /// What is sent.
    #[must_use]
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    fn touches(plan: &Plan, nth: usize) -> std::ops::Range<usize> {
        let first = nth * plan.per_slot / plan.transactions.max(1);
        first..(first + plan.touched).min(plan.per_slot)
    }

    fn transaction_of(&self, place: usize) -> Option<usize> {
        let nth = (place * self.plan.transactions).div_ceil(self.plan.per_slot);
        let near = nth.saturating_sub(1)..=nth;
        near.into_iter()
            .find(|nth| *nth < self.plan.transactions && Self::touches(&self.plan, *nth).contains(&place))
    }

    /// Messages in all.
    #[must_use]
    pub fn len(&self) -> u64 {
        (self.plan.slots * self.full.len() + (FINAL_AFTER + 1) * self.empty.len()) as u64
    }

    /// Whether there is nothing to send.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where the slot begins.
    #[must_use]
    pub fn position(&self, slot: u64) -> u64 {
        let nth = slot.saturating_sub(BASE_SLOT + 1) as usize;
        let full = nth.min(self.plan.slots);
        (full * self.full.len() + (nth - full) * self.empty.len()) as u64
    }

    /// How many messages are out after so many milliseconds.
    #[must_use]
    pub fn due(&self, elapsed: std::time::Duration) -> u64 {
        if self.plan.slot_ms == 0 {
            return self.len();
        }
        let (millis, slot) = (elapsed.as_micros() as u64, self.plan.slot_ms * 1_000);
        let nth = millis / slot;
        let size = if nth < self.plan.slots as u64 {
            self.full.len()
        } else {
            self.empty.len()
        };
        let of_slot = millis % slot * size as u64 / slot;
        (self.position(BASE_SLOT + 1 + nth) + of_slot).min(self.len())
    }

    /// The number of the slot, from 0, and the message, at a position.
    #[must_use]
    pub fn item(&self, position: u64) -> (usize, Item) {
        let position = position as usize;
        let full = self.plan.slots * self.full.len();
        if position < full {
            (position / self.full.len(), self.full[position % self.full.len()])
        } else {
            let rest = position - full;
            (
                self.plan.slots + rest / self.empty.len(),
                self.empty[rest % self.empty.len()],
            )
        }
    }

    /// The message at a position; none where there is nothing to say, as of slots before the first.
    #[must_use]
    pub fn message(&self, position: u64) -> Option<SubscribeUpdate> {
        let (nth, item) = self.item(position);
        let slot = BASE_SLOT + 1 + nth as u64;
        let status = |slot: u64, status: SlotStatus| {
            UpdateOneof::Slot(SubscribeUpdateSlot {
                slot,
                parent: Some(slot - 1),
                status: status.into(),
                dead_error: None,
                bank_id: Some(slot),
            })
        };
        let update = match item {
            Item::Created => status(slot, SlotStatus::SlotCreatedBank),
            Item::Account(place) => {
                let signature = self.transaction_of(place).map(|nth| signature(slot, nth));
                let account = self.plan.workload().written(nth, place);
                self.account(slot, nth, place, account, signature)
            }
            Item::Marker => self.account(slot, nth, self.plan.per_slot, Workload::marker_at(nth), None),
            Item::Transaction(of_slot) => self.transaction(slot, nth, of_slot),
            Item::Confirmed => status(
                BASE_SLOT + 1 + nth.checked_sub(CONFIRMED_AFTER)? as u64,
                SlotStatus::SlotConfirmed,
            ),
            Item::Finalized => status(
                BASE_SLOT + 1 + nth.checked_sub(FINAL_AFTER)? as u64,
                SlotStatus::SlotFinalized,
            ),
            Item::Meta => UpdateOneof::BlockMeta(SubscribeUpdateBlockMeta {
                slot,
                blockhash: blockhash(slot),
                rewards: None,
                block_time: Some(UnixTimestamp {
                    timestamp: 1_760_000_000 + slot as i64 / 2,
                }),
                block_height: Some(BlockHeight { block_height: slot }),
                parent_slot: slot - 1,
                parent_blockhash: blockhash(slot - 1),
                executed_transaction_count: self.plan.transactions as u64,
                entries_count: 1,
                bank_id: slot,
            }),
            Item::Processed => status(slot, SlotStatus::SlotProcessed),
        };
        Some(SubscribeUpdate {
            filters: vec![FILTER.to_owned()],
            update_oneof: Some(update),
            created_at: None,
        })
    }

    /// The version of the write at `place` of the slot number `nth`: it grows with every write.
    #[must_use]
    pub const fn write_version(&self, nth: usize, place: usize) -> u64 {
        (nth * (self.plan.per_slot + 1) + place + 1) as u64
    }

    /// The slot whose confirmation is at this position, if one is.
    #[must_use]
    pub fn confirms(&self, position: u64) -> Option<u64> {
        match self.item(position) {
            (nth, Item::Confirmed) => Some(BASE_SLOT + 1 + nth.checked_sub(CONFIRMED_AFTER)? as u64),
            _ => None,
        }
    }

    fn account(
        &self,
        slot: u64,
        nth: usize,
        place: usize,
        account: Account,
        signature: Option<[u8; 64]>,
    ) -> UpdateOneof {
        UpdateOneof::Account(SubscribeUpdateAccount {
            account: Some(SubscribeUpdateAccountInfo {
                pubkey: account.address.to_vec(),
                lamports: 2_000_000,
                owner: account.owner.to_vec(),
                executable: false,
                rent_epoch: u64::MAX,
                data: account.data,
                write_version: self.write_version(nth, place),
                txn_signature: signature.map(|signature| signature.to_vec()),
            }),
            slot,
            is_startup: false,
            bank_id: Some(slot),
        })
    }

    fn transaction(&self, slot: u64, nth: usize, of_slot: usize) -> UpdateOneof {
        let written: Vec<Key> = Self::touches(&self.plan, of_slot)
            .map(|place| self.plan.workload().written(nth, place).address)
            .collect();
        let signature = signature(slot, of_slot);
        let (payer, program) = (key(70, of_slot as u64), market::ID.to_bytes());
        let keys: Vec<Vec<u8>> = [payer]
            .iter()
            .chain(&written)
            .chain([&program])
            .map(|key| key.to_vec())
            .collect();
        let mut event = market::events::ProofSubmitted::DISCRIMINATOR.to_vec();
        let body = market::events::ProofSubmitted {
            job: written[0].into(),
            sequence: slot,
            served_seconds: nth as u32 * 60,
            elapsed_seconds: nth as u32 * 60,
        };
        let serialized = body.serialize(&mut event);
        debug_assert!(serialized.is_ok(), "memory takes everything");
        let name = market::ID;
        let balances = vec![2_000_000; keys.len()];
        UpdateOneof::Transaction(SubscribeUpdateTransaction {
            transaction: Some(SubscribeUpdateTransactionInfo {
                signature: signature.to_vec(),
                is_vote: false,
                transaction: Some(Transaction {
                    signatures: vec![signature.to_vec()],
                    message: Some(Message {
                        header: Some(MessageHeader {
                            num_required_signatures: 1,
                            num_readonly_signed_accounts: 0,
                            num_readonly_unsigned_accounts: 1,
                        }),
                        instructions: vec![CompiledInstruction {
                            program_id_index: keys.len() as u32 - 1,
                            accounts: (0..keys.len() as u8 - 1).collect(),
                            data: vec![1; 9],
                        }],
                        account_keys: keys,
                        recent_blockhash: vec![7; 32],
                        ..Message::default()
                    }),
                }),
                meta: Some(TransactionStatusMeta {
                    fee: 5_000,
                    pre_balances: balances.clone(),
                    post_balances: balances,
                    log_messages: vec![
                        format!("Program {name} invoke [1]"),
                        "Program log: Instruction: SubmitProof".to_owned(),
                        format!("Program data: {}", STANDARD.encode(&event)),
                        format!("Program {name} consumed 4768 of 200000 compute units"),
                        format!("Program {name} success"),
                    ],
                    ..TransactionStatusMeta::default()
                }),
                index: of_slot as u64,
            }),
            slot,
            bank_id: slot,
        })
    }
}

/// The hash of the block in a slot.
#[must_use]
pub fn blockhash(slot: u64) -> String {
    gantry_indexer::key::text(&key(80, slot))
}

fn signature(slot: u64, nth: usize) -> [u8; 64] {
    let mut signature = [0; 64];
    for (part, bytes) in signature.as_chunks_mut::<32>().0.iter_mut().enumerate() {
        *bytes = key(81 + part as u8, slot << 20 | nth as u64);
    }
    signature
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const PLAN: Plan = Plan {
        population: 2_000,
        per_slot: 400,
        slots: 3,
        transactions: 100,
        touched: 4,
        slot_ms: 400,
    };

    #[test]
    fn every_slot_is_whole_confirmed_once_and_made_final() {
        let script = Script::new(PLAN);
        let messages: Vec<_> = (0..script.len())
            .filter_map(|position| script.message(position))
            .collect();
        let count = |wanted: fn(&UpdateOneof) -> bool| {
            messages
                .iter()
                .filter_map(|message| message.update_oneof.as_ref())
                .filter(|update| wanted(update))
                .count()
        };
        assert_eq!(
            count(|update| matches!(update, UpdateOneof::Account(_))) as u64,
            PLAN.updates()
        );
        assert_eq!(count(|update| matches!(update, UpdateOneof::Transaction(_))), 300);
        let of = |status: SlotStatus| {
            let slots = messages.iter().filter_map(|message| match &message.update_oneof {
                Some(UpdateOneof::Slot(slot)) if slot.status == i32::from(status) => Some(slot.slot),
                _ => None,
            });
            slots.collect::<Vec<_>>()
        };
        let slots: Vec<u64> = (BASE_SLOT + 1..=PLAN.last_slot()).collect();
        assert_eq!(of(SlotStatus::SlotConfirmed)[..3], slots);
        assert_eq!(of(SlotStatus::SlotFinalized)[..3], slots);
    }

    #[test]
    fn writes_name_the_transaction_that_wrote_them() {
        let script = Script::new(PLAN);
        assert!((0..400).all(|place| script.transaction_of(place) == Some(place / 4)));
        let few = Script::new(Plan {
            transactions: 10,
            touched: 1,
            ..PLAN
        });
        let named = (0..400).filter(|place| few.transaction_of(*place).is_some());
        assert_eq!(named.collect::<Vec<_>>(), (0..400).step_by(40).collect::<Vec<_>>());
    }

    #[test]
    fn a_slot_is_out_when_its_time_is_over() {
        let script = Script::new(PLAN);
        assert_eq!(script.due(Duration::ZERO), 0);
        assert_eq!(script.due(Duration::from_millis(400)), script.position(BASE_SLOT + 2));
        assert_eq!(script.due(Duration::from_secs(60)), script.len());
        assert_eq!(
            Script::new(Plan { slot_ms: 0, ..PLAN }).due(Duration::ZERO),
            script.len()
        );
    }
}
