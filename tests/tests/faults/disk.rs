//! A disk that is full. No file system is mounted for it, which takes root: a limit on the size of files is put on the
//! processes of the server (RLIMIT_FSIZE), which Postgres takes as it takes a full disk: the write fails.

use anyhow::{Context as _, ensure};
use gantry_stack::child::User;
use gantry_stack::processes::with_descendants;
use rustix::process::geteuid;

use super::lab::{Lab, until};

/// More than a segment of the write-ahead log, of 16 MiB, so that it can still be written,
const TABLES_FULL: &str = "17825792";
/// and nothing at all.
const ALL_FULL: &str = "0";

/// What takes a page for itself with each write of the indexer, and is beyond the limit already.
const BALLAST: &str = "
create table ballast (filling text);
alter table ballast alter column filling set storage plain;
insert into ballast select repeat('x', 7000) from generate_series(1, 2400);
create function ballast() returns trigger language plpgsql as $$
begin
    insert into ballast values (repeat('x', 7000));
    return null;
end
$$;
create trigger ballast after update on checkpoint for each statement execute function ballast();
checkpoint;";

/// Sets how large a file the server's processes may write. As their own user, who may do that.
fn limit(lab: &mut Lab, bytes: &str) -> anyhow::Result<()> {
    let server = lab.server()?.server_pid().context("the server runs")?;
    let user = if geteuid().is_root() {
        User::find("postgres")
    } else {
        None
    };
    let mut limited = 0;
    for process in with_descendants(&[server]) {
        let done = User::command(user.as_ref())
            .args(["--", "prlimit", "--pid", &process.pid.to_string()])
            .arg(format!("--fsize={bytes}:"))
            .current_dir("/")
            .output()?;
        // One of them may have ended since.
        limited += usize::from(done.status.success());
    }
    ensure!(limited > 5, "{limited} processes were limited");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk() -> anyhow::Result<()> {
    let mut lab = Lab::start().await?;
    sqlx::raw_sql(BALLAST).execute(lab.store.pool()).await?;
    let failed = "gantry_indexer_failed_writes_total";

    let before = lab.counted(failed).await?;
    limit(&mut lab, TABLES_FULL)?;
    lab.trade.rounds(2).await?;
    until(async || Ok(lab.counted(failed).await? >= before + 3.0), "writes fail").await?;
    let at = lab.checkpoint().await?.slot;
    ensure!(lab.log().contains("File too large"), "{}", lab.log());
    let peak = lab.peak_mib()?;
    lab.trade.rounds(2).await?;
    // What was written before can be read all the while, and nothing of a write that failed is there.
    ensure!(lab.get("/v1/jobs").await?["slot"] == at, "another slot than {at}");
    ensure!(lab.checkpoint().await?.slot == at, "it wrote");
    let refused = lab.counted(failed).await? - before;
    limit(&mut lab, "unlimited")?;
    lab.caught_up().await?;
    lab.check(
        "disk full",
        &format!("no page more for a table: {refused} writes failed, reads answered; {peak} MiB at most"),
    )
    .await?;

    // The log that everything is written to first: Postgres gives up and stays away until there is room.
    limit(&mut lab, ALL_FULL)?;
    lab.trade.rounds(2).await?;
    let gone = {
        let server = lab.server()?;
        server.child().death()
    };
    tokio::time::timeout(super::lab::PATIENCE, gone)
        .await
        .context("the server gives up")?;
    lab.trade.rounds(2).await?;
    lab.server()?.restart().await?;
    lab.caught_up().await?;
    lab.check(
        "disk full for the write-ahead log",
        "the server panicked and could not start until there was room",
    )
    .await
}
