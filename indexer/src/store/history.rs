//! The history: its partitions, what of it is dropped, and the slots whose events are missing.

use super::outbox::Outbox;
use super::write::{lock_checkpoint, set_checkpoint};
use super::{EventRow, Store, StoreError, events};

/// Slots in one partition, as `event_partition_slots()` says.
pub const PARTITION_SLOTS: u64 = 1_000_000;
/// Blocks that are remembered after they are final: about two days of a cluster.
const BLOCKS_KEPT: i64 = 432_000;
/// Rows of the outbox deleted at a time.
const OUTBOX_CHUNK: i64 = 50_000;

/// What is kept of the past.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// Slots whose events are kept, counted back from the newest final one; none to keep them all.
    pub event_slots: Option<u64>,
    /// Newest rows of the outbox that are kept.
    pub outbox_rows: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            event_slots: None,
            outbox_rows: 1_000_000,
        }
    }
}

/// Slots whose events are not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// First slot.
    pub from: u64,
    /// Last slot.
    pub to: u64,
}

impl Store {
    /// Makes the partition for the events of `slot` where it is not known to be there.
    pub(super) async fn ensure_partition(&self, slot: u64) -> Result<(), StoreError> {
        let number = slot / PARTITION_SLOTS;
        let known = |store: &Self| {
            let partitions = store.partitions.lock();
            partitions.is_ok_and(|partitions| partitions.contains(&number))
        };
        if known(self) {
            return Ok(());
        }
        sqlx::query("select ensure_event_partition($1)")
            .bind(slot as i64)
            .execute(&self.pool)
            .await?;
        if let Ok(mut partitions) = self.partitions.lock() {
            partitions.insert(number);
        }
        Ok(())
    }

    /// Makes the partition that is needed next, and drops what is older than it is kept for. Says how many partitions
    /// of events went.
    ///
    /// # Errors
    /// Where Postgres does not answer, or a reader holds what is to go for too long.
    pub async fn maintain(&self, retention: Retention) -> Result<i32, StoreError> {
        let Some(checkpoint) = self.checkpoint().await? else {
            return Ok(0);
        };
        self.ensure_partition(checkpoint.slot as u64 + PARTITION_SLOTS / 10)
            .await?;
        let mut dropped = 0;
        if let Some(slots) = retention.event_slots {
            let keep_from = checkpoint.finalized_slot.saturating_sub(slots as i64);
            let mut transaction = self.pool.begin().await?;
            // Dropping a partition waits for its readers, and everyone else behind it: not for long.
            sqlx::query("set local lock_timeout = '2s'")
                .execute(&mut *transaction)
                .await?;
            dropped = sqlx::query_scalar("select drop_event_partitions($1)")
                .bind(keep_from)
                .fetch_one(&mut *transaction)
                .await?;
            transaction.commit().await?;
            if let Ok(mut partitions) = self.partitions.lock() {
                partitions.retain(|number| ((number + 1) * PARTITION_SLOTS) as i64 > keep_from);
            }
        }
        sqlx::query("delete from block where slot < $1")
            .bind(checkpoint.finalized_slot.saturating_sub(BLOCKS_KEPT))
            .execute(&self.pool)
            .await?;
        let last = checkpoint.outbox_id.saturating_sub(retention.outbox_rows as i64);
        // Of an epoch that another followed by then, no id is kept.
        sqlx::query(
            "delete from feed_epoch e where exists (select from feed_epoch n where n.epoch > e.epoch and n.after < $1)",
        )
        .bind(last)
        .execute(&self.pool)
        .await?;
        loop {
            let deleted = sqlx::query("delete from outbox where id in (select id from outbox where id <= $1 limit $2)")
                .bind(last)
                .bind(OUTBOX_CHUNK)
                .execute(&self.pool)
                .await?;
            if deleted.rows_affected() < OUTBOX_CHUNK as u64 {
                return Ok(dropped);
            }
        }
    }

    /// Slots whose events are not known and lie within what is final, newest first: the latest are asked for most.
    ///
    /// # Errors
    /// Where Postgres does not answer.
    pub async fn gaps(&self) -> Result<Vec<Gap>, StoreError> {
        let rows: Vec<(i64, i64)> = sqlx::query_as(
            "select g.from_slot, g.to_slot from event_gap g, checkpoint c \
             where g.filled_at is null and g.to_slot <= c.finalized_slot order by g.from_slot desc",
        )
        .fetch_all(&self.pool)
        .await?;
        let gap = |(from, to): (i64, i64)| Gap {
            from: from as u64,
            to: to as u64,
        };
        Ok(rows.into_iter().map(gap).collect())
    }

    /// Adds events of a gap; those that are there already stay as they are. Says how many are new.
    ///
    /// # Errors
    /// Where Postgres does not answer.
    pub(crate) async fn add_history(&self, rows: &[EventRow]) -> Result<u64, StoreError> {
        for row in rows {
            self.ensure_partition(row.slot).await?;
        }
        let mut transaction = self.pool.begin().await?;
        let Some(mut checkpoint) = lock_checkpoint(&mut transaction).await? else {
            return Ok(0);
        };
        let new = events::insert(&mut transaction, rows).await?;
        let mut outbox = Outbox::default();
        outbox.events(&new);
        checkpoint.outbox_id = outbox.write(&mut transaction, checkpoint.outbox_id).await?;
        set_checkpoint(&mut transaction, &checkpoint).await?;
        transaction.commit().await?;
        Ok(new.len() as u64)
    }

    /// Every event of `gap` from slot `from` on is there. What lies below stays a gap.
    ///
    /// # Errors
    /// Where Postgres does not answer.
    pub async fn filled(&self, gap: Gap, from: u64) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        let row = (gap.from as i64, gap.to as i64);
        if from <= gap.from {
            sqlx::query("update event_gap set filled_at = now() where from_slot = $1 and to_slot = $2")
                .bind(row.0)
                .bind(row.1)
                .execute(&mut *transaction)
                .await?;
        } else {
            // The endpoint's history begins within the gap: what is older is not to be had from it.
            sqlx::query("update event_gap set to_slot = $3 where from_slot = $1 and to_slot = $2")
                .bind(row.0)
                .bind(row.1)
                .bind(from as i64 - 1)
                .execute(&mut *transaction)
                .await?;
            sqlx::query(
                "insert into event_gap (from_slot, to_slot, filled_at) values ($1, $2, now()) on conflict do nothing",
            )
            .bind(from as i64)
            .bind(row.1)
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        Ok(())
    }
}
