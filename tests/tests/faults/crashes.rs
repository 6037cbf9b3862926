//! kill -9 before every statement of a write, in its commit, and with another indexer beside.

use anyhow::Context as _;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use super::lab::{Lab, until};

/// The tables that a write touches, in its order.
const TABLES: [&str; 6] = ["undo", "node", "event", "block", "outbox", "checkpoint"];
/// Number of the first gate's lock.
const GATES: i64 = 7_000_000;

/// Gates that a test can close: each stands before the writes of one table, the last in the commit itself.
const INSTALL: &str = "
create function fault_gate() returns trigger language plpgsql as $$
begin
    perform pg_advisory_xact_lock_shared(tg_argv[0]::bigint);
    return null;
end
$$;
create constraint trigger fault_gate_commit after insert or update on checkpoint deferrable initially deferred
    for each row execute function fault_gate('7000006');";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_at_each_commit_boundary() -> anyhow::Result<()> {
    let mut lab = Lab::start().await?;
    sqlx::raw_sql(INSTALL).execute(lab.store.pool()).await?;
    for (gate, table) in (GATES..).zip(TABLES) {
        let sql = format!(
            "create trigger fault_gate before insert or update on {table} for each statement \
             execute function fault_gate('{gate}')"
        );
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(lab.store.pool()).await?;
    }
    let options = lab.store.pool().connect_options();
    let mut keeper = PgConnection::connect_with(&options).await?;
    let names = TABLES
        .iter()
        .map(|table| format!("before {table}"))
        .chain(["in the commit".to_owned()]);
    for (gate, name) in (GATES..).zip(names) {
        let before = lab.checkpoint().await?.slot;
        sqlx::query("select pg_advisory_lock($1)")
            .bind(gate)
            .execute(&mut keeper)
            .await?;
        let waiting = "select count(*) from pg_stat_activity where wait_event = 'advisory' \
                       and application_name = 'gantry-indexer'";
        lab.trade.rounds(1).await?;
        until(
            async || Ok(lab.count(waiting).await? > 0),
            "the indexer stands at the gate",
        )
        .await?;
        let stood = lab.checkpoint().await?.slot;
        lab.kill_indexer().await?;
        sqlx::query("select pg_advisory_unlock($1)")
            .bind(gate)
            .execute(&mut keeper)
            .await?;
        // The commit goes through although nobody waits for its answer; anything before it does not.
        until(async || Ok(lab.count(waiting).await? == 0), "it is past the gate").await?;
        let open = "select count(*) from pg_stat_activity where application_name = 'gantry-indexer' and state <> 'idle' \
                    and pid <> pg_backend_pid()";
        until(async || Ok(lab.count(open).await? == 0), "its transaction is over").await?;
        let committed = lab.checkpoint().await?.slot > stood;
        assert_eq!(committed, gate == GATES + TABLES.len() as i64, "{name}");
        lab.trade.rounds(1).await?;
        lab.start_indexer().await?;
        lab.caught_up().await?;
        lab.check(
            &format!("kill -9 {name}"),
            &format!(
                "at slot {stood}, {} slots after the gate closed; what it wrote then: {}",
                stood - before,
                if committed { "there" } else { "gone" }
            ),
        )
        .await?;
    }

    // Two at once: the second waits, and takes over from a killed first.
    let ready = tempfile::tempdir()?;
    let mut second = lab.spawn(&ready.path().join("second.json"))?;
    lab.trade.rounds(2).await?;
    lab.kill_indexer().await?;
    let begun = std::time::Instant::now();
    let slot = lab.chain.slot().await? as i64;
    until(
        async || Ok(lab.checkpoint().await?.slot >= slot),
        "the second takes over",
    )
    .await?;
    let took = begun.elapsed();
    lab.check(
        "duplicate leader",
        &format!("a second indexer took over within {} ms", took.as_millis()),
    )
    .await?;

    // One that still believes to lead: its lock was taken from it, its transactions were not.
    let ended: bool = sqlx::query_scalar(
        "select bool_or(pg_terminate_backend(l.pid)) from pg_locks l where l.locktype = 'advisory' and l.granted \
         and l.pid <> pg_backend_pid()",
    )
    .fetch_one(&mut keeper)
    .await?;
    assert!(ended, "nobody led");
    lab.start_indexer().await?;
    lab.trade.rounds(3).await?;
    lab.caught_up().await?;
    second.kill().await.context("SIGKILL")?;
    lab.check(
        "leader that lost its lock",
        "its lock taken away while it wrote, another indexer beside it",
    )
    .await
}
