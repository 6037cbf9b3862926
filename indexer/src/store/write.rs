//! The transactions that change the tables. Each takes the checkpoint's lock first: whoever leads, and however many
//! believe that they do, one writes at a time and on top of what is there.

use std::collections::BTreeMap;
use std::sync::Arc;

use sqlx::{AssertSqlSafe, PgConnection, Postgres, Row as _, Transaction};

use super::outbox::{self, Kind, Outbox};
use super::rows::{Encoded, Fold, Row, address};
use super::{Checkpoint, EventRow, Snapshot, Store, StoreError, Written, events};
use crate::stream::{BlockFacts, Change, SealedBank};
use crate::{Key, key};

/// Slots for which undo rows stay after they are final: tables can then be compared with the chain as it was finalized,
/// which the endpoint that is asked may say some slots later than the stream.
const UNDO_MARGIN: u64 = 64;

/// A bank as it is written: decoded, and in the form that the database takes.
#[derive(Debug)]
pub struct Prepared {
    slot: u64,
    facts: BlockFacts,
    content: Content,
    doubtful: BTreeMap<Key, u64>,
    events: Vec<EventRow>,
}

impl Prepared {
    /// Slot.
    #[must_use]
    pub const fn slot(&self) -> u64 {
        self.slot
    }

    /// About how many bytes it holds.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let rows = self.content.rows.iter().map(|(_, rows)| rows.size());
        let events = self.events.iter().map(|event| event.data.len() + 512);
        rows.sum::<usize>() + events.sum::<usize>() + self.doubtful.len() * 48
    }
}

/// What becomes of the tables.
#[derive(Debug)]
pub(super) struct Content {
    /// By index of the account type, some in each statement.
    rows: Vec<(usize, Encoded)>,
    closed: BTreeMap<Key, u64>,
    unknown: BTreeMap<Key, u64>,
}

/// A transaction that has begun: it holds the checkpoint's lock, and some banks are in it.
pub struct Ahead {
    transaction: Transaction<'static, Postgres>,
    /// The checkpoint as it was found.
    at: Option<Checkpoint>,
    /// Banks that are in it, whole where [`Store::write_ahead`] has written them.
    banks: usize,
    outbox: Outbox,
    /// The newest id of the outbox that is in it; none where it is still the checkpoint's.
    outbox_id: Option<i64>,
    written: Written,
}

impl Store {
    /// Decodes a bank. This is work for the processor alone, and may be done while the bank before is written.
    #[must_use]
    pub fn prepare(&self, bank: &SealedBank) -> Prepared {
        let mut fold = Fold::default();
        for (address, change) in &bank.accounts {
            match change {
                Change::Closed => fold.close(*address, bank.slot),
                Change::Written(write) => {
                    let row = Row {
                        slot: bank.slot,
                        write_version: write.write_version,
                        data: &write.data,
                    };
                    fold.write(&self.schema, &write.owner, *address, row);
                }
            }
        }
        Prepared {
            slot: bank.slot,
            facts: bank.facts.clone(),
            content: self.content(&fold),
            doubtful: bank.doubtful.iter().map(|address| (*address, bank.slot)).collect(),
            events: events::of_bank(&self.schema, bank),
        }
    }

    pub(super) fn content(&self, fold: &Fold<'_>) -> Content {
        let mut encoded = Vec::new();
        for (kind, rows) in &fold.rows {
            let of_table = self.tables[*kind].encode(&self.schema.accounts[*kind], rows);
            encoded.extend(of_table.into_iter().map(|rows| (*kind, rows)));
        }
        Content {
            rows: encoded,
            closed: fold.closed.clone(),
            unknown: fold.unknown.clone(),
        }
    }

    /// Writes consecutive confirmed banks, oldest first, what of them is final, and the checkpoint: all or nothing.
    /// Banks up to the checkpoint are there already and left out, so that the same again changes nothing.
    ///
    /// # Errors
    /// [`StoreError::NotContiguous`] where the banks do not continue the checkpoint. Where Postgres does not answer,
    /// whether it was written is unknown, and it is to be written again.
    pub async fn write(
        &self,
        banks: &[SealedBank],
        finalized: Option<u64>,
        genesis_hash: &str,
    ) -> Result<Written, StoreError> {
        let banks: Vec<_> = banks.iter().map(|bank| Arc::new(self.prepare(bank))).collect();
        self.write_prepared(&banks, None, finalized, genesis_hash).await
    }

