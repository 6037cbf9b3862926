//! One bank (the state of one slot on one fork) while its updates come in, and what is left of it once it is whole.

use std::collections::{BTreeMap, HashMap};

use super::LoggedData;
use crate::{Key, Signature};

/// One write of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountWrite {
    /// The account.
    pub address: Key,
    /// Grows with each write of the server's validator.
    pub write_version: u64,
    /// Lamports after the write; none means that the account is gone.
    pub lamports: u64,
    /// Owner after the write.
    pub owner: Key,
    /// Data after the write.
    pub data: Vec<u8>,
    /// The transaction that wrote it, if one did.
    pub signature: Option<Signature>,
}

/// A transaction that succeeded and named one of the programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// Its signature.
    pub signature: Signature,
    /// Place in its block.
    pub index: u64,
    /// Accounts that had lamports before it and have none after it.
    pub emptied: Vec<Key>,
    /// Accounts that it may have written.
    pub touched: Vec<Key>,
    /// What the programs logged, in order.
    pub logged: Vec<LoggedData>,
    /// Some of what they logged may be missing.
    pub incomplete: bool,
}

/// What block meta says of a bank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockFacts {
    /// Slot of the block before.
    pub parent: u64,
    /// Blockhash of the block before, base58; empty where the server does not say.
    pub parent_blockhash: String,
    /// Blockhash, base58.
    pub blockhash: String,
    /// Unix seconds.
    pub time: Option<i64>,
}

/// What became of an account in a bank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Its newest state.
    Written(AccountWrite),
    /// It is gone.
    Closed,
}

/// A whole bank: each account once, each transaction once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedBank {
    /// Slot.
    pub slot: u64,
    /// What block meta said.
    pub facts: BlockFacts,
    /// Accounts by address.
    pub accounts: BTreeMap<Key, Change>,
    /// Transactions in the order of the block.
    pub transactions: Vec<Transaction>,
    /// Accounts that a transaction may have taken from the programs although none was seen leaving: one that is closed
    /// and given lamports again in the same transaction leaves no trace in a stream filtered by owner.
    pub doubtful: Vec<Key>,
}

impl SealedBank {
    /// About how many bytes it holds.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let accounts = self.accounts.values().map(|change| match change {
            Change::Written(write) => WRITE_BYTES + write.data.len(),
            Change::Closed => WRITE_BYTES,
        });
        let transactions = self.transactions.iter().map(Transaction::bytes);
        BANK_BYTES + accounts.sum::<usize>() + transactions.sum::<usize>()
    }
}

impl Transaction {
    fn bytes(&self) -> usize {
        let logged: usize = self.logged.iter().map(|logged| WRITE_BYTES + logged.data.len()).sum();
        WRITE_BYTES + logged + (self.emptied.len() + self.touched.len()) * size_of::<Key>()
    }
}

/// What a bank, a write and a transaction take beside their data: nobody fills the memory with empty ones.
const BANK_BYTES: usize = 512;
const WRITE_BYTES: usize = 256;

/// A bank that may still get updates.
#[derive(Clone, Debug)]
pub(super) struct Bank {
    writes: HashMap<Key, AccountWrite>,
    transactions: HashMap<Signature, Transaction>,
    pub(super) facts: Option<BlockFacts>,
    /// About how many bytes it holds.
    pub(super) bytes: usize,
}

impl Default for Bank {
    fn default() -> Self {
        Self {
            writes: HashMap::new(),
            transactions: HashMap::new(),
            facts: None,
            bytes: BANK_BYTES,
        }
    }
}

impl Bank {
    /// Keeps the newest write of each account, in whatever order and however often they come.
    pub(super) fn write(&mut self, write: AccountWrite) {
        let older = self
            .writes
            .get(&write.address)
            .map(|held| (held.write_version, held.data.len()));
        if older.is_some_and(|(version, _)| version >= write.write_version) {
            return;
        }
        self.bytes += WRITE_BYTES + write.data.len();
        self.bytes -= older.map_or(0, |(_, size)| WRITE_BYTES + size);
        self.writes.insert(write.address, write);
    }

    pub(super) fn transaction(&mut self, transaction: Transaction) {
        self.bytes += transaction.bytes();
        if let Some(held) = self.transactions.insert(transaction.signature, transaction) {
            self.bytes -= held.bytes();
        }
    }

