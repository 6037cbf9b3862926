//! A stream recorded from the network, played back in every order that a network may deliver it in: one table hash.

use std::collections::BTreeMap;

use anyhow::Context as _;
use gantry_indexer::store::{Snapshot, Store};
use gantry_indexer::stream::{
    Broken, Buffer, Compression, Event, SealedBank, SourceOptions, Step, Subscription, Trunk, Update,
};
use gantry_localnet::faults::Fate;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use sqlx::AssertSqlSafe;
use tokio::time::Duration;

use super::lab::Lab;

const LIMIT: usize = 64 << 20;
const GENESIS: &str = "genesis";
/// Ways in which the stream is played back.
const WAYS: usize = 12;

/// Everything that the server says of `slots` slots while the market moves and forks.
async fn record(lab: &mut Lab, slots: u64) -> anyhow::Result<(u64, Vec<Update>)> {
    let options = SourceOptions {
        ca: None,
        url: lab.grpc_url.clone(),
        token: Some("secret".to_owned()),
        silence: Duration::from_secs(30),
        compression: Some(Compression::Gzip),
    };
    let schema = lab.store.schema().clone();
    let from = lab.chain.slot().await?;
    let mut subscription = Subscription::open(&options, &schema, Some(from)).await?;
    let mut updates = Vec::new();
    let listen = async {
        loop {
            if let Event::Update(update) = subscription.next(&schema).await? {
                let end = matches!(update, Update::Finalized { slot, .. } if slot >= from + slots);
                updates.push(update);
                if end {
                    return anyhow::Ok(());
                }
            }
        }
    };
    let trade = async {
        for (slots, fate) in [
            (2, Fate::Abandoned),
            (3, Fate::Confirmed),
            (1, Fate::Dead),
            (4, Fate::Confirmed),
        ] {
            lab.faults.fork(slots, fate);
            lab.trade.rounds(2).await?;
        }
        anyhow::Ok(())
    };
    tokio::try_join!(listen, trade)?;
    Ok((from - 1, updates))
}

/// What is drawn for one way of playing it back.
#[derive(Clone, Debug)]
struct Way {
    /// Chooses places; used up one after the other.
    choices: Vec<prop::sample::Index>,
    duplicates: usize,
    cuts: usize,
}

fn way() -> impl Strategy<Value = Way> {
    let choices = prop::collection::vec(any::<prop::sample::Index>(), 4_000);
    (choices, 0..200usize, 0..12usize).prop_map(|(choices, duplicates, cuts)| Way {
        choices,
        duplicates,
        cuts,
    })
}

/// Content of each bank in any order before its block meta, and anything again once it has come.
fn scramble(updates: &[Update], way: &Way) -> Vec<Update> {
    let mut choices = way.choices.iter().cycle();
    let mut choose = |among: usize| choices.next().map_or(0, |choice| choice.index(among.max(1)));
    let mut scrambled: Vec<Update> = Vec::new();
    let mut content: BTreeMap<(u64, u64), Vec<Update>> = BTreeMap::new();
    for update in updates {
        match update {
            Update::Account {
                slot,
                bank_id: Some(bank_id),
                ..
            }
            | Update::Transaction { slot, bank_id, .. } => {
                content.entry((*slot, *bank_id)).or_default().push(update.clone());
            }
            Update::BlockMeta { slot, bank_id, .. } => {
                let mut of_bank = content.remove(&(*slot, *bank_id)).unwrap_or_default();
                while !of_bank.is_empty() {
                    scrambled.push(of_bank.swap_remove(choose(of_bank.len())));
                }
                scrambled.push(update.clone());
            }
            other => scrambled.push(other.clone()),
        }
    }
    for _ in 0..way.duplicates {
        let original = choose(scrambled.len());
        let after = original + 1 + choose(scrambled.len() - original);
        let again = scrambled[original].clone();
        scrambled.insert(after.min(scrambled.len()), again);
    }
    scrambled
}

fn programs(store: &Store) -> Vec<[u8; 32]> {
    store.schema().programs.iter().map(|program| program.address).collect()
}