    /// As [`write`](Self::write), of banks that are decoded. The first of them may have been written ahead.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub async fn write_prepared(
        &self,
        banks: &[Arc<Prepared>],
        ahead: Option<Ahead>,
        finalized: Option<u64>,
        genesis_hash: &str,
    ) -> Result<Written, StoreError> {
        let mut open = match ahead {
            Some(ahead) => ahead,
            None => self.begin(banks).await?,
        };
        let known = open
            .at
            .as_ref()
            .map_or(0, |at| banks.partition_point(|bank| bank.slot <= at.slot as u64));
        let banks = &banks[known..];
        check_contiguous(open.at.as_ref(), banks)?;
        let mut checkpoint = match (open.at.take(), banks.last()) {
            (Some(at), None) => at,
            (None, None) => return Ok(Written::default()),
            (at, Some(last)) => Checkpoint {
                slot: last.slot as i64,
                blockhash: Some(last.facts.blockhash.clone()),
                block_time: last.facts.time,
                genesis_hash: genesis_hash.to_owned(),
                ..at.unwrap_or_default()
            },
        };
        let before = checkpoint.finalized_slot;
        let finalized = finalized.map_or(before, |slot| before.max((slot as i64).min(checkpoint.slot)));
        checkpoint.finalized_slot = finalized;

        // A bank that was written ahead is there whole, and what is past its time went then.
        let ahead = open.banks > 0;
        let rest = &banks[open.banks.min(banks.len())..];
        for bank in rest {
            // What is final already needs no way back.
            self.write_bank(&mut open, bank, bank.slot as i64 > finalized).await?;
        }
        let Ahead {
            mut transaction,
            mut outbox,
            outbox_id,
            written,
            ..
        } = open;
        insert_blocks(&mut transaction, rest).await?;
        if finalized > before {
            outbox.slot(Kind::Finalized, finalized as u64);
            if !ahead {
                forget_ways_back(&mut transaction, finalized).await?;
            }
        }
        let last = checkpoint.outbox_id;
        checkpoint.outbox_id = outbox.insert(&mut transaction, outbox_id.unwrap_or(last)).await?;
        outbox::tell(&mut transaction, last, checkpoint.outbox_id).await?;
        set_checkpoint(&mut transaction, &checkpoint).await?;
        transaction.commit().await?;
        Ok(written)
    }

    /// Writes a bank that may become confirmed next, and commits nothing: [`write_prepared`](Self::write_prepared) does
    /// when it has, and to drop it is to have written nothing. Nobody else writes meanwhile. None where the tables are
    /// beyond it.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub async fn write_ahead(&self, bank: &Arc<Prepared>) -> Result<Option<Ahead>, StoreError> {
        let mut open = self.begin(std::slice::from_ref(bank)).await?;
        let Some(at) = open.at.as_ref().filter(|at| bank.slot > at.slot as u64) else {
            return Ok(None);
        };
        let (outbox_id, finalized) = (at.outbox_id, at.finalized_slot);
        check_contiguous(open.at.as_ref(), std::slice::from_ref(bank))?;
        self.write_bank(&mut open, bank, true).await?;
        // All that does not depend on the confirmation, which has its own time to keep.
        open.outbox_id = Some(open.outbox.insert(&mut open.transaction, outbox_id).await?);
        insert_blocks(&mut open.transaction, std::slice::from_ref(bank)).await?;
        forget_ways_back(&mut open.transaction, finalized).await?;
        Ok(Some(open))
    }

    async fn begin(&self, banks: &[Arc<Prepared>]) -> Result<Ahead, StoreError> {
        // For banks without events too: a transaction that has looked at `event` is not told of a partition made since,
        // which the next bank that joins it may need.
        for bank in banks {
            self.ensure_partition(bank.slot).await?;
        }
        let mut transaction = self.writer.begin().await?;
        let at = lock_checkpoint(&mut transaction).await?;
        Ok(Ahead {
            transaction,
            at,
            banks: 0,
            outbox: Outbox::default(),
            outbox_id: None,
            written: Written::default(),
        })
    }

    async fn write_bank(&self, open: &mut Ahead, bank: &Prepared, way_back: bool) -> Result<(), StoreError> {
        let (transaction, outbox) = (&mut open.transaction, &mut open.outbox);
        open.written.rows += self
            .write_content(transaction, &bank.content, bank.slot, way_back, outbox)
            .await?;
        self.doubt(transaction, &bank.doubtful, &bank.content.unknown).await?;
        let new = events::insert(transaction, &bank.events).await?;
        open.written.events += new.len() as u64;
        open.outbox.events(&new);
        open.banks += 1;
        Ok(())
    }

    /// Writes rows and closings of `slot`.
    pub(super) async fn write_content(
        &self,
        connection: &mut PgConnection,
        content: &Content,
        slot: u64,
        way_back: bool,
        outbox: &mut Outbox,
    ) -> Result<u64, StoreError> {
        for address in content.unknown.keys() {
            metrics::counter!("gantry_indexer_unknown_accounts_total").increment(1);
            tracing::warn!(
                address = key::text(address),
                "an account that the IDLs do not describe was left out"
            );
        }
        let mut written = 0;
        for (part, (kind, rows)) in (0..).zip(&content.rows) {
            let table = &self.tables[*kind];
            let changed = table.upsert(connection, rows, way_back.then_some((slot, part))).await?;
            written += changed.len() as u64;
            outbox.accounts(Kind::Account, slot, table.name(), changed);
        }
        for (kind, closed) in self.holders(connection, &content.closed).await? {
            let table = &self.tables[kind];
            let changed = table.close(connection, &closed, way_back.then_some(slot)).await?;
            written += changed.len() as u64;
            outbox.accounts(Kind::Closed, slot, table.name(), changed);
        }
        Ok(written)
    }

    /// Which table an emptied address is in, if any, only the tables know.
    async fn holders(
        &self,
        connection: &mut PgConnection,
        closed: &BTreeMap<Key, u64>,
    ) -> Result<BTreeMap<usize, BTreeMap<Key, u64>>, StoreError> {
        let mut holders: BTreeMap<usize, BTreeMap<Key, u64>> = BTreeMap::new();
        if closed.is_empty() {
            return Ok(holders);
        }
        let lookups = self.tables.iter().enumerate().map(|(kind, table)| {
            let name = table.name();
            format!("select t.address, {kind} from unnest($1::bytea[]) as u (address) join {name} t using (address)")
        });
        let sql = lookups.collect::<Vec<_>>().join(" union all ");
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(closed.keys().map(Key::as_slice).collect::<Vec<_>>())
            .fetch_all(connection)
            .await?;
        for row in &rows {
            let (address, kind) = (address(row)?, row.try_get::<i32, _>(1)? as usize);
            if let Some(slot) = closed.get(&address) {
                holders.entry(kind).or_default().insert(address, *slot);
            }
        }
        Ok(holders)
    }

    /// Replaces what the banks up to the snapshot's slots would have written, and sets the checkpoint.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub async fn write_snapshot(&self, snapshot: &Snapshot, genesis_hash: &str) -> Result<Written, StoreError> {
        let mut transaction = self.pool.begin().await?;
        let at = lock_checkpoint(&mut transaction).await?.unwrap_or_default();
        let mut outbox = Outbox::default();
        let mut written = Written::default();
        if let Some(slot) = snapshot.abandoned_after {
            written.events = self.disown(&mut transaction, slot as i64, &mut outbox).await?;
        }
        for state in &snapshot.programs {
            let mut fold = Fold::default();
            for (address, data) in &state.accounts {
                let row = Row {
                    slot: state.slot,
                    write_version: 0,
                    data,
                };
                fold.write(&self.schema, &state.program, *address, row);
            }
            let content = self.content(&fold);
            written.rows += self
                .write_content(&mut transaction, &content, state.slot, false, &mut outbox)
                .await?;
            let present: Vec<_> = state.accounts.iter().map(|(address, _)| address.as_slice()).collect();
            for (account, table) in self.schema.accounts.iter().zip(self.tables.iter()) {
                if account.program == state.program {
                    let gone = table.vanish(&mut transaction, &present, state.slot).await?;
                    written.rows += gone.len() as u64;
                    outbox.accounts(Kind::Closed, state.slot, table.name(), gone);
                }
            }
        }
        if let Some((from, to)) = snapshot.gap {
            sqlx::query(
                "insert into event_gap (from_slot, to_slot) values ($1, $2) on conflict (from_slot) do update \
                 set to_slot = greatest(event_gap.to_slot, excluded.to_slot), filled_at = null",
            )
            .bind(from as i64)
            .bind(to as i64)
            .execute(&mut *transaction)
            .await?;
        }
        // The way back ends here: what it says was before the snapshot, which may have jumped over anything.
        for sql in ["delete from undo", "delete from block"] {
            sqlx::query(sql).execute(&mut *transaction).await?;
        }
        let read_at = snapshot.programs.iter().map(|state| state.slot).max();
        outbox.slot(Kind::Snapshot, read_at.unwrap_or(snapshot.checkpoint));
        let slot = snapshot.checkpoint as i64;
        let checkpoint = Checkpoint {
            slot,
            blockhash: None,
            block_time: None,
            genesis_hash: genesis_hash.to_owned(),
            finalized_slot: at.finalized_slot.min(slot),
            snapshot_slot: read_at.map_or(slot, |read_at| slot.max(read_at as i64)),
            outbox_id: outbox.write(&mut transaction, at.outbox_id).await?,
        };
        set_checkpoint(&mut transaction, &checkpoint).await?;
        transaction.commit().await?;
        Ok(written)
    }
}

