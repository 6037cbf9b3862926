//! Turns what the VM reports into banks in the order that Yellowstone clients rely on.
//!
//! Per slot: first shred received, bank created, content, entry, block meta, completed, processed, confirmed; and
//! finalized when the VM roots the slot. Surfpool reports confirmed *before* the block meta, roots only slots whose
//! distance to the tip is exact, and takes `slot - 1` for the parent; all three are put right here.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::SystemTime;

use yellowstone_grpc_proto::prelude::{
    BlockHeight, Rewards, SlotStatus, SubscribeUpdateAccountInfo, SubscribeUpdateBlockMeta, SubscribeUpdateEntry,
    UnixTimestamp,
};
use yellowstone_grpc_proto::prost_types::Timestamp;

use super::phantom::{self, Branch, Recent};
use crate::faults::{Fate, Faults};
use crate::ledger::{Bank, Content, Event, Item, Ledger, StatusChange, TransactionItem};

/// An account as the VM holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountState {
    /// Balance in lamports.
    pub lamports: u64,
    /// The program that owns it.
    pub owner: [u8; 32],
    /// Whether it is a program.
    pub executable: bool,
    /// Rent epoch, as stored.
    pub rent_epoch: u64,
    /// Its data.
    pub data: Vec<u8>,
}

/// What the VM says of a block when it closes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockFacts {
    /// Blockhash, base58.
    pub blockhash: String,
    /// Blockhash of the parent, base58.
    pub parent_blockhash: String,
    /// Unix seconds.
    pub block_time: Option<i64>,
    /// Height.
    pub block_height: Option<u64>,
    /// Transactions in it.
    pub executed_transaction_count: u64,
    /// Entries in it.
    pub entries_count: u64,
}

#[derive(Debug)]
struct OpenBank {
    slot: u64,
    bank_id: u64,
    parent: Option<u64>,
    items: Vec<Arc<Item>>,
    /// Index into `items` of the newest write of each account.
    newest: HashMap<[u8; 32], usize>,
    facts: Option<BlockFacts>,
}

/// See the module's page. Not shared: one thread feeds it.
#[derive(Debug)]
pub struct Assembler {
    ledger: Arc<Ledger>,
    open: Option<OpenBank>,
    /// Slot and blockhash of the newest block: the parent of the next.
    last_sealed: Option<(u64, String)>,
    /// Nothing of a slot up to this one is taken any more.
    over: Option<u64>,
    faults: Faults,
    branch: Option<Branch>,
    recent: Recent,
    /// Sealed, not yet finalized, oldest first.
    unrooted: VecDeque<Arc<Bank>>,
    next_bank_id: u64,
    next_write_version: u64,
}

impl Assembler {
    /// Feeds `ledger`.
    #[must_use]
    pub fn new(ledger: Arc<Ledger>) -> Self {
        Self::with_faults(ledger, Faults::default())
    }

    /// Feeds `ledger`, with the branches that `faults` asks for.
    #[must_use]
    pub fn with_faults(ledger: Arc<Ledger>, faults: Faults) -> Self {
        Self {
            ledger,
            open: None,
            last_sealed: None,
            over: None,
            faults,
            branch: None,
            recent: Recent::default(),
            unrooted: VecDeque::new(),
            next_bank_id: 1,
            next_write_version: 1,
        }
    }

    /// One write of an account in `slot`. A write that changes nothing against the newest one of the same bank is
    /// left out: the VM reports some changes twice over its two channels.
    pub fn account(&mut self, slot: u64, pubkey: [u8; 32], state: AccountState, signature: Option<Vec<u8>>) {
        let write_version = self.next_write_version;
        let Some(bank) = self.bank(slot) else { return };
        if let Some(Content::Account(newest)) = bank.newest.get(&pubkey).map(|index| &bank.items[*index].content)
            && signature.is_none()
            && same_state(newest, &state)
        {
            return;
        }
        bank.newest.insert(pubkey, bank.items.len());
        let info = SubscribeUpdateAccountInfo {
            pubkey: pubkey.to_vec(),
            lamports: state.lamports,
            owner: state.owner.to_vec(),
            executable: state.executable,
            rent_epoch: state.rent_epoch,
            data: state.data,
            write_version,
            txn_signature: signature,
        };
        let noted = info.clone();
        let event = bank.push(Content::Account(info));
        self.next_write_version += 1;
        self.recent.note(&noted);
        self.append([event]);
    }

    /// An executed transaction of `slot`.
    pub fn transaction(&mut self, slot: u64, transaction: TransactionItem) {
        let Some(bank) = self.bank(slot) else { return };
        let event = bank.push(Content::Transaction(transaction));
        self.append([event]);
    }

