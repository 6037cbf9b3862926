//! A database that goes back to an earlier moment: from a base backup and the archived log, after somebody's mistake.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Context as _, ensure};
use gantry_stack::postgres::Installation;
use sqlx::AssertSqlSafe;

use super::lab::{Lab, until};

fn done(what: &str, output: &Output) -> anyhow::Result<()> {
    ensure!(
        output.status.success(),
        "{what}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

/// Gives a folder to the server's user, whose `like` is already.
fn give(folder: &Path, like: &Path) -> anyhow::Result<()> {
    let mut chown = Command::new("chown");
    chown.arg("-R").arg("--reference").arg(like).arg(folder);
    done("chown", &chown.output()?)
}

/// The newest id of the event stream, as a client is told that begins to listen, or the status of the refusal after `after`.
async fn listen(lab: &Lab, after: Option<&str>) -> anyhow::Result<Result<String, u16>> {
    let url = format!("{}/v1/events/stream", lab.api_url().await?);
    let request = reqwest::Client::new().get(url);
    let request = after
        .into_iter()
        .fold(request, |request, id| request.header("last-event-id", id));
    let mut answer = request.send().await?;
    if answer.status() != 200 {
        return Ok(Err(answer.status().as_u16()));
    }
    let mut text = String::new();
    loop {
        let chunk = answer.chunk().await?.context("the stream ended")?;
        text.push_str(std::str::from_utf8(&chunk)?);
        if let Some((id, _)) = text.strip_prefix("id: ").and_then(|rest| rest.split_once('\n')) {
            return Ok(Ok(id.to_owned()));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_restored_to_the_moment_before_a_mistake() -> anyhow::Result<()> {
    let mut lab = Lab::start_with(&[("archive_mode", "on")]).await?;
    let data = lab.server()?.data().to_owned();
    let place = data.parent().context("a folder of its own")?.to_owned();
    let (archive, backup) = (place.join("archive"), place.join("backup"));
    fs::create_dir(&archive)?;
    give(&archive, &place)?;
    let archive = archive.display();
    let keep = format!("alter system set archive_command = 'test ! -f {archive}/%f && cp %p {archive}/%f'");
    for sql in [keep.as_str(), "select pg_reload_conf()"] {
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
            .execute(lab.store.pool())
            .await?;
    }

    lab.trade.rounds(1).await?;
    let mut copy = Command::new(Installation::find(&data)?.bin.join("pg_basebackup"));
    copy.args(["--wal-method", "stream", "--checkpoint", "fast", "--dbname"]);
    copy.arg(lab.server()?.url()).arg("--pgdata").arg(&backup);
    done("pg_basebackup", &copy.output()?)?;
    lab.trade.rounds(2).await?;
    lab.caught_up().await?;
    let kept = listen(&lab, None)
        .await?
        .map_err(|status| anyhow::anyhow!("{status}"))?;
    sqlx::query("select pg_create_restore_point('before the mistake')")
        .execute(lab.store.pool())
        .await?;
    lab.trade.rounds(2).await?;
    lab.caught_up().await?;
    let lost = listen(&lab, None)
        .await?
        .map_err(|status| anyhow::anyhow!("{status}"))?;
    let before = lab.checkpoint().await?.slot;
    sqlx::raw_sql("delete from node; update job set deposited = 0")
        .execute(lab.store.pool())
        .await?;
    let last: String = sqlx::query_scalar("select pg_walfile_name(pg_switch_wal())")
        .fetch_one(lab.store.pool())
        .await?;
    let archived = async || {
        let archived: Option<String> = sqlx::query_scalar("select last_archived_wal from pg_stat_archiver")
            .fetch_one(lab.store.pool())
            .await?;
        Ok(archived.is_some_and(|name| name >= last))
    };
    until(archived, "the log is archived").await?;

    lab.kill_indexer().await?;
    lab.server()?.stop().await;
    fs::rename(&data, place.join("lost"))?;
    fs::rename(&backup, &data)?;
    let settings = data.join("postgresql.auto.conf");
    let target = format!(
        "restore_command = 'cp {archive}/%f %p'\nrecovery_target_name = 'before the mistake'\n\
         recovery_target_action = 'promote'\n"
    );
    fs::write(&settings, fs::read_to_string(&settings)? + &target)?;
    fs::write(data.join("recovery.signal"), "")?;
    give(&data, &place)?;
    lab.server()?.restart().await?;
    let promoted = async || {
        let recovering: sqlx::Result<bool> = sqlx::query_scalar("select pg_is_in_recovery()")
            .fetch_one(lab.store.pool())
            .await;
        Ok(recovering.is_ok_and(|recovering| !recovering))
    };
    until(promoted, "the server is at the moment and takes writes").await?;
    let at = lab.checkpoint().await?.slot;
    ensure!(at < before, "it did not go back: {at}, and was at {before}");
    ensure!(
        lab.count("select count(*) from node").await? > 0,
        "the mistake is there"
    );

    lab.start_indexer().await?;
    lab.caught_up().await?;
    // A client that had heard what is no more is told so; one that had not goes on.
    ensure!(
        listen(&lab, Some(&lost)).await? == Err(410),
        "an id of before means something else now"
    );
    ensure!(
        listen(&lab, Some(&kept)).await? == Ok(kept.clone()),
        "an id that is still good is refused"
    );
    lab.check(
        "database restored to a moment",
        &format!(
            "base backup and archived log, {} slots back; ids of the event stream told apart",
            before - at
        ),
    )
    .await
}
