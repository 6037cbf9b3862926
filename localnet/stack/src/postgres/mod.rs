//! A Postgres to use: the one that `DATABASE_URL` names, or a private one from the installed programs.
//!
//! `docs/decisions/private-postgres.md` says why the programs are driven directly.

mod cluster;
mod install;
mod server;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _};

pub use install::Installation;
pub use server::{PrivateOptions, PrivatePostgres};

use crate::child::ChildError;

/// How long a server may take to answer.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// There is no Postgres to use.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// No server programs.
    #[error(
        "no Postgres is installed in /usr/lib/postgresql: `apt-get install postgresql`, or set DATABASE_URL to a server"
    )]
    NotInstalled,
    /// No server programs for an existing data folder.
    #[error(
        "{data} is of Postgres {version}, which is not installed: `apt-get install postgresql-{version}`, or remove the folder"
    )]
    OtherVersion {
        /// The data folder.
        data: PathBuf,
        /// Its major version.
        version: String,
    },
    /// Root needs another user to run it as.
    #[error("Postgres does not run as root, and there is no user `postgres`: `apt-get install postgresql` makes one")]
    NoUser,
    /// A file or folder cannot be used.
    #[error("cannot use {path}: {error}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// `initdb` failed.
    #[error("initdb failed ({status}):\n{output}")]
    InitDb {
        /// How it ended.
        status: std::process::ExitStatus,
        /// What it said.
        output: String,
    },
    /// The server process did not start or did not stay.
    #[error(transparent)]
    Server(#[from] ChildError),
    /// The URL cannot be read.
    #[error("DATABASE_URL is not a Postgres URL (postgres://user:password@host:port/database){0}")]
    Url(String),
    /// The server cannot be reached.
    #[error("cannot connect to Postgres at {at}: {why}. {advice}")]
    Connect {
        /// Host, port and database.
        at: String,
        /// What went wrong.
        why: String,
        /// What to do.
        advice: &'static str,
    },
    /// A statement failed.
    #[error("Postgres refused a statement: {0}")]
    Statement(#[from] sqlx::Error),
    /// A database name that would need quoting.
    #[error("{0:?} cannot be the name of a database: use a-z, 0-9 and _, at most 63")]
    Name(String),
}

/// A Postgres to use, ready for connections. A private one is stopped when this is dropped.
#[derive(Debug)]
pub enum Postgres {
    /// A server that was there.
    External {
        /// Its URL, with the database.
        url: String,
    },
    /// A server of our own.
    Private(Box<PrivatePostgres>),
}

impl Postgres {
    /// Uses the server at `url`, which must answer.
    ///
    /// # Errors
    ///
    /// [`PostgresError::Url`] or [`PostgresError::Connect`].
    pub async fn external(url: &str) -> Result<Self, PostgresError> {
        let options = options(url)?;
        connect(
            &options,
            "Start that server, or unset DATABASE_URL to have a private one",
        )
        .await?
        .close()
        .await?;
        Ok(Self::External { url: url.to_owned() })
    }

    /// Starts a private server.
    ///
    /// # Errors
    ///
    /// [`PostgresError`] if there is none installed or it does not run.
    pub async fn private(options: PrivateOptions) -> Result<Self, PostgresError> {
        Ok(Self::Private(Box::new(PrivatePostgres::start(options).await?)))
    }

    /// URL of the database, with user and password.
    pub fn url(&self) -> &str {
        match self {
            Self::External { url } => url,
            Self::Private(server) => server.url(),
        }
    }

    /// The server process, if it is ours.
    pub fn private_server(&mut self) -> Option<&mut PrivatePostgres> {
        match self {
            Self::External { .. } => None,
            Self::Private(server) => Some(server),
        }
    }

    /// Makes an empty database `name` (dropping the one of that name) on the same server. Says its URL.
    ///
    /// # Errors
    ///
    /// [`PostgresError`] if the name would need quoting, or the server refuses.
    pub async fn fresh_database(&self, name: &str) -> Result<String, PostgresError> {
        check_name(name)?;
        let options = options(self.url())?;
        let mut connection = connect(&options, "The server has gone").await?;
        connection
            .execute(AssertSqlSafe(format!("drop database if exists {name} with (force)")))
            .await?;
        connection
            .execute(AssertSqlSafe(format!("create database {name}")))
            .await?;
        connection.close().await?;
        Ok(options.database(name).to_url_lossy().to_string())
    }

    /// Stops a private server, cleanly.
    pub async fn stop(&mut self) {
        if let Self::Private(server) = self {
            server.stop().await;
        }
    }
}

fn options(url: &str) -> Result<PgConnectOptions, PostgresError> {
    // The driver takes any scheme.
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err(PostgresError::Url(String::new()));
    }
    url.parse()
        .map_err(|error: sqlx::Error| PostgresError::Url(format!(": {error}")))
}

fn check_name(name: &str) -> Result<(), PostgresError> {
    let right = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let fits = (1..=63).contains(&name.len()) && name.bytes().all(right) && !name.as_bytes()[0].is_ascii_digit();
    if fits {
        Ok(())
    } else {
        Err(PostgresError::Name(name.to_owned()))
    }
}

async fn connect(options: &PgConnectOptions, advice: &'static str) -> Result<PgConnection, PostgresError> {
    // Without the password: this ends up in logs.
    let at = || {
        let database = options.get_database().unwrap_or(options.get_username());
        format!("{}:{}/{database}", options.get_host(), options.get_port())
    };
    match tokio::time::timeout(CONNECT_WITHIN, PgConnection::connect_with(options)).await {
        Ok(Ok(connection)) => Ok(connection),
        Ok(Err(error)) => Err(PostgresError::Connect {
            at: at(),
            why: error.to_string(),
            advice,
        }),
        Err(_) => Err(PostgresError::Connect {
            at: at(),
            why: format!("no answer in {CONNECT_WITHIN:?}"),
            advice,
        }),
    }
}
