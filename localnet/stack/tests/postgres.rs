//! The private server, for real: each test starts one of its own.

use std::fs::Permissions;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use gantry_stack::postgres::{Postgres, PostgresError, PrivateOptions, PrivatePostgres};
use gantry_stack::processes::{Process, with_descendants};
use rustix::process::Signal;
use sqlx::{Connection as _, Executor as _, PgConnection};

/// How long a stop may take.
const SOON: Duration = Duration::from_secs(20);

/// A folder that also the user `postgres` can enter.
fn folder() -> tempfile::TempDir {
    let open = Permissions::from_mode(0o755);
    tempfile::Builder::new().permissions(open).tempdir().unwrap()
}

async fn start(run_dir: &std::path::Path) -> PrivatePostgres {
    PrivatePostgres::start(PrivateOptions::new(run_dir)).await.unwrap()
}

async fn setting(url: &str, name: &str) -> String {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::query_scalar("select current_setting($1)")
        .bind(name)
        .fetch_one(&mut connection)
        .await
        .unwrap()
}

#[tokio::test]
async fn data_outlives_a_clean_stop_and_a_crash() {
    let folder = folder();
    let mut server = start(folder.path()).await;
    assert_eq!(setting(server.url(), "fsync").await, "on");
    assert_eq!(setting(server.url(), "listen_addresses").await, "127.0.0.1");
    let mut connection = PgConnection::connect(server.url()).await.unwrap();
    connection
        .execute("create table kept (n bigint); insert into kept values (41)")
        .await
        .unwrap();

    // A session is open: a fast shutdown does not wait for it.
    server.stop().await;
    assert!(server.server_pid().is_none());
    drop(server);
    let mut server = start(folder.path()).await;
    let mut connection = PgConnection::connect(server.url()).await.unwrap();
    connection.execute("update kept set n = n + 1").await.unwrap();

    let url = server.url().to_owned();
    server.kill9().await.unwrap();
    assert!(PgConnection::connect(&url).await.is_err());
    server.restart().await.unwrap();
    let mut connection = PgConnection::connect(&url).await.expect("at the same port again");
    let n: i64 = sqlx::query_scalar("select n from kept")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(n, 42);
}

#[tokio::test]
async fn nobody_gets_in_without_the_password() {
    let folder = folder();
    let server = start(folder.path()).await;
    let url = server.url().replacen(":", ":wrong", 2).replacen(":wrong", ":", 1);
    assert!(
        PgConnection::connect(&url)
            .await
            .unwrap_err()
            .to_string()
            .contains("password authentication failed")
    );
    let url = format!("postgres://gantry@127.0.0.1:{}/gantry", server.port());
    assert!(PgConnection::connect(&url).await.is_err());
}

#[tokio::test]
async fn dropping_it_leaves_no_process() {
    let folder = folder();
    let server = start(folder.path()).await;
    let all = with_descendants(&[server.child().pid().unwrap()]);
    assert!(all.len() > 3, "guard, server and its own processes: {all:?}");
    drop(server);
    assert!(all.iter().all(|process| !process.is_alive()));
}

