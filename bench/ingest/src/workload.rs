//! A market that is busy: which accounts a slot writes, and their bytes, the same for whoever asks.

use anchor_lang::{AnchorDeserialize, AnchorSerialize, Discriminator};
use gantry_indexer::Key;
use gantry_sdk::{market, registry, staking};

/// What accounts there are, how many of every 20 updates are of each, and how many there are before the first slot, of
/// every 20.
const KINDS: [(Kind, usize); 6] = [
    (Kind::Job, 9),
    (Kind::Node, 5),
    (Kind::Pool, 2),
    (Kind::Provider, 2),
    (Kind::Position, 1),
    (Kind::Customer, 1),
];
const PARTS: usize = 20;
/// One of so many updates is of an account that was not there.
const INSERTS: usize = 8;

/// An account type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A job.
    Job,
    /// A node.
    Node,
    /// A pool.
    Pool,
    /// A provider.
    Provider,
    /// A position.
    Position,
    /// A customer.
    Customer,
}

impl Kind {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        KINDS.iter().map(|(kind, _)| *kind)
    }

    /// Its table.
    #[must_use]
    pub const fn table(self) -> &'static str {
        match self {
            Self::Job => "job",
            Self::Node => "node",
            Self::Pool => "pool",
            Self::Provider => "provider",
            Self::Position => "position",
            Self::Customer => "customer",
        }
    }

    fn program(self) -> Key {
        match self {
            Self::Job | Self::Customer => market::ID.to_bytes(),
            Self::Node | Self::Provider => registry::ID.to_bytes(),
            Self::Pool | Self::Position => staking::ID.to_bytes(),
        }
    }
}

/// How busy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Workload {
    /// Accounts before the first slot.
    pub population: usize,
    /// Accounts that a slot writes, each once.
    pub per_slot: usize,
}

/// An account as a slot leaves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its type.
    pub kind: Kind,
    /// Its address.
    pub address: Key,
    /// Its program.
    pub owner: Key,
    /// Its bytes, as the program writes them.
    pub data: Vec<u8>,
}

impl Workload {
    fn of_kind(total: usize, kind: Kind) -> usize {
        let of_parts = KINDS
            .iter()
            .find(|(other, _)| *other == kind)
            .map_or(0, |(_, parts)| *parts);
        (total / PARTS * of_parts).max(1)
    }

    /// Accounts that are there before the first slot.
    pub fn before(self) -> impl Iterator<Item = Account> {
        Kind::all().flat_map(move |kind| {
            let count = Self::of_kind(self.population, kind);
            (0..count).map(move |index| account(kind, index as u64, 0))
        })
    }

    /// The `place`th account that the slot number `slot`, from 0, writes.
    ///
    /// Updates go round the whole population before they come to an account again, so that folding the writes of a slot,
    /// or of some slots, to the newest saves nothing.
    #[must_use]
    pub fn written(self, slot: usize, place: usize) -> Account {
        let (round, mut part) = (place / PARTS, place % PARTS);
        let mut kind = Kind::Job;
        let mut parts = 0;
        for (of, count) in KINDS {
            (kind, parts) = (of, count);
            if part < count {
                break;
            }
            part -= count;
        }
        let nth = round * parts + part;
        let of_slot = self.per_slot / PARTS * parts;
        let there = Self::of_kind(self.population, kind);
        // Written so far, this one included; every eighth of them is new.
        let all = slot * of_slot + nth;
        if all % INSERTS == INSERTS - 1 {
            return account(kind, (there + all / INSERTS) as u64, 1);
        }
        let updates = all - all / INSERTS;
        // A step that shares no divisor with the population, so that neighbours are written far apart.
        let index = updates * step(there) % there;
        account(kind, index as u64, (updates / there) as u64 + 1)
    }

    /// The account that every slot writes half way through, whose row says when the slot is there.
    #[must_use]
    pub fn marker() -> Account {
        account(Kind::Customer, u64::from(u32::MAX), 0)
    }

    /// The marker as `slot` leaves it.
    #[must_use]
    pub fn marker_at(slot: usize) -> Account {
        account(Kind::Customer, u64::from(u32::MAX), slot as u64 + 1)
    }
}