/// Each bank must be the child of the one before it, and the first that of the checkpoint's.
fn check_contiguous(at: Option<&Checkpoint>, banks: &[Arc<Prepared>]) -> Result<(), StoreError> {
    let mut before = at.map(|at| (at.slot as u64, at.blockhash.as_deref()));
    for bank in banks {
        let (parent, hash) = (bank.facts.parent, bank.facts.parent_blockhash.as_str());
        let fits = match before {
            None => true,
            // After a snapshot there is no block to be the child of.
            Some((slot, None)) => parent <= slot,
            Some((slot, Some(of_slot))) => parent == slot && (hash.is_empty() || hash == of_slot),
        };
        if !fits {
            return Err(StoreError::NotContiguous {
                checkpoint: before.map_or(0, |(slot, _)| slot),
                slot: bank.slot,
                parent,
            });
        }
        before = Some((bank.slot, Some(&bank.facts.blockhash)));
    }
    Ok(())
}

/// Deletes the undo rows that nobody needs when `finalized` is final.
async fn forget_ways_back(connection: &mut PgConnection, finalized: i64) -> sqlx::Result<()> {
    sqlx::query("delete from undo where slot <= $1")
        .bind(finalized.saturating_sub(UNDO_MARGIN as i64))
        .execute(connection)
        .await?;
    Ok(())
}