/// Writes steps in transactions of `most` banks.
async fn write(store: &Store, steps: Vec<Step>, most: usize) -> anyhow::Result<()> {
    let mut banks: Vec<SealedBank> = Vec::new();
    for step in steps {
        match step {
            Step::Bank(bank) => banks.push(bank),
            Step::Undo { to } => {
                store.write(&std::mem::take(&mut banks), None, GENESIS).await?;
                store.undo(to).await?;
            }
            Step::Final { slot } => {
                store.write(&std::mem::take(&mut banks), Some(slot), GENESIS).await?;
            }
        }
        if banks.len() >= most {
            store.write(&std::mem::take(&mut banks), None, GENESIS).await?;
        }
    }
    store.write(&banks, None, GENESIS).await?;
    Ok(())
}

/// Plays `updates` into an empty store, cut and resumed where `cuts` says.
async fn play(store: &Store, floor: u64, updates: &[Update], cuts: &[usize], most: usize) -> anyhow::Result<String> {
    store.reset().await?;
    let empty = Snapshot {
        programs: Vec::new(),
        checkpoint: floor,
        gap: None,
        abandoned_after: None,
    };
    store.write_snapshot(&empty, GENESIS).await?;
    let mut buffer = Buffer::new(programs(store), Trunk::above(floor), LIMIT);
    for (place, update) in updates.iter().enumerate() {
        match buffer.push(update.clone()) {
            Ok(steps) => write(store, steps, most).await?,
            // A confirmation of a branch that lost, repeated after a restart: looked at again from what is final.
            Err(Broken::Branch { .. }) => buffer = resume(store, &updates[..=place], most).await?,
            Err(broken) => return Err(broken.into()),
        }
        if cuts.contains(&place) {
            buffer = resume(store, &updates[..=place], most).await?;
        }
    }
    hash(store).await
}

/// Killed: another process begins where the tables are, and the server replays `said` from the newest final slot on.
async fn resume(store: &Store, said: &[Update], most: usize) -> anyhow::Result<Buffer> {
    let checkpoint = store.checkpoint().await?.context("a checkpoint")?;
    let trunk = store.trunk(&checkpoint).await?;
    let from = trunk.root + 1;
    let mut buffer = Buffer::new(programs(store), trunk, LIMIT);
    for update in said.iter().filter(|update| update.slot() >= from) {
        let steps = buffer.push(update.clone()).context("the replay holds together")?;
        write(store, steps, most).await?;
    }
    Ok(buffer)
}

/// One hash over every row of every table that a replay must not change.
async fn hash(store: &Store) -> anyhow::Result<String> {
    let accounts = store.schema().accounts.iter();
    let accounts = accounts.map(|account| (account.table.as_str(), "address"));
    let mut hashes = Vec::new();
    for (table, order) in accounts.chain([("event", "slot, signature, index"), ("block", "slot")]) {
        let sql = format!("select coalesce(md5(string_agg(t::text, '' order by {order})), '') from {table} t");
        let of_table: String = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(store.pool()).await?;
        hashes.push(of_table);
    }
    Ok(hashes.join(" "))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_shuffle_duplication_or_split_of_a_recorded_stream_gives_the_same_table_hash() -> anyhow::Result<()> {
    let mut lab = Lab::start().await?;
    let (floor, updates) = record(&mut lab, 60).await?;
    lab.kill_indexer().await?;
    let store = lab.store.clone();
    let expected = play(&store, floor, &updates, &[], usize::MAX).await?;
    let jobs = lab.count("select count(*) from job").await?;
    assert!(jobs >= 4, "{jobs} jobs came of it");
    let mut runner = TestRunner::deterministic();
    let (mut duplicates, mut cuts) = (0, 0);
    for _ in 0..WAYS {
        let way = way().new_tree(&mut runner).map_err(anyhow::Error::msg)?.current();
        let scrambled = scramble(&updates, &way);
        let places: Vec<usize> = way.choices[..way.cuts]
            .iter()
            .map(|cut| cut.index(scrambled.len()))
            .collect();
        duplicates += way.duplicates;
        cuts += places.len();
        let found = play(&store, floor, &scrambled, &places, 1 + way.cuts).await?;
        assert_eq!(found, expected, "{} duplicates, cuts at {places:?}", way.duplicates);
    }
    println!(
        "{:<44} {:<72} hashes {}, differences 0",
        "any shuffle, duplication or split",
        format!(
            "{} recorded updates, {WAYS} ways: {duplicates} duplicates, {cuts} cuts",
            updates.len()
        ),
        WAYS + 1
    );
    Ok(())
}