    /// What the bank comes to.
    ///
    /// A closed account does not pass a filter by owner: its last write does not arrive, only an earlier one of the same
    /// bank may, and in a replay not even that. So what counts is the transaction that left it without lamports, and
    /// whatever the bank wrote before it is dropped: live and replayed banks come to the same.
    pub(super) fn seal(mut self, slot: u64, facts: BlockFacts, is_program: impl Fn(&Key) -> bool) -> SealedBank {
        let mut emptied: HashMap<Key, u64> = HashMap::new();
        for transaction in self.transactions.values() {
            for address in &transaction.emptied {
                let last = emptied.entry(*address).or_default();
                *last = (*last).max(transaction.index);
            }
        }
        let mut accounts: BTreeMap<Key, Change> = emptied.keys().map(|address| (*address, Change::Closed)).collect();
        for (address, write) in self.writes.drain() {
            let gone = write.lamports == 0 || !is_program(&write.owner);
            let index = write
                .signature
                .and_then(|signature| self.transactions.get(&signature))
                .map(|by| by.index);
            let reopened = emptied
                .get(&address)
                .is_none_or(|closed| index.is_some_and(|index| index > *closed));
            accounts.insert(
                address,
                if gone || !reopened {
                    Change::Closed
                } else {
                    Change::Written(write)
                },
            );
        }
        // The last transaction that may have written an account, and whether its write is what the bank ends with.
        let mut last: BTreeMap<Key, &Transaction> = BTreeMap::new();
        for transaction in self.transactions.values() {
            for address in &transaction.touched {
                let held = last.entry(*address).or_insert(transaction);
                if held.index < transaction.index {
                    *held = transaction;
                }
            }
        }
        let doubtful = last
            .into_iter()
            .filter(|(address, transaction)| match accounts.get(address) {
                Some(Change::Closed) => false,
                Some(Change::Written(write)) => write.signature != Some(transaction.signature),
                None => true,
            });
        let doubtful = doubtful.map(|(address, _)| address).collect();
        let mut transactions: Vec<_> = self.transactions.into_values().collect();
        transactions.sort_unstable_by_key(|transaction| transaction.index);
        SealedBank {
            slot,
            facts,
            accounts,
            transactions,
            doubtful,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: Key = [9; 32];

    fn write(address: u8, version: u64, by: u8) -> AccountWrite {
        AccountWrite {
            address: [address; 32],
            write_version: version,
            lamports: 1,
            owner: OURS,
            data: vec![version as u8],
            signature: Some([by; 64]),
        }
    }

    fn transaction(index: u8, emptied: &[u8]) -> Transaction {
        Transaction {
            signature: [index; 64],
            index: index.into(),
            emptied: emptied.iter().map(|address| [*address; 32]).collect(),
            touched: Vec::new(),
            logged: Vec::new(),
            incomplete: false,
        }
    }

    fn sealed(writes: &[AccountWrite], transactions: &[Transaction]) -> BTreeMap<Key, Change> {
        let mut bank = Bank::default();
        writes.iter().cloned().for_each(|write| bank.write(write));
        transactions
            .iter()
            .cloned()
            .for_each(|transaction| bank.transaction(transaction));
        let facts = BlockFacts {
            parent: 0,
            parent_blockhash: String::new(),
            blockhash: String::new(),
            time: None,
        };
        bank.seal(1, facts, |key| *key == OURS).accounts
    }

    #[test]
    fn the_newest_write_wins_in_any_order() {
        let (old, new) = (write(1, 3, 1), write(1, 4, 2));
        let expected = BTreeMap::from([([1; 32], Change::Written(new.clone()))]);
        assert_eq!(sealed(&[old.clone(), new.clone()], &[]), expected);
        assert_eq!(sealed(&[new.clone(), old, new], &[]), expected);
    }

    #[test]
    fn an_emptied_account_is_closed_whether_or_not_an_earlier_write_arrived() {
        let expected = BTreeMap::from([([1; 32], Change::Closed)]);
        let transactions = [transaction(1, &[]), transaction(2, &[1])];
        assert_eq!(sealed(&[write(1, 3, 1)], &transactions), expected);
        assert_eq!(sealed(&[], &transactions), expected);
    }

    #[test]
    fn an_account_opened_again_in_the_same_bank_is_open() {
        let new = write(1, 5, 3);
        let transactions = [transaction(2, &[1]), transaction(3, &[])];
        assert_eq!(
            sealed(std::slice::from_ref(&new), &transactions),
            BTreeMap::from([([1; 32], Change::Written(new))])
        );
    }

    #[test]
    fn an_account_without_lamports_or_given_away_is_closed() {
        let empty = AccountWrite {
            lamports: 0,
            ..write(1, 3, 1)
        };
        let given = AccountWrite {
            owner: [0; 32],
            ..write(2, 4, 1)
        };
        let expected = BTreeMap::from([([1; 32], Change::Closed), ([2; 32], Change::Closed)]);
        assert_eq!(sealed(&[empty, given], &[]), expected);
    }

    #[test]
    fn an_account_whose_last_writer_left_no_write_is_doubtful() {
        let touching = |index: u8, address: u8| Transaction {
            touched: vec![[address; 32]],
            ..transaction(index, &[])
        };
        let mut bank = Bank::default();
        for write in [write(1, 3, 1), write(2, 4, 2)] {
            bank.write(write);
        }
        // 1 was written by its first transaction and not by its second, 2 by its only one, 3 by none that passed.
        for transaction in [touching(1, 1), touching(2, 1), touching(2, 2), touching(4, 3)] {
            bank.transaction(transaction);
        }
        let both = Transaction {
            touched: vec![[1; 32], [2; 32]],
            ..transaction(2, &[])
        };
        bank.transaction(both);
        let facts = BlockFacts {
            parent: 0,
            parent_blockhash: String::new(),
            blockhash: String::new(),
            time: None,
        };
        let sealed = bank.seal(1, facts, |key| *key == OURS);
        assert_eq!(sealed.doubtful, [[1; 32], [3; 32]]);
    }
}
