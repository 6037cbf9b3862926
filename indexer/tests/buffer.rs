//! The buffer: what goes in in any order, twice or cut, comes out the same.

mod common;

use std::collections::BTreeSet;

use gantry_indexer::Key;
use gantry_indexer::stream::{AccountWrite, Broken, Buffer, SealedBank, Transaction, Update};
use proptest::prelude::*;
use proptest::sample::{Index, select};

const OURS: Key = [9; 32];
const LIMIT: usize = 1 << 20;

fn buffer(applied: u64) -> Buffer {
    Buffer::new([OURS], applied, true, LIMIT)
}

fn account(slot: u64, bank_id: u64, address: u8, write_version: u64) -> Update {
    let write = common::write(OURS, [address; 32], write_version, write_version.to_le_bytes().to_vec());
    Update::Account {
        slot,
        bank_id: Some(bank_id),
        write,
    }
}

fn meta(slot: u64, bank_id: u64, parent: u64) -> Update {
    Update::BlockMeta {
        slot,
        bank_id,
        facts: common::facts(slot, parent),
    }
}

fn confirmed(slot: u64, bank_id: u64) -> Update {
    Update::Confirmed {
        slot,
        bank_id: Some(bank_id),
    }
}

fn feed(buffer: &mut Buffer, updates: impl IntoIterator<Item = Update>) -> Vec<SealedBank> {
    updates
        .into_iter()
        .flat_map(|update| buffer.push(update).expect("the stream holds together"))
        .collect()
}

fn slots(banks: &[SealedBank]) -> Vec<u64> {
    banks.iter().map(|bank| bank.slot).collect()
}

#[test]
fn a_bank_comes_out_when_it_is_whole_and_confirmed() {
    let mut buffer = buffer(9);
    assert!(feed(&mut buffer, [account(10, 1, 1, 1), meta(10, 1, 9)]).is_empty());
    assert_eq!(slots(&feed(&mut buffer, [confirmed(10, 1)])), [10]);
    // Confirmed before it is whole.
    assert!(feed(&mut buffer, [account(11, 2, 1, 2), confirmed(11, 2)]).is_empty());
    assert_eq!(slots(&feed(&mut buffer, [meta(11, 2, 10)])), [11]);
    assert_eq!(buffer.applied(), 11);
}

#[test]
fn a_confirmed_slot_confirms_its_ancestors_and_nothing_else() {
    let mut buffer = buffer(9);
    let updates = [
        account(10, 1, 1, 1),
        meta(10, 1, 9),
        account(11, 2, 2, 2),
        meta(11, 2, 10),
        account(12, 3, 3, 3),
        meta(12, 3, 10),
        confirmed(12, 3),
    ];
    let banks = feed(&mut buffer, updates);
    assert_eq!(slots(&banks), [10, 12]);
    let written: BTreeSet<_> = banks.iter().flat_map(|bank| bank.accounts.keys().copied()).collect();
    assert!(!written.contains(&[2; 32]), "slot 11 was abandoned");
    // What comes late of the abandoned slot is no longer of interest.
    assert!(feed(&mut buffer, [meta(11, 2, 10), confirmed(11, 2)]).is_empty());
}

#[test]
fn a_dead_bank_is_dropped_and_its_slot_can_be_built_again() {
    let mut buffer = buffer(9);
    let dead = Update::Dead {
        slot: 10,
        bank_id: Some(1),
    };
    let updates = [
        account(10, 1, 1, 1),
        dead,
        account(10, 2, 2, 2),
        meta(10, 2, 9),
        confirmed(10, 2),
    ];
    let banks = feed(&mut buffer, updates);
    assert_eq!(banks[0].accounts.keys().collect::<Vec<_>>(), [&[2; 32]]);
}

#[test]
fn of_two_banks_of_a_slot_the_confirmed_one_counts() {
    let mut buffer = buffer(9);
    let updates = [
        account(10, 1, 1, 1),
        meta(10, 1, 9),
        account(10, 2, 2, 2),
        meta(10, 2, 9),
        confirmed(10, 1),
    ];
    assert_eq!(
        feed(&mut buffer, updates)[0].accounts.keys().collect::<Vec<_>>(),
        [&[1; 32]]
    );
}

#[test]
fn a_hole_in_the_chain_is_told_and_not_passed() {
    let mut buffer = buffer(9);
    let mut ended = None;
    for slot in 11..100 {
        assert!(feed(&mut buffer, [meta(slot, slot, slot - 1)]).is_empty());
        match buffer.push(confirmed(slot, slot)) {
            Ok(banks) => assert!(banks.is_empty()),
            Err(broken) => {
                ended = Some(broken);
                break;
            }
        }
    }
    assert_eq!(ended, Some(Broken::Gap { after: 9, missing: 10 }));
}

