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
}

/// A bank that may still get updates.
#[derive(Clone, Debug, Default)]
pub(super) struct Bank {
    writes: HashMap<Key, AccountWrite>,
    transactions: HashMap<Signature, Transaction>,
    pub(super) facts: Option<BlockFacts>,
    /// Bytes of account data held.
    pub(super) bytes: usize,
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
        self.bytes += write.data.len();
        self.bytes -= older.map_or(0, |(_, size)| size);
        self.writes.insert(write.address, write);
    }

    pub(super) fn transaction(&mut self, transaction: Transaction) {
        self.bytes += transaction.logged.iter().map(|logged| logged.data.len()).sum::<usize>();
        self.transactions.insert(transaction.signature, transaction);
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
        let mut transactions: Vec<_> = self.transactions.into_values().collect();
        transactions.sort_unstable_by_key(|transaction| transaction.index);
        SealedBank {
            slot,
            facts,
            accounts,
            transactions,
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
}
