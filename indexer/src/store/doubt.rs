//! Accounts whose state the stream leaves open: remembered with the bank that raised the doubt, and settled by what the
//! chain says once that bank is final.

use std::collections::BTreeMap;

use sqlx::{AssertSqlSafe, PgConnection};

use super::outbox::Outbox;
use super::rows::{Fold, Row, address};
use super::write::{lock_checkpoint, set_checkpoint};
use super::{Store, StoreError};
use crate::Key;
use crate::rpc::ChainAccount;

/// Doubts settled at a time.
const MAX_DOUBTS: i64 = 500;

impl Store {
    /// Remembers `doubtful` accounts that the tables hold as open, and `unknown` ones whatever the tables hold.
    pub(super) async fn doubt(
        &self,
        connection: &mut PgConnection,
        doubtful: &BTreeMap<Key, u64>,
        unknown: &BTreeMap<Key, u64>,
    ) -> sqlx::Result<()> {
        if doubtful.is_empty() && unknown.is_empty() {
            return Ok(());
        }
        let held = self.tables.iter().map(|table| {
            format!(
                "exists (select from {} t where t.address = u.address and not t.closed)",
                table.name()
            )
        });
        let sql = format!(
            "insert into doubt as d (address, slot) select u.address, u.slot \
             from unnest($1::bytea[], $2::bigint[], $3::boolean[]) as u(address, slot, certain) \
             where u.certain or {} \
             on conflict (address) do update set slot = greatest(d.slot, excluded.slot)",
            held.collect::<Vec<_>>().join(" or ")
        );
        let only_doubtful = doubtful.iter().filter(|(address, _)| !unknown.contains_key(*address));
        let all: Vec<_> = only_doubtful
            .map(|(address, slot)| (address, slot, false))
            .chain(unknown.iter().map(|(address, slot)| (address, slot, true)))
            .collect();
        sqlx::query(AssertSqlSafe(sql))
            .bind(all.iter().map(|(address, ..)| address.as_slice()).collect::<Vec<_>>())
            .bind(all.iter().map(|(_, slot, _)| **slot as i64).collect::<Vec<_>>())
            .bind(all.iter().map(|(.., certain)| *certain).collect::<Vec<_>>())
            .execute(connection)
            .await?;
        Ok(())
    }

    /// Accounts in doubt since `slot` or before.
    ///
    /// # Errors
    /// Where Postgres does not answer.
    pub async fn doubts(&self, slot: u64) -> Result<Vec<Key>, StoreError> {
        let rows = sqlx::query("select address from doubt where slot <= $1 order by slot, address limit $2")
            .bind(slot as i64)
            .bind(MAX_DOUBTS)
            .fetch_all(&self.pool)
            .await?;
        Ok(rows.iter().map(address).collect::<sqlx::Result<_>>()?)
    }

    /// Writes what the chain finally was at `slot`, where the tables hold nothing newer, and drops the doubts.
    ///
    /// # Errors
    /// Where Postgres does not answer.
    pub async fn settle(&self, slot: u64, states: &[(Key, Option<ChainAccount>)]) -> Result<u64, StoreError> {
        let mut fold = Fold::default();
        for (address, account) in states {
            match account
                .as_ref()
                .filter(|account| self.schema.is_program(&account.owner))
            {
                Some(account) => {
                    let row = Row {
                        slot,
                        write_version: 0,
                        data: &account.data,
                    };
                    fold.write(&self.schema, &account.owner, *address, row);
                }
                None => fold.close(*address, slot),
            }
        }
        let mut transaction = self.pool.begin().await?;
        let Some(mut checkpoint) = lock_checkpoint(&mut transaction).await? else {
            return Ok(0);
        };
        let mut outbox = Outbox::default();
        // What is final is not taken back.
        let content = self.content(&fold);
        let rows = self
            .write_content(&mut transaction, &content, slot, false, &mut outbox)
            .await?;
        sqlx::query("delete from doubt where address = any($1) and slot <= $2")
            .bind(states.iter().map(|(address, _)| address.as_slice()).collect::<Vec<_>>())
            .bind(slot as i64)
            .execute(&mut *transaction)
            .await?;
        checkpoint.outbox_id = outbox.write(&mut transaction, checkpoint.outbox_id).await?;
        set_checkpoint(&mut transaction, &checkpoint).await?;
        transaction.commit().await?;
        Ok(rows)
    }
}