fn step(population: usize) -> usize {
    let divides = |a: usize, b: usize| {
        let (mut a, mut b) = (a, b);
        while b > 0 {
            (a, b) = (b, a % b);
        }
        a > 1
    };
    (population * 5 / 13 + 1..)
        .find(|step| !divides(*step, population))
        .unwrap_or(1)
}

/// A number without a pattern: splitmix64.
fn mixed(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The `index`th key of those called `name`.
#[must_use]
pub fn key(name: u8, index: u64) -> Key {
    let mut key = [0; 32];
    for (part, bytes) in key.as_chunks_mut::<8>().0.iter_mut().enumerate() {
        *bytes = mixed(u64::from(name) << 56 ^ index << 3 ^ part as u64).to_le_bytes();
    }
    key
}

fn address(kind: Kind, index: u64) -> Key {
    key(kind as u8, index)
}

/// `version` is 0 before the first slot, and grows by one with each write.
fn account(kind: Kind, index: u64, version: u64) -> Account {
    Account {
        kind,
        address: address(kind, index),
        owner: kind.program(),
        data: match kind {
            Kind::Job => bytes(&job(index, version)),
            Kind::Node => bytes(&node(index, version)),
            Kind::Pool => bytes(&pool(index, version)),
            Kind::Provider => bytes(&provider(index, version)),
            Kind::Position => bytes(&position(index, version)),
            Kind::Customer => bytes(&customer(index, version)),
        },
    }
}

fn bytes<T: AnchorSerialize + Discriminator>(account: &T) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(512);
    bytes.extend_from_slice(T::DISCRIMINATOR);
    let written = account.serialize(&mut bytes);
    debug_assert!(written.is_ok(), "memory takes everything");
    bytes
}

/// An account of zeros.
fn zeros<T: AnchorDeserialize>() -> T {
    // Every type of the three programs is plain integers, keys and arrays of them: zeros are one of each.
    T::deserialize(&mut [0u8; 1024].as_slice()).unwrap_or_else(|_| unreachable!("zeros are an account"))
}

fn job(index: u64, version: u64) -> market::accounts::Job {
    let wallet = |name, index| key(name, index).into();
    // One update of four moves the job on; the others are proofs.
    let status = ((mixed(index) + version) / 4 % 5) as u8;
    market::accounts::Job {
        customer: wallet(20, index % 5_000),
        mint: wallet(21, index % 3),
        node: address(Kind::Node, index % 10_000).into(),
        provider: address(Kind::Provider, index % 5_000).into(),
        matcher: wallet(22, index % 10),
        rent_payer: wallet(20, index % 5_000),
        spec_hash: key(23, index),
        output_digest: if status == 4 { key(24, index) } else { [0; 32] },
        id: index,
        deposited: 3_600_000_000 + index,
        max_price_per_hour: 2_500_000,
        price_per_hour: 1_750_000 + index % 100_000,
        paid_out: version * 1_000,
        bond: 900_000_000,
        sequence: version,
        created_at: 1_760_000_000 + (index % 1_000_000) as i64,
        active_at: 30,
        started_at: 60,
        max_duration: 86_400,
        start_deadline: 600,
        proof_timeout: 300,
        assignment: 1,
        served_seconds: version as u32 * 60,
        checkpoint_seconds: version as u32 * 60,
        checkpoint_at: version as u32 * 60,
        disk_gib: 100,
        mbps: 1_000,
        gpu_models: [7, 8, 0, 0],
        countries: [*b"DE", *b"FR", [0; 2], [0; 2], [0; 2], [0; 2], [0; 2], [0; 2]],
        vram_gib: 80,
        ram_gib: 256,
        reputation_bps: 9_000,
        sla_uptime_bps: 9_990,
        gpu_count: 8,
        tier: 2,
        status,
        bump: 254,
        vault_bump: 255,
        ..zeros()
    }
}