#[test]
fn a_chain_around_what_was_given_out_is_told() {
    let mut buffer = buffer(9);
    feed(&mut buffer, [meta(10, 1, 9), confirmed(10, 1), meta(11, 2, 9)]);
    assert_eq!(
        buffer.push(confirmed(11, 2)),
        Err(Broken::Fork {
            after: 10,
            parent: 9,
            slot: 11
        })
    );
}

#[test]
fn memory_is_bounded() {
    let mut buffer = Buffer::new([OURS], 9, true, 100);
    let big = |version| AccountWrite {
        data: vec![0; 60],
        ..common::write(OURS, [version as u8; 32], version, vec![])
    };
    let push = |buffer: &mut Buffer, version| {
        buffer.push(Update::Account {
            slot: 10,
            bank_id: Some(1),
            write: big(version),
        })
    };
    push(&mut buffer, 1).expect("there is room");
    push(&mut buffer, 1).expect("the same again takes no room");
    assert_eq!(push(&mut buffer, 2), Err(Broken::Full { held: 120, limit: 100 }));
}

/// A history: slots in a row, some on forks that lose, each with writes and closings.
#[derive(Clone, Debug)]
struct Slot {
    slot: u64,
    parent: u64,
    wins: bool,
    content: Vec<Update>,
}

fn history() -> impl Strategy<Value = Vec<Slot>> {
    let write = (0..5u8, 0..3u8);
    let slot = (
        prop::bool::weighted(0.75),
        prop::collection::vec(write, 0..6),
        prop::option::of(0..5u8),
    );
    prop::collection::vec(slot, 1..12).prop_map(|slots| {
        let (mut parent, mut version) = (9, 0);
        let mut history = Vec::new();
        for (index, (wins, writes, closed)) in slots.into_iter().enumerate() {
            let slot = 10 + index as u64;
            let mut content = Vec::new();
            for (address, by) in writes {
                version += 1;
                let mut update = account(slot, slot, address, version);
                if let Update::Account { write, .. } = &mut update {
                    write.signature = Some([by; 64]);
                }
                content.push(update);
            }
            for by in 0..3u8 {
                let emptied = closed
                    .filter(|_| by == 1)
                    .map(|address| [address; 32])
                    .into_iter()
                    .collect();
                let transaction = Transaction {
                    signature: [by; 64],
                    index: by.into(),
                    emptied,
                    logged: Vec::new(),
                    incomplete: false,
                };
                content.push(Update::Transaction {
                    slot,
                    bank_id: slot,
                    transaction,
                });
            }
            history.push(Slot {
                slot,
                parent,
                wins,
                content,
            });
            if wins {
                parent = slot;
            }
        }
        history
    })
}

fn plain(history: &[Slot]) -> Vec<Update> {
    let of_slot = |slot: &Slot| {
        let mut updates = slot.content.clone();
        updates.push(meta(slot.slot, slot.slot, slot.parent));
        if slot.wins {
            updates.push(confirmed(slot.slot, slot.slot));
        }
        updates
    };
    history.iter().flat_map(of_slot).collect()
}

proptest! {
    #[test]
    fn shuffles_duplicates_and_cuts_change_nothing(
        history in history(),
        swaps in prop::collection::vec((any::<Index>(), any::<Index>()), 0..40),
        repeats in prop::collection::vec(any::<Index>(), 0..20),
        cut in any::<Index>(),
        how in select(vec!["whole", "cut", "restart"]),
    ) {
        let mut reference = buffer(9);
        let expected = feed(&mut reference, plain(&history));

        // Within a bank anything may come in any order and again, as long as it comes before the block meta.
        let mut shuffled = history.clone();
        for (one, other) in &swaps {
            let slot = one.index(shuffled.len());
            let content = &mut shuffled[slot].content;
            let (one, other) = (one.index(content.len()), other.index(content.len()));
            content.swap(one, other);
        }
        for repeat in &repeats {
            let slot = repeat.index(shuffled.len());
            let content = &mut shuffled[slot].content;
            content.push(content[repeat.index(content.len())].clone());
        }
        let updates = plain(&shuffled);
        let cut = cut.index(updates.len());
        let mut buffer = buffer(9);
        let mut banks = feed(&mut buffer, updates[..cut].iter().cloned());
        match how {
            // The connection is lost; the next one replays from the last confirmed slot, under other bank ids.
            "cut" => {
                let from = buffer.applied().max(10);
                buffer.disconnected(Some(from));
                banks.extend(feed(&mut buffer, updates.iter().filter(|update| update.slot() >= from).cloned()));
            }
            // The process is killed: another begins where the checkpoint is.
            "restart" => {
                let applied = buffer.applied();
                buffer = Buffer::new([OURS], applied, true, LIMIT);
                banks.extend(feed(&mut buffer, updates.iter().filter(|update| update.slot() > applied).cloned()));
            }
            _ => banks.extend(feed(&mut buffer, updates[cut..].iter().cloned())),
        }
        prop_assert_eq!(banks, expected);
    }
}
