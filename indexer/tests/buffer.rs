//! The buffer: what goes in in any order, twice or cut, comes out the same.

mod common;

use std::collections::BTreeSet;

use gantry_indexer::Key;
use gantry_indexer::stream::{AccountWrite, BlockFacts, Broken, Buffer, SealedBank, Step, Transaction, Trunk, Update};
use proptest::prelude::*;
use proptest::sample::{Index, select};

const OURS: Key = [9; 32];
const LIMIT: usize = 1 << 20;

fn trunk(slot: u64) -> Trunk {
    Trunk::on(slot, &format!("hash{slot}"))
}

fn buffer(applied: u64) -> Buffer {
    Buffer::new([OURS], trunk(applied), LIMIT)
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

fn steps(buffer: &mut Buffer, updates: impl IntoIterator<Item = Update>) -> Vec<Step> {
    updates
        .into_iter()
        .flat_map(|update| buffer.push(update).expect("the stream holds together"))
        .collect()
}

/// The banks that come out, where nothing is taken back.
fn feed(buffer: &mut Buffer, updates: impl IntoIterator<Item = Update>) -> Vec<SealedBank> {
    let bank = |step| match step {
        Step::Bank(bank) => bank,
        other => panic!("{other:?}"),
    };
    steps(buffer, updates).into_iter().map(bank).collect()
}

/// `+` a bank, `-` back to a slot, `=` final.
fn words(steps: &[Step]) -> Vec<String> {
    let word = |step: &Step| match step {
        Step::Bank(bank) => format!("+{}:{}", bank.slot, bank.facts.blockhash),
        Step::Undo { to } => format!("-{to}"),
        Step::Final { slot } => format!("={slot}"),
    };
    steps.iter().map(word).collect()
}

/// A block meta with hashes of its own.
fn block(slot: u64, bank_id: u64, hash: &str, parent: u64, parent_hash: &str) -> Update {
    let facts = BlockFacts {
        parent_blockhash: parent_hash.to_owned(),
        blockhash: hash.to_owned(),
        ..common::facts(slot, parent)
    };
    Update::BlockMeta { slot, bank_id, facts }
}

fn finalized(slot: u64, bank_id: u64) -> Update {
    Update::Finalized {
        slot,
        bank_id: Some(bank_id),
    }
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
    assert_eq!(buffer.trunk().tip(), 11);
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
fn a_confirmed_block_that_the_cluster_leaves_is_taken_back() {
    let mut buffer = buffer(9);
    let came = steps(
        &mut buffer,
        [meta(10, 1, 9), confirmed(10, 1), meta(11, 2, 10), confirmed(11, 2)],
    );
    assert_eq!(words(&came), ["+10:hash10", "+11:hash11"]);
    // Another branch leaves at 10, with a block in the same slot and one above.
    let other = [
        account(11, 3, 7, 9),
        block(11, 3, "other11", 10, "hash10"),
        block(12, 4, "other12", 11, "other11"),
    ];
    assert!(steps(&mut buffer, other).is_empty());
    let came = steps(&mut buffer, [confirmed(12, 4)]);
    assert_eq!(words(&came), ["-10", "+11:other11", "+12:other12"]);
    // What still comes of the branch that lost, its confirmation included, changes nothing.
    assert!(steps(&mut buffer, [account(11, 2, 1, 99), meta(11, 2, 10), confirmed(11, 2)]).is_empty());
    assert_eq!(words(&steps(&mut buffer, [finalized(12, 4)])), ["=12"]);
}

#[test]
fn a_sibling_in_the_same_slot_that_is_confirmed_later_wins_and_one_that_lags_behind_does_not() {
    let mut buffer = buffer(9);
    let mut came = steps(
        &mut buffer,
        [meta(10, 1, 9), confirmed(10, 1), block(10, 2, "other", 9, "hash9")],
    );
    came.extend(steps(&mut buffer, [confirmed(10, 2)]));
    assert_eq!(words(&came), ["+10:hash10", "-9", "+10:other"]);
    came = steps(&mut buffer, [block(11, 3, "eleven", 10, "other"), confirmed(11, 3)]);
    assert_eq!(words(&came), ["+11:eleven"]);
    let behind = [block(10, 4, "third", 9, "hash9"), confirmed(10, 4)];
    assert!(steps(&mut buffer, behind).is_empty(), "it is behind what is confirmed");
}

#[test]
fn finality_outweighs_whatever_was_confirmed() {
    let mut buffer = buffer(9);
    let before = [
        meta(10, 1, 9),
        confirmed(10, 1),
        meta(11, 2, 10),
        confirmed(11, 2),
        block(10, 3, "other", 9, "hash9"),
    ];
    steps(&mut buffer, before);
    assert_eq!(
        words(&steps(&mut buffer, [finalized(10, 3)])),
        ["-9", "+10:other", "=10"]
    );
    assert_eq!(buffer.trunk().root, 10);
    // Nothing of a settled slot is of interest.
    assert!(steps(&mut buffer, [meta(10, 9, 9), confirmed(10, 9)]).is_empty());
}

#[test]
fn a_branch_that_began_before_the_subscription_is_told() {
    // Given out before the process was killed; the stream resumes above it, on another block of slot 10.
    let mut trunk = trunk(9);
    trunk.extend(10, "abandoned");
    let mut buffer = Buffer::new([OURS], trunk, LIMIT);
    let mut ended = None;
    for slot in 11..30 {
        let pushed = buffer
            .push(meta(slot, slot, slot - 1))
            .and_then(|_| buffer.push(confirmed(slot, slot)));
        match pushed {
            Ok(steps) => assert_eq!(steps, []),
            Err(broken) => {
                ended = Some((slot, broken));
                break;
            }
        }
    }
    let missing = Broken::Branch { after: 10, missing: 10 };
    assert_eq!(ended, Some((15, missing)));
    // Rewound to the newest final slot, it comes out right.
    let mut trunk = self::trunk(9);
    trunk.extend(10, "abandoned");
    let mut buffer = Buffer::new([OURS], trunk, LIMIT);
    let replay = [meta(10, 1, 9), confirmed(10, 1), meta(11, 2, 10), confirmed(11, 2)];
    assert_eq!(words(&steps(&mut buffer, replay)), ["-9", "+10:hash10", "+11:hash11"]);
}

#[test]
fn a_chain_below_all_that_can_be_undone_is_told() {
    let mut buffer = buffer(9);
    steps(
        &mut buffer,
        [meta(10, 1, 9), confirmed(10, 1), finalized(10, 1), meta(11, 2, 9)],
    );
    let fork = Broken::Fork {
        after: 10,
        parent: 9,
        slot: 11,
    };
    assert_eq!(buffer.push(confirmed(11, 2)), Err(fork));
}

#[test]
fn memory_is_bounded() {
    let mut buffer = Buffer::new([OURS], trunk(9), 2_000);
    let big = |version| AccountWrite {
        data: vec![0; 600],
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
    assert!(matches!(
        push(&mut buffer, 2),
        Err(Broken::Full {
            held: 2_001..,
            limit: 2_000
        })
    ));
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
                    touched: Vec::new(),
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
                let from = buffer.trunk().tip().max(10);
                buffer.disconnected(Some(from));
                banks.extend(feed(&mut buffer, updates.iter().filter(|update| update.slot() >= from).cloned()));
            }
            // The process is killed: another begins where the checkpoint is.
            "restart" => {
                let applied = buffer.trunk().tip();
                buffer = Buffer::new([OURS], trunk(applied), LIMIT);
                banks.extend(feed(&mut buffer, updates.iter().filter(|update| update.slot() > applied).cloned()));
            }
            _ => banks.extend(feed(&mut buffer, updates[cut..].iter().cloned())),
        }
        prop_assert_eq!(banks, expected);
    }
}

#[test]
fn the_bank_that_may_be_confirmed_next_is_given_ahead_once_and_is_the_one_that_comes() {
    let mut buffer = buffer(10);
    let content = [account(11, 1, 1, 1), account(11, 1, 2, 2)];
    assert!(feed(&mut buffer, content).is_empty());
    assert_eq!(buffer.ahead(), None, "it is not whole");
    assert!(feed(&mut buffer, [meta(11, 1, 10), account(12, 2, 1, 3), meta(12, 2, 11)]).is_empty());
    let ahead = buffer.ahead().expect("it is whole, and the tip is its parent");
    assert_eq!(ahead.slot, 11);
    assert_eq!(buffer.ahead(), None, "it was given");
    assert_eq!(feed(&mut buffer, [confirmed(11, 1)]), [ahead]);
    let ahead = buffer.ahead().expect("the tip is its parent now");
    assert_eq!(feed(&mut buffer, [confirmed(12, 2)]), [ahead]);
    assert_eq!(buffer.ahead(), None);
    // Not on top of what was given out: a branch, which may never be confirmed.
    assert!(feed(&mut buffer, [account(13, 3, 1, 4), meta(13, 3, 11)]).is_empty());
    assert_eq!(buffer.ahead(), None);
}
