//! The way back: blocks that were confirmed and then abandoned leave no trace in the tables.

use std::collections::BTreeMap;

use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, PgConnection, Row as _};

use super::outbox::{Kind, Outbox};
use super::rows::{Row, address};
use super::write::{lock_checkpoint, set_checkpoint};
use super::{Store, StoreError, Written};
use crate::{Key, Signature};

impl Store {
    /// Takes back every block after `to`: rows are what they were, events are gone, and the checkpoint is at `to`.
    /// Nothing happens where the tables are not beyond it.
    ///
    /// # Errors
    /// [`StoreError::CannotUndo`] where the way back is not known; as [`write`](Self::write).
    pub async fn undo(&self, to: u64) -> Result<Written, StoreError> {
        let mut transaction = self.pool.begin().await?;
        let Some(mut checkpoint) = lock_checkpoint(&mut transaction).await? else {
            return Ok(Written::default());
        };
        let to = to as i64;
        if checkpoint.slot <= to {
            return Ok(Written::default());
        }
        let block: Option<(String, Option<i64>)> =
            sqlx::query_as("select blockhash, block_time from block where slot = $1")
                .bind(to)
                .fetch_optional(&mut *transaction)
                .await?;
        let floor = checkpoint.finalized_slot.max(checkpoint.snapshot_slot);
        let (Some((blockhash, block_time)), true) = (block, to >= floor) else {
            return Err(StoreError::CannotUndo { to, floor });
        };
        let mut outbox = Outbox::default();
        let mut written = Written::default();
        outbox.slot(Kind::Rollback, to as u64);
        for (kind, table) in self.tables.iter().enumerate() {
            written.rows += self.undo_table(&mut transaction, kind, to, &mut outbox).await?;
            debug_assert_eq!(table.name(), self.schema.accounts[kind].table);
        }
        let mut undone = sqlx::query("delete from event where slot > $1 returning signature, index, slot, name")
            .bind(to)
            .fetch_all(&mut *transaction)
            .await?
            .iter()
            .map(undone_event)
            .collect::<sqlx::Result<Vec<_>>>()?;
        undone.sort_unstable();
        written.events = undone.len() as u64;
        for (slot, signature, index, name) in undone {
            outbox.event(Kind::Undone, slot as u64, &name, signature, index);
        }
        for sql in ["delete from undo where slot > $1", "delete from block where slot > $1"] {
            sqlx::query(sql).bind(to).execute(&mut *transaction).await?;
        }
        checkpoint.slot = to;
        checkpoint.blockhash = Some(blockhash);
        checkpoint.block_time = block_time;
        checkpoint.outbox_id = outbox.write(&mut transaction, checkpoint.outbox_id).await?;
        set_checkpoint(&mut transaction, &checkpoint).await?;
        transaction.commit().await?;
        Ok(written)
    }

    async fn undo_table(
        &self,
        connection: &mut PgConnection,
        kind: usize,
        to: i64,
        outbox: &mut Outbox,
    ) -> Result<u64, StoreError> {
        let (table, account) = (&self.tables[kind], &self.schema.accounts[kind]);
        // The oldest change after the slot says what was there before all of them.
        let before = sqlx::query(
            "select distinct on (address) address, before_slot, before_write_version, before_closed, before_data \
             from undo_row where account = $1 and slot > $2 order by address, slot",
        )
        .bind(table.name())
        .bind(to)
        .fetch_all(&mut *connection)
        .await?;
        let mut gone = Vec::new();
        let mut rows: BTreeMap<Key, (Row<'_>, bool)> = BTreeMap::new();
        for row in &before {
            let address = address(row)?;
            let Some(slot) = row.try_get::<Option<i64>, _>(1)? else {
                gone.push(address);
                continue;
            };
            let state = Row {
                slot: slot as u64,
                write_version: row.try_get::<i64, _>(2)? as u64,
                data: row.try_get(4)?,
            };
            rows.insert(address, (state, row.try_get(3)?));
        }
        table.restore(connection, account, &rows).await?;
        sqlx::query(AssertSqlSafe(format!(
            "delete from {} where address = any($1)",
            table.name()
        )))
        .bind(gone.iter().map(Key::as_slice).collect::<Vec<_>>())
        .execute(&mut *connection)
        .await?;
        let mut changed = gone;
        changed.extend(rows.keys());
        changed.sort_unstable();
        let count = changed.len() as u64;
        outbox.accounts(Kind::Undone, to as u64, table.name(), changed);
        Ok(count)
    }
    /// Everything after `slot` is of a branch that was abandoned and cannot be undone: events go, and rows give way to
    /// whatever the snapshot says.
    pub(super) async fn disown(
        &self,
        connection: &mut PgConnection,
        slot: i64,
        outbox: &mut Outbox,
    ) -> Result<u64, StoreError> {
        outbox.slot(Kind::Rollback, slot as u64);
        for table in self.tables.iter() {
            let sql = format!(
                "update {} set slot = $1, write_version = 0 where slot > $1",
                table.name()
            );
            sqlx::query(AssertSqlSafe(sql))
                .bind(slot)
                .execute(&mut *connection)
                .await?;
        }
        let deleted = sqlx::query("delete from event where slot > $1")
            .bind(slot)
            .execute(connection)
            .await?;
        Ok(deleted.rows_affected())
    }
}

fn undone_event(row: &PgRow) -> sqlx::Result<(i64, Signature, i32, String)> {
    let signature: &[u8] = row.try_get(0)?;
    let signature = signature
        .try_into()
        .map_err(|_| sqlx::Error::Decode("a signature that has not 64 bytes".into()))?;
    Ok((row.try_get(2)?, signature, row.try_get(1)?, row.try_get(3)?))
}
