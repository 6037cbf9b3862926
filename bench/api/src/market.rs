//! A market to read: accounts as the programs store them.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use gantry_indexer::Key;
use gantry_indexer::schema::Schema;
use gantry_indexer::stream::{AccountWrite, BlockFacts, Change, LoggedData, SealedBank, Transaction};
use serde_json::Value;

const REGISTRY: &str = include_str!("../../../idl/registry.json");
const MARKET: &str = include_str!("../../../idl/market.json");
/// The mint of all jobs.
const MINT: Key = [3; 32];

/// Makes accounts of one type.
struct Kind {
    owner: Key,
    data: Vec<u8>,
    fields: BTreeMap<String, (usize, usize)>,
}

impl Kind {
    fn new(schema: &Schema, idl: &str, name: &str, table: &str) -> Result<Self> {
        let idl: Value = serde_json::from_str(idl)?;
        let account = schema
            .accounts
            .iter()
            .find(|account| account.table == table)
            .context("a table")?;
        let mut data = discriminator(&idl["accounts"], name)?;
        data.resize(account.size, 0);
        let place = |field: &gantry_indexer::schema::Field| (field.name.clone(), (field.offset, field.size));
        Ok(Self {
            owner: account.program,
            data,
            fields: account.fields.iter().map(place).collect(),
        })
    }

    fn account(&self, address: Key, version: u64, fields: &[(&str, &[u8])]) -> AccountWrite {
        let mut data = self.data.clone();
        for (name, bytes) in fields {
            if let Some((offset, size)) = self.fields.get(*name) {
                data[*offset..offset + size].copy_from_slice(bytes);
            }
        }
        AccountWrite {
            address,
            write_version: version,
            lamports: 1,
            owner: self.owner,
            data,
            signature: None,
        }
    }
}

fn discriminator(list: &Value, name: &str) -> Result<Vec<u8>> {
    let entry = list
        .as_array()
        .into_iter()
        .flatten()
        .find(|entry| entry["name"] == name);
    Ok(serde_json::from_value(
        entry.context("no such name")?["discriminator"].clone(),
    )?)
}

/// The address of the thing of a kind with a number.
pub(crate) fn address(kind: u8, number: u32) -> Key {
    let mut key = [kind; 32];
    // Spread over the key space, as addresses are.
    key[..8].copy_from_slice(&u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    key
}

/// Kinds of addresses.
pub(crate) const JOB: u8 = 10;
pub(crate) const NODE: u8 = 11;
pub(crate) const CUSTOMER: u8 = 12;
/// Jobs of one customer.
pub(crate) const JOBS_EACH: u32 = 50;

pub(crate) struct Market {
    jobs: Kind,
    nodes: Kind,
    mint: AccountWrite,
    event: Vec<u8>,
    program: Key,
    version: u64,
    slot: u64,
}

impl Market {
    pub(crate) fn new(schema: &Schema) -> Result<Self> {
        let mints = Kind::new(schema, MARKET, "PaymentMint", "payment_mint")?;
        let idl: Value = serde_json::from_str(MARKET)?;
        let jobs = Kind::new(schema, MARKET, "Job", "job")?;
        Ok(Self {
            program: jobs.owner,
            jobs,
            nodes: Kind::new(schema, REGISTRY, "Node", "node")?,
            mint: mints.account([5; 32], 0, &[("mint", &MINT), ("decimals", &[6]), ("enabled", &[1])]),
            event: discriminator(&idl["events"], "ResultAccepted")?,
            version: 0,
            slot: 0,
        })
    }

    fn job(&mut self, number: u32) -> AccountWrite {
        self.version += 1;
        let status = (number % 6) as u8;
        self.jobs.account(
            address(JOB, number),
            self.version,
            &[
                ("mint", &MINT),
                ("customer", &address(CUSTOMER, number / JOBS_EACH)),
                ("node", &address(NODE, number / 4)),
                ("created_at", &(1_700_000_000 + i64::from(number)).to_le_bytes()),
                ("deposited", &self.version.to_le_bytes()),
                ("status", &[status]),
            ],
        )
    }

    fn node(&mut self, number: u32) -> AccountWrite {
        self.version += 1;
        self.nodes.account(
            address(NODE, number),
            self.version,
            &[
                ("country", if number.is_multiple_of(3) { b"DE" } else { b"US" }),
                ("price_mint", &MINT),
                ("price_per_hour", &self.version.to_le_bytes()),
            ],
        )
    }

    fn bank(&mut self, writes: Vec<AccountWrite>, accepted: Vec<Key>) -> SealedBank {
        self.slot += 1;
        let mut signature = [0; 64];
        signature[..8].copy_from_slice(&self.slot.to_be_bytes());
        let logged = |job: Key| LoggedData {
            program: self.program,
            data: [&self.event[..], &job].concat(),
        };
        SealedBank {
            slot: self.slot,
            facts: BlockFacts {
                parent: self.slot - 1,
                parent_blockhash: format!("hash{}", self.slot - 1),
                blockhash: format!("hash{}", self.slot),
                time: Some(1_700_000_000 + self.slot as i64),
            },
            accounts: writes
                .into_iter()
                .map(|write| (write.address, Change::Written(write)))
                .collect(),
            transactions: vec![Transaction {
                signature,
                index: 0,
                emptied: Vec::new(),
                touched: Vec::new(),
                logged: accepted.into_iter().map(logged).collect(),
                incomplete: false,
            }],
            doubtful: Vec::new(),
        }
    }

    /// The banks that make the market: an event for each job.
    pub(crate) fn first(&mut self, jobs: u32) -> Vec<SealedBank> {
        let mint = self.mint.clone();
        let mut banks = vec![self.bank(vec![mint], Vec::new())];
        let numbers: Vec<u32> = (0..jobs).collect();
        for some in numbers.chunks(1_000) {
            let mut writes: Vec<_> = some.iter().map(|number| self.job(*number)).collect();
            let nodes = some.iter().filter(|number| *number % 4 == 0).map(|number| number / 4);
            writes.extend(nodes.collect::<Vec<_>>().into_iter().map(|number| self.node(number)));
            let accepted = some.iter().map(|number| address(JOB, *number)).collect();
            banks.push(self.bank(writes, accepted));
        }
        banks
    }

    /// A bank that changes so many jobs and nodes, with an event for each tenth.
    pub(crate) fn next(&mut self, jobs: u32, updates: u32) -> SealedBank {
        let start = (self.slot as u32).wrapping_mul(updates);
        let writes: Vec<_> = (0..updates)
            .map(|number| {
                let number = start.wrapping_add(number) % jobs;
                if number.is_multiple_of(5) {
                    self.node(number / 4)
                } else {
                    self.job(number)
                }
            })
            .collect();
        let accepted = (0..updates / 10).map(|number| address(JOB, start.wrapping_add(number) % jobs));
        self.bank(writes, accepted.collect())
    }

    pub(crate) fn slot(&self) -> u64 {
        self.slot
    }
}