fn node(index: u64, version: u64) -> registry::accounts::Node {
    let leased = (mixed(index) + version) % 2;
    registry::accounts::Node {
        provider: address(Kind::Provider, index % 5_000).into(),
        node_key: key(30, index).into(),
        rent_payer: key(31, index % 5_000).into(),
        price_mint: key(21, index % 3).into(),
        current_job: if leased == 1 {
            address(Kind::Job, index + version).into()
        } else {
            [0; 32].into()
        },
        attestor: key(32, index % 5).into(),
        device_hash: key(33, index),
        price_per_hour: 1_750_000 + index % 100_000,
        attestation_expires_at: 1_900_000_000,
        registered_at: 1_750_000_000 + index as i64,
        jobs_completed: version,
        served_seconds: version * 3_600,
        promised_seconds: version * 3_600,
        disk_gib: 4_000,
        mbps: 10_000,
        gpu_model: 7,
        vram_gib: 80,
        cpu_cores: 64,
        ram_gib: 1_024,
        flags: 0b101,
        country: *b"DE",
        gpu_count: 8,
        tier: 2,
        status: leased as u8,
        bump: 253,
        ..zeros()
    }
}

fn pool(index: u64, version: u64) -> staking::accounts::Pool {
    staking::accounts::Pool {
        provider: address(Kind::Provider, index).into(),
        reward_mint: key(21, 0).into(),
        reward_token_program: key(41, 0).into(),
        rent_payer: key(31, index).into(),
        active_shares: 5_000_000_000_000_000_000_000 + u128::from(index),
        reward_index: u128::from(mixed(version)) << 32,
        active: 5_000_000_000_000 + index,
        bonded: version * 900_000_000,
        rewards_unclaimed: version * 77_777,
        rewards_total: version * 99_999,
        positions: 12,
        commission_bps: 1_000,
        pending_commission_bps: 1_000,
        bump: 255,
        stake_vault_bump: 254,
        reward_vault_bump: 253,
        ..zeros()
    }
}

fn provider(index: u64, version: u64) -> registry::accounts::Provider {
    registry::accounts::Provider {
        authority: key(31, index).into(),
        payout_owner: key(31, index).into(),
        rent_payer: key(31, index).into(),
        metadata_hash: key(50, index),
        registered_at: 1_750_000_000 + index as i64,
        jobs_completed: version,
        served_seconds: version * 3_600,
        promised_seconds: version * 3_600,
        node_count: 2,
        active_leases: (version % 3) as u32,
        bump: 252,
        ..zeros()
    }
}

fn position(index: u64, version: u64) -> staking::accounts::Position {
    staking::accounts::Position {
        pool: address(Kind::Pool, index % 5_000).into(),
        owner: key(60, index).into(),
        rent_payer: key(60, index).into(),
        shares: 1_000_000_000_000_000_000 + u128::from(index),
        reward_index: u128::from(mixed(version)) << 32,
        rewards_owed: version * 1_234,
        bump: 251,
        ..zeros()
    }
}

fn customer(index: u64, version: u64) -> market::accounts::Customer {
    market::accounts::Customer {
        wallet: key(20, index).into(),
        rent_payer: key(20, index).into(),
        next_job_id: version,
        open_jobs: (version % 4) as u32,
        bump: 250,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gantry_indexer::schema::Schema;
    use std::collections::{HashMap, HashSet};

    const SMALL: Workload = Workload {
        population: 2_000,
        per_slot: 400,
    };

    #[test]
    fn every_account_is_one_that_the_idls_describe() {
        let schema = Schema::embedded().expect("the IDLs of this build");
        let mut found = HashMap::new();
        for account in SMALL.before().chain((0..400).map(|place| SMALL.written(3, place))) {
            let kind = schema.account(&account.owner, &account.data).expect("a type");
            assert_eq!(schema.accounts[kind].table, account.kind.table());
            *found.entry(account.kind).or_insert(0) += 1;
        }
        assert_eq!(found[&Kind::Job], 900 + 180);
        assert_eq!(found.len(), 6);
    }

    #[test]
    fn a_slot_writes_each_account_once_and_an_eighth_of_them_is_new() {
        let there: HashSet<Key> = SMALL.before().map(|account| account.address).collect();
        assert_eq!(there.len(), 2_000);
        let mut seen = there.clone();
        for slot in 0..20 {
            let written: Vec<_> = (0..400).map(|place| SMALL.written(slot, place).address).collect();
            assert_eq!(written.iter().collect::<HashSet<_>>().len(), 400, "slot {slot}");
            seen.extend(written);
        }
        let new = seen.len() - there.len();
        assert!((900..=1_000).contains(&new), "{new} of 8,000");
    }
}