    /// The VM is closing `slot`.
    pub fn closing(&mut self, slot: u64) {
        self.bank(slot);
    }

    /// The block meta of `slot`; kept until the entry arrives.
    pub fn block(&mut self, slot: u64, facts: BlockFacts) {
        if let Some(bank) = self.bank(slot) {
            bank.facts = Some(facts);
        }
    }

    /// The entry of a slot, the last thing that the VM says of it: seals the bank.
    pub fn entry(&mut self, mut entry: SubscribeUpdateEntry) {
        let Some(bank) = self.bank(entry.slot) else { return };
        entry.bank_id = bank.bank_id;
        let entry = bank.push(Content::Entry(entry));
        let Some(mut bank) = self.open.take() else { return };
        let Some(facts) = bank.facts.take() else {
            self.kill(bank, "the VM closed the slot without a block meta");
            return;
        };
        // The VM's own word on the parent is of the slot before, which may be another after a jump in time.
        let parent_blockhash = self.last_sealed.as_ref().map(|(_, hash)| hash.clone());
        let hash = facts.blockhash.clone();
        let meta = SubscribeUpdateBlockMeta {
            slot: bank.slot,
            blockhash: facts.blockhash,
            rewards: Some(Rewards::default()),
            block_time: facts.block_time.map(|timestamp| UnixTimestamp { timestamp }),
            block_height: facts.block_height.map(|block_height| BlockHeight { block_height }),
            parent_slot: bank.parent.unwrap_or_default(),
            parent_blockhash: parent_blockhash.unwrap_or(facts.parent_blockhash),
            executed_transaction_count: facts.executed_transaction_count,
            entries_count: facts.entries_count,
            bank_id: bank.bank_id,
        };
        let of_branch = meta.clone();
        let meta = bank.push(Content::BlockMeta(meta));
        let sealed = Arc::new(bank.fold());
        let status = |status, bank_id, bank| status_event(sealed.slot, sealed.parent, bank_id, status, bank);
        let bank_id = Some(sealed.bank_id);
        self.append([
            entry,
            meta,
            status(SlotStatus::SlotCompleted, None, None),
            status(SlotStatus::SlotProcessed, bank_id, Some(Arc::clone(&sealed))),
            status(SlotStatus::SlotConfirmed, bank_id, Some(Arc::clone(&sealed))),
        ]);
        self.grow_branch(&of_branch, &sealed.items);
        self.last_sealed = Some((sealed.slot, hash));
        self.over = Some(sealed.slot);
        self.unrooted.push_back(sealed);
    }

    /// Appends what happened on the chain itself, which waits where a branch is to come first.
    fn append(&mut self, events: impl IntoIterator<Item = Event>) {
        match &mut self.branch {
            Some(branch) => branch.held.extend(events),
            None => self.ledger.append(events),
        }
    }

    /// Adds a bank to the branch beside the one that `real` has just sealed; the chain's own come when it is complete.
    fn grow_branch(&mut self, real: &SubscribeUpdateBlockMeta, items: &[Arc<Item>]) {
        let Some(mut branch) = self.branch.take() else { return };
        let bank_id = self.next_bank_id;
        self.next_bank_id += 1;
        let meta = phantom::meta(real, &branch, bank_id);
        let (slot, parent) = (meta.slot, Some(meta.parent_slot));
        let mut bank = OpenBank {
            slot,
            bank_id,
            parent,
            items: Vec::new(),
            newest: HashMap::new(),
            facts: None,
        };
        let mut events = vec![status_event(
            slot,
            parent,
            Some(bank_id),
            SlotStatus::SlotCreatedBank,
            None,
        )];
        for content in self.recent.content(items, &mut self.next_write_version) {
            if let Content::Account(info) = &content
                && let Ok(pubkey) = info.pubkey.as_slice().try_into()
            {
                bank.newest.insert(pubkey, bank.items.len());
            }
            events.push(bank.push(content));
        }
        branch.newest = Some((slot, meta.blockhash.clone()));
        if branch.fate == Fate::Dead {
            events.push(dead_event(slot, parent, bank_id, "asked to"));
            // The next bank has a living parent.
            branch.newest = None;
        } else {
            events.push(bank.push(Content::BlockMeta(meta)));
            let sealed = Arc::new(bank.fold());
            let statuses: &[SlotStatus] = match branch.fate {
                Fate::Confirmed => &[SlotStatus::SlotProcessed, SlotStatus::SlotConfirmed],
                Fate::Abandoned | Fate::Dead => &[SlotStatus::SlotProcessed],
            };
            let status = |status: &SlotStatus| status_event(slot, parent, Some(bank_id), *status, Some(sealed.clone()));
            events.extend(statuses.iter().map(status));
        }
        self.ledger.append(events);
        branch.left -= 1;
        if branch.left == 0 {
            self.ledger.append(branch.held);
        } else {
            self.branch = Some(branch);
        }
    }