async fn insert_blocks(connection: &mut PgConnection, banks: &[Arc<Prepared>]) -> sqlx::Result<()> {
    if banks.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "insert into block (slot, parent, blockhash, block_time) \
         select * from unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[]) \
         on conflict (slot) do update set parent = excluded.parent, blockhash = excluded.blockhash, \
         block_time = excluded.block_time",
    )
    .bind(banks.iter().map(|bank| bank.slot as i64).collect::<Vec<_>>())
    .bind(banks.iter().map(|bank| bank.facts.parent as i64).collect::<Vec<_>>())
    .bind(
        banks
            .iter()
            .map(|bank| bank.facts.blockhash.as_str())
            .collect::<Vec<_>>(),
    )
    .bind(banks.iter().map(|bank| bank.facts.time).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}

/// Reads the checkpoint, and lets nobody else write until the transaction ends.
pub(super) async fn lock_checkpoint(connection: &mut PgConnection) -> sqlx::Result<Option<Checkpoint>> {
    sqlx::query("lock table checkpoint in share row exclusive mode")
        .execute(&mut *connection)
        .await?;
    sqlx::query_as(super::CHECKPOINT).fetch_optional(connection).await
}

pub(super) async fn set_checkpoint(connection: &mut PgConnection, checkpoint: &Checkpoint) -> sqlx::Result<()> {
    sqlx::query(
        "insert into checkpoint (slot, blockhash, block_time, genesis_hash, finalized_slot, snapshot_slot, outbox_id) \
         values ($1, $2, $3, $4, $5, $6, $7) \
         on conflict (id) do update set slot = excluded.slot, blockhash = excluded.blockhash, \
         block_time = excluded.block_time, genesis_hash = excluded.genesis_hash, \
         finalized_slot = excluded.finalized_slot, snapshot_slot = excluded.snapshot_slot, \
         outbox_id = excluded.outbox_id, updated_at = now()",
    )
    .bind(checkpoint.slot)
    .bind(&checkpoint.blockhash)
    .bind(checkpoint.block_time)
    .bind(&checkpoint.genesis_hash)
    .bind(checkpoint.finalized_slot)
    .bind(checkpoint.snapshot_slot)
    .bind(checkpoint.outbox_id)
    .execute(connection)
    .await?;
    Ok(())
}
