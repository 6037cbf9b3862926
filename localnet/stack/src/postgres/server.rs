//! A running private server.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};

use super::cluster::{Cluster, USER, at, running_server};
use super::{PostgresError, check_name, connect};
use crate::child::{Child, ChildError, ChildSpec, Orphan, Readiness, Signal};
use crate::processes::with_descendants;

/// What the server says once it listens; a standby accepts `read-only connections`.
const READY: &str = "database system is ready to accept";
/// A free port may be taken before the server has it: then another one is tried.
const PORT_ATTEMPTS: usize = 5;

/// How long sessions may take to notice that their server has been killed.
const SESSIONS_END_WITHIN: Duration = Duration::from_secs(5);

/// How a private server is to be.
#[derive(Debug, Clone)]
pub struct PrivateOptions {
    /// The folder of this run; the data goes below it where the server's user can reach it. One server at a time may use it.
    pub run_dir: PathBuf,
    /// The database that is made.
    pub database: String,
    /// More settings (`name`, `value`) as in `postgresql.conf`; they win over the defaults.
    pub settings: Vec<(String, String)>,
}

impl PrivateOptions {
    /// The defaults: a database `gantry`, nothing that a crash could lose.
    pub fn new(run_dir: impl Into<PathBuf>) -> Self {
        Self {
            run_dir: run_dir.into(),
            database: "gantry".to_owned(),
            settings: Vec::new(),
        }
    }
}

/// A private server. Stopped cleanly when dropped; it stops by itself when this process is killed.
#[derive(Debug)]
pub struct PrivatePostgres {
    child: Child,
    data: PathBuf,
    port: u16,
    url: String,
}

impl PrivatePostgres {
    /// Starts a server on a free port of 127.0.0.1 and makes the database if it is not there.
    ///
    /// # Errors
    ///
    /// [`PostgresError`] if Postgres is not installed, its folder cannot be used, or it does not run.
    pub async fn start(options: PrivateOptions) -> Result<Self, PostgresError> {
        check_name(&options.database)?;
        let cluster = Cluster::prepare(&options.run_dir).await?;
        let log = options.run_dir.join("logs").join("postgres.log");
        let mut attempt = 1;
        let (child, port) = loop {
            let port = free_port()?;
            match Child::start(spec(&cluster, &options, port, &log)).await {
                Ok(child) => break (child, port),
                Err(ChildError::Died { tail, .. })
                    if attempt < PORT_ATTEMPTS && tail.contains("Address already in use") =>
                {
                    attempt += 1;
                }
                Err(error) => return Err(error.into()),
            }
        };
        let server = PgConnectOptions::new()
            .host("127.0.0.1")
            .port(port)
            .username(USER)
            .password(&cluster.password)
            .database("postgres");
        create_database(&server, &options.database).await?;
        let url = format!(
            "postgres://{USER}:{}@127.0.0.1:{port}/{}",
            cluster.password, options.database
        );
        Ok(Self {
            child,
            data: cluster.data,
            port,
            url,
        })
    }

    /// URL of the database, with user and password.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The port it listens on, at 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its data folder.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The supervised process: the guard of the server.
    pub fn child(&self) -> &Child {
        &self.child
    }

    /// Process id of the server itself; none when it does not run.
    pub fn server_pid(&self) -> Option<u32> {
        running_server(&self.data).map(|server| server.pid)
    }

    /// Kills the server with SIGKILL, as a crash would, and waits until it is gone.
    ///
    /// # Errors
    ///
    /// [`ChildError::NotRunning`] if there is nothing to kill.
    pub async fn kill9(&mut self) -> Result<(), ChildError> {
        let name = || self.child.name().to_owned();
        let server = running_server(&self.data).ok_or_else(|| ChildError::NotRunning { name: name() })?;
        let all = with_descendants(&[server.pid]);
        server.signal(Signal::KILL);
        // The guard ends after it. Sessions notice by themselves; until they are gone no server can start here again.
        self.child.death().await;
        for process in all {
            process.ended(SESSIONS_END_WITHIN).await;
        }
        Ok(())
    }

    /// Starts the server again, on the same port, after it was killed or has ended (or else stops it first).
    ///
    /// # Errors
    ///
    /// [`ChildError`] if it does not start.
    pub async fn restart(&mut self) -> Result<(), ChildError> {
        self.child.restart().await
    }

    /// Stops the server cleanly: open transactions are rolled back, what is committed is on disk.
    pub async fn stop(&mut self) {
        self.child.stop().await;
    }
}

fn spec(cluster: &Cluster, options: &PrivateOptions, port: u16, log: &Path) -> ChildSpec {
    let socket = cluster
        .socket
        .as_ref()
        .map(|folder| folder.display().to_string())
        .unwrap_or_default();
    let port = port.to_string();
    let defaults = [
        ("listen_addresses", "127.0.0.1"),
        ("port", &port),
        ("unix_socket_directories", &socket),
        // One machine, one small database: the default 128 MiB would be most of what the stack uses.
        ("shared_buffers", "64MB"),
        ("max_connections", "60"),
        ("max_wal_size", "512MB"),
        ("logging_collector", "off"),
        ("log_line_prefix", "%m [%p] "),
    ];
    let mut spec = ChildSpec::new("postgres", cluster.installation.bin.join("postgres"), log)
        .arg("-D")
        .arg(&cluster.data)
        .ready(Readiness::LogLine(READY.to_owned()))
        .orphan(Orphan::Guarded(cluster.user.clone()));
    // Fast shutdown: sessions are ended, committed work is kept.
    spec.stop_signal = Signal::INT;
    spec.stop_within = Duration::from_secs(30);
    let given = options
        .settings
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    for (name, value) in defaults.into_iter().chain(given) {
        spec = spec.arg("-c").arg(format!("{name}={value}"));
    }
    spec
}

fn free_port() -> Result<u16, PostgresError> {
    let any = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    Ok(any.map_err(at(Path::new("127.0.0.1")))?.port())
}

async fn create_database(server: &PgConnectOptions, name: &str) -> Result<(), PostgresError> {
    let mut connection = connect(server, "Its log is in the run folder").await?;
    let there: bool = sqlx::query_scalar("select exists(select from pg_database where datname = $1)")
        .bind(name)
        .fetch_one(&mut connection)
        .await?;
    if !there {
        connection
            .execute(AssertSqlSafe(format!("create database {name}")))
            .await?;
    }
    connection.close().await?;
    Ok(())
}