    /// The VM rooted `slot`: it and every older slot are final.
    pub fn rooted(&mut self, slot: u64) {
        while let Some(bank) = self.unrooted.pop_front_if(|bank| bank.slot <= slot) {
            let event = status_event(
                bank.slot,
                bank.parent,
                Some(bank.bank_id),
                SlotStatus::SlotFinalized,
                Some(bank.clone()),
            );
            self.ledger.append([event]);
        }
    }

    /// The open bank of `slot`, opened when this is the first that is heard of it; none for a slot that is over.
    fn bank(&mut self, slot: u64) -> Option<&mut OpenBank> {
        if self.over.is_some_and(|over| slot <= over) {
            tracing::warn!(
                slot,
                over = self.over,
                "the VM reported something of a slot that is over: left out"
            );
            return None;
        }
        match &self.open {
            Some(open) if open.slot == slot => {}
            Some(open) if open.slot > slot => {
                tracing::warn!(
                    slot,
                    open = open.slot,
                    "the VM reported something of an older slot: left out"
                );
                return None;
            }
            _ => {
                if let Some(abandoned) = self.open.take() {
                    self.kill(abandoned, "the VM moved on without closing the slot");
                }
                self.open(slot);
            }
        }
        self.open.as_mut()
    }

    fn open(&mut self, slot: u64) {
        let parent = self.last_sealed.as_ref().map(|(slot, _)| *slot);
        let parent = parent.or(slot.checked_sub(1));
        let bank_id = self.next_bank_id;
        self.next_bank_id += 1;
        self.ledger.begin_slot(slot);
        if self.branch.is_none() {
            self.branch = self.faults.next_fork().map(|(left, fate)| Branch {
                fate,
                left,
                held: Vec::new(),
                newest: None,
            });
        }
        self.append([
            status_event(slot, parent, None, SlotStatus::SlotFirstShredReceived, None),
            status_event(slot, parent, Some(bank_id), SlotStatus::SlotCreatedBank, None),
        ]);
        self.open = Some(OpenBank {
            slot,
            bank_id,
            parent,
            items: Vec::new(),
            newest: HashMap::new(),
            facts: None,
        });
    }

    fn kill(&mut self, bank: OpenBank, why: &str) {
        tracing::warn!(slot = bank.slot, why, "a slot died");
        self.append([dead_event(bank.slot, bank.parent, bank.bank_id, why)]);
        self.over = self.over.max(Some(bank.slot));
    }
}

impl OpenBank {
    fn push(&mut self, content: Content) -> Event {
        let item = Arc::new(Item {
            slot: self.slot,
            bank_id: self.bank_id,
            created_at: now(),
            content,
        });
        self.items.push(Arc::clone(&item));
        Event::Item(item)
    }

    /// Keeps the newest write of each account.
    fn fold(self) -> Bank {
        let newest: HashSet<usize> = self.newest.into_values().collect();
        let items = self.items.into_iter().enumerate();
        let keep = |(index, item): (usize, Arc<Item>)| {
            (!matches!(item.content, Content::Account(_)) || newest.contains(&index)).then_some(item)
        };
        Bank {
            slot: self.slot,
            parent: self.parent,
            bank_id: self.bank_id,
            items: items.filter_map(keep).collect(),
        }
    }
}

fn dead_event(slot: u64, parent: Option<u64>, bank_id: u64, why: &str) -> Event {
    let mut change = status_change(slot, parent, Some(bank_id), SlotStatus::SlotDead, None);
    change.dead_error = Some(why.to_owned());
    Event::Status(Arc::new(change))
}

fn same_state(info: &SubscribeUpdateAccountInfo, state: &AccountState) -> bool {
    info.lamports == state.lamports
        && info.owner == state.owner
        && info.executable == state.executable
        && info.data == state.data
}

fn now() -> Timestamp {
    SystemTime::now().into()
}

fn status_change(
    slot: u64,
    parent: Option<u64>,
    bank_id: Option<u64>,
    status: SlotStatus,
    bank: Option<Arc<Bank>>,
) -> StatusChange {
    StatusChange {
        slot,
        parent,
        bank_id,
        status,
        dead_error: None,
        created_at: now(),
        bank,
    }
}

fn status_event(
    slot: u64,
    parent: Option<u64>,
    bank_id: Option<u64>,
    status: SlotStatus,
    bank: Option<Arc<Bank>>,
) -> Event {
    Event::Status(Arc::new(status_change(slot, parent, bank_id, status, bank)))
}