/// Whoever kills the supervisor with SIGKILL gets the server stopped too, and the next run starts on its data.
#[tokio::test]
async fn it_ends_with_a_killed_supervisor_and_starts_again() {
    let folder = folder();
    let supervise = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gantry-stack"));
        command
            .arg("postgres")
            .arg("--run-dir")
            .arg(folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let mut first = supervise();
    let mut url = String::new();
    BufReader::new(first.stdout.take().unwrap())
        .read_line(&mut url)
        .unwrap();
    let mut connection = PgConnection::connect(url.trim()).await.unwrap();
    connection
        .execute("create table kept as select 7::bigint as n")
        .await
        .unwrap();
    let all = with_descendants(&[first.id()]);
    assert!(all.len() > 4, "{all:?}");
    first.kill().unwrap();
    first.wait().unwrap();

    // At once: the server may still be stopping.
    let mut second = supervise();
    BufReader::new(second.stdout.take().unwrap())
        .read_line({
            url.clear();
            &mut url
        })
        .unwrap();
    let mut connection = PgConnection::connect(url.trim()).await.unwrap();
    let n: i64 = sqlx::query_scalar("select n from kept")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(n, 7);
    for process in all {
        assert!(process.ended(SOON).await, "{process:?} is left");
    }

    let taken = Command::new(env!("CARGO_BIN_EXE_gantry-stack"))
        .arg("postgres")
        .arg("--run-dir")
        .arg(folder.path())
        .output()
        .unwrap();
    assert!(!taken.status.success());
    assert!(String::from_utf8_lossy(&taken.stderr).contains("another stack runs in"));

    let all = with_descendants(&[second.id()]);
    Process::find(second.id()).unwrap().signal(Signal::TERM);
    assert!(second.wait().unwrap().success());
    assert!(all.iter().all(|process| !process.is_alive()));
}

/// A killed guard takes the server with it as well: nothing is left even of half a supervisor.
#[tokio::test]
async fn it_ends_with_a_killed_guard() {
    let folder = folder();
    let mut server = start(folder.path()).await;
    let guard = Process::find(server.child().pid().unwrap()).unwrap();
    let process = Process::find(server.server_pid().unwrap()).unwrap();
    assert_ne!(guard.pid, process.pid);
    guard.signal(Signal::KILL);
    assert!(process.ended(SOON).await);
    assert!(server.child().check().unwrap_err().to_string().contains("postgres.log"));
    server.restart().await.unwrap();
}

#[tokio::test]
async fn leftovers_of_a_killed_run_do_not_keep_it_from_starting() {
    let folder = folder();
    let server = start(folder.path()).await;
    let data = server.data().to_owned();
    drop(server);
    // A lock of a process that is somebody else's now, and a first start that was killed halfway.
    std::fs::write(
        data.join("postmaster.pid"),
        format!("{}\n{}\n", std::process::id(), data.display()),
    )
    .unwrap();
    std::fs::create_dir_all(data.with_file_name("data.new")).unwrap();
    start(folder.path()).await;
    std::fs::remove_dir_all(&data).unwrap();
    start(folder.path()).await;
}

#[tokio::test]
async fn a_server_that_was_there_is_checked() {
    let folder = folder();
    let server = Postgres::private(PrivateOptions::new(folder.path())).await.unwrap();
    let external = Postgres::external(server.url()).await.unwrap();
    let fresh = external.fresh_database("other").await.unwrap();
    assert_eq!(setting(&fresh, "server_encoding").await, "UTF8");
    assert!(matches!(
        external.fresh_database("a; drop").await,
        Err(PostgresError::Name(_))
    ));
    let url = external.url().to_owned();
    drop(server);
    let error = Postgres::external(&url).await.unwrap_err().to_string();
    assert!(
        error.contains("cannot connect to Postgres at 127.0.0.1:") && error.contains("unset DATABASE_URL"),
        "{error}"
    );
    let password = url.split([':', '@']).nth(2).unwrap();
    assert!(!error.contains(password), "{error}");
    assert!(
        Postgres::external("mysql://x")
            .await
            .unwrap_err()
            .to_string()
            .contains("not a Postgres URL")
    );
}

/// Below a folder that the user `postgres` cannot enter (as /root is), the data goes elsewhere, and is not left there
/// for ever.
#[tokio::test]
async fn a_run_in_a_closed_folder_has_its_data_elsewhere() {
    if !rustix::process::geteuid().is_root() {
        return; // It runs as whoever owns the folder.
    }
    let closed_folder = || {
        tempfile::Builder::new()
            .permissions(Permissions::from_mode(0o700))
            .tempdir()
            .unwrap()
    };
    let closed = closed_folder();
    let server = start(closed.path()).await;
    let data = server.data().to_owned();
    assert!(
        !data.starts_with(closed.path()) && data.join("PG_VERSION").exists(),
        "{}",
        data.display()
    );
    drop(server);
    assert_eq!(start(closed.path()).await.data(), data, "found again");
    drop(closed);
    let other = closed_folder();
    let other_data = start(other.path()).await.data().to_owned();
    assert!(!data.exists());
    std::fs::remove_dir_all(other_data.parent().unwrap()).unwrap();
}
