//! Everything together, brought up and taken down in order.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use crate::binaries::{Binaries, MissingBinary};
use crate::child::{Child, ChildError, ChildSpec};
use crate::daemons::{self, Programs};
use crate::postgres::{Postgres, PostgresError, PrivateOptions};
use crate::run_dir::{RunDir, RunDirError};

/// The stack did not come up, or did not stay up.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// Its folder.
    #[error(transparent)]
    RunDir(#[from] RunDirError),
    /// Its database.
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    /// One of its processes.
    #[error(transparent)]
    Child(#[from] ChildError),
    /// A program that has not been built.
    #[error(transparent)]
    Binary(#[from] MissingBinary),
    /// A process is ready but does not say where it listens.
    #[error("{name} is ready, but its ready file has no {field}: it is of another version")]
    Ready {
        /// Which.
        name: String,
        /// What is missing.
        field: &'static str,
    },
    /// The indexer was asked for where it cannot be.
    #[error("the indexer needs {0}")]
    IndexerNeeds(&'static str),
    /// The system does not say where this program is.
    #[error("cannot find out where this program is: {0}")]
    ThisProgram(std::io::Error),
    /// There is no process of that name.
    #[error("nothing called {0} was started")]
    Unknown(String),
}

/// Ports on 127.0.0.1; 0 takes any free one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ports {
    /// JSON-RPC.
    pub rpc: u16,
    /// WebSocket.
    pub ws: u16,
    /// Yellowstone gRPC.
    pub grpc: u16,
    /// The indexer's API.
    pub api: u16,
}

impl Default for Ports {
    fn default() -> Self {
        Self {
            rpc: 8899,
            ws: 8900,
            grpc: 10000,
            api: 8080,
        }
    }
}

impl Ports {
    /// Free ones, so that several stacks can run at once.
    pub const FREE: Self = Self {
        rpc: 0,
        ws: 0,
        grpc: 0,
        api: 0,
    };
}

/// What the stack's chain is.
#[derive(Debug, Clone)]
pub enum Chain {
    /// The embedded network, started anew.
    Localnet {
        /// What it deploys.
        programs: Programs,
        /// Milliseconds from one slot to the next.
        slot_time_ms: u64,
    },
    /// A chain that somebody else runs, as a validator.
    External(ChainUrls),
}

/// Where a chain listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainUrls {
    /// JSON-RPC, `http://host:port`.
    pub rpc: String,
    /// WebSocket, `ws://host:port`.
    pub ws: String,
    /// Yellowstone gRPC, `http://host:port`; a plain validator has none.
    pub grpc: Option<String>,
}

/// What the stack's database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Database {
    /// None: no indexer.
    None,
    /// A private server, with an empty database.
    Private,
    /// The database with this URL.
    Url(String),
}

impl Database {
    /// `DATABASE_URL` if it is set and not empty, else a private server.
    pub fn from_env() -> Self {
        std::env::var("DATABASE_URL")
            .ok()
            .filter(|url| !url.is_empty())
            .map_or(Self::Private, Self::Url)
    }
}

/// What a stack is to be made of.
#[derive(Debug, Clone)]
pub struct StackBuilder {
    run_dir: PathBuf,
    chain: Chain,
    database: Database,
    indexer: bool,
    reset: Option<bool>,
    ports: Ports,
    binaries: Option<Binaries>,
    postgres_settings: Vec<(String, String)>,
}

impl StackBuilder {
    /// What the chain is. Default: the embedded network with what the repository in the current folder has built.
    #[must_use]
    pub fn chain(mut self, chain: Chain) -> Self {
        self.chain = chain;
        self
    }

    /// What the database is. Default: a private server.
    #[must_use]
    pub fn database(mut self, database: Database) -> Self {
        self.database = database;
        self
    }

    /// Whether the indexer runs. Default: yes.
    #[must_use]
    pub fn indexer(mut self, indexer: bool) -> Self {
        self.indexer = indexer;
        self
    }

    /// Whether the indexer drops what the database holds. Default: only in a private one on a network that starts anew.
    #[must_use]
    pub fn reset(mut self, reset: bool) -> Self {
        self.reset = Some(reset);
        self
    }

    /// Where things listen. Default: [`Ports::default`].
    #[must_use]
    pub fn ports(mut self, ports: Ports) -> Self {
        self.ports = ports;
        self
    }

    /// Where the programs are. Default: beside this one.
    #[must_use]
    pub fn binaries(mut self, binaries: Binaries) -> Self {
        self.binaries = Some(binaries);
        self
    }

    /// A setting of the private server, as in `postgresql.conf`.
    #[must_use]
    pub fn postgres_setting(mut self, name: &str, value: &str) -> Self {
        self.postgres_settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Starts Postgres, the chain and the indexer, each after what it needs. `say` hears what is being started.
    ///
    /// # Errors
    ///
    /// [`StackError`]; what had been started is stopped.
    pub async fn start(self, mut say: impl FnMut(&str)) -> Result<Stack, StackError> {
        let run_dir = RunDir::lock(&self.run_dir)?;
        let binaries = match self.binaries {
            Some(binaries) => binaries,
            None => Binaries::beside_this().map_err(StackError::ThisProgram)?,
        };
        let anew = matches!(
            (&self.chain, &self.database),
            (Chain::Localnet { .. }, Database::Private)
        );
        // Independent of each other, and each takes a second: at the same time.
        let database = async {
            Ok::<_, StackError>(match self.database {
                Database::None => None,
                Database::Url(url) => Some(Postgres::external(&url).await?),
                Database::Private => {
                    let mut options = PrivateOptions::new(run_dir.path());
                    options.settings = self.postgres_settings;
                    Some(Postgres::private(options).await?)
                }
            })
        };
        let chain = async {
            match self.chain {
                Chain::External(urls) => Ok((urls, None)),
                Chain::Localnet { programs, slot_time_ms } => {
                    let spec = daemons::localnet(&binaries, &run_dir, &programs, &self.ports, slot_time_ms)?;
                    let child = Child::start(spec).await?;
                    let urls = ChainUrls {
                        rpc: ready_text(&child, "/rpc_url")?,
                        ws: ready_text(&child, "/ws_url")?,
                        grpc: Some(ready_text(&child, "/grpc_url")?),
                    };
                    Ok::<_, StackError>((urls, Some(child)))
                }
            }
        };
        say("starting Postgres and the chain");
        let (postgres, (chain, localnet)) = tokio::try_join!(database, chain)?;
        let mut stack = Stack {
            children: Vec::new(),
            localnet,
            postgres,
            chain,
            api_url: None,
            binaries,
            run_dir,
        };
        if self.indexer {
            say("starting the indexer");
            stack.start_indexer(self.ports.api, self.reset.unwrap_or(anew)).await?;
        }
        Ok(stack)
    }
}

fn ready_text(child: &Child, field: &'static str) -> Result<String, StackError> {
    let missing = || StackError::Ready {
        name: child.name().to_owned(),
        field,
    };
    child.ready_text(field).map(str::to_owned).ok_or_else(missing)
}

/// A running stack. Dropping it stops everything, what started last first.
#[derive(Debug)]
pub struct Stack {
    // Fields are dropped in this order: users before what they use.
    children: Vec<Child>,
    localnet: Option<Child>,
    postgres: Option<Postgres>,
    chain: ChainUrls,
    api_url: Option<String>,
    binaries: Binaries,
    run_dir: RunDir,
}

impl Stack {
    /// What a stack in this folder is to be made of. One stack at a time may use the folder.
    pub fn builder(run_dir: impl Into<PathBuf>) -> StackBuilder {
        StackBuilder {
            run_dir: run_dir.into(),
            chain: Chain::Localnet {
                programs: Programs::of_repository(std::path::Path::new(".")),
                slot_time_ms: 400,
            },
            database: Database::Private,
            indexer: true,
            reset: None,
            ports: Ports::default(),
            binaries: None,
            postgres_settings: Vec::new(),
        }
    }

    /// Where the chain listens.
    pub fn chain(&self) -> &ChainUrls {
        &self.chain
    }

    /// URL of the indexer's API; none without an indexer.
    pub fn api_url(&self) -> Option<&str> {
        self.api_url.as_deref()
    }

    /// URL of the database with user and password; none without one.
    pub fn database_url(&self) -> Option<&str> {
        self.postgres.as_ref().map(Postgres::url)
    }

    /// The database; none without one.
    pub fn postgres(&mut self) -> Option<&mut Postgres> {
        self.postgres.as_mut()
    }

    /// The folder that everything is kept in.
    pub fn run_dir(&self) -> &RunDir {
        &self.run_dir
    }

    /// Where the programs are.
    pub fn binaries(&self) -> &Binaries {
        &self.binaries
    }

    /// How to start `program` as a daemon `name` with the agreed arguments, to be given its own and to [`Stack::spawn`].
    ///
    /// # Errors
    ///
    /// [`StackError::Binary`] if it has not been built.
    pub fn daemon(&self, name: &str, program: &str) -> Result<ChildSpec, StackError> {
        Ok(daemons::daemon(&self.binaries, &self.run_dir, name, program)?)
    }

    /// Starts one more process and waits until it is ready. It is stopped before those that were started earlier.
    ///
    /// # Errors
    ///
    /// [`StackError::Child`].
    pub async fn spawn(&mut self, spec: ChildSpec) -> Result<&mut Child, StackError> {
        let child = Child::start(spec).await?;
        self.children.push(child);
        Ok(self.children.last_mut().expect("pushed just now"))
    }

    /// Starts the indexer, serving at `port` of 127.0.0.1 (0: any free one). `reset` drops what the database holds.
    ///
    /// # Errors
    ///
    /// [`StackError`] without a database or a gRPC endpoint, or if it does not start.
    pub async fn start_indexer(&mut self, port: u16, reset: bool) -> Result<&str, StackError> {
        let database = self.database_url().ok_or(StackError::IndexerNeeds("a database"))?;
        let grpc = self
            .chain
            .grpc
            .as_deref()
            .ok_or(StackError::IndexerNeeds("a chain with a Yellowstone gRPC endpoint"))?;
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let spec = daemons::indexer(
            &self.binaries,
            &self.run_dir,
            &self.chain,
            grpc,
            database,
            listen,
            reset,
        )?;
        let child = self.spawn(spec).await?;
        let url = ready_text(child, "/api_url")?;
        // A restart has to find what it left, and serve where it did.
        let spec = child.spec_mut();
        spec.args.retain(|arg| arg != "--reset");
        if let Some(at) = spec.args.iter().position(|arg| arg == "--listen")
            && let Some(address) = url.strip_prefix("http://")
        {
            spec.args[at + 1] = address.into();
        }
        Ok(self.api_url.insert(url))
    }

    /// The process of this name: `localnet`, `indexer`, or what was given to [`Stack::spawn`].
    ///
    /// # Errors
    ///
    /// [`StackError::Unknown`] if nothing of that name was started.
    pub fn child(&mut self, name: &str) -> Result<&mut Child, StackError> {
        let mut all = self.localnet.iter_mut().chain(&mut self.children);
        all.find(|child| child.name() == name)
            .ok_or_else(|| StackError::Unknown(name.to_owned()))
    }

    /// Waits until any process ends by itself: the error says which, and where its log is.
    pub async fn failed(&self) -> StackError {
        let server = match &self.postgres {
            Some(Postgres::Private(server)) => Some(server.child()),
            _ => None,
        };
        let mut deaths = tokio::task::JoinSet::new();
        for child in self.children.iter().chain(&self.localnet).chain(server) {
            deaths.spawn(child.death());
        }
        match deaths.join_next().await {
            Some(Ok(death)) => death.into(),
            // Without any process nothing can fail.
            Some(Err(_)) | None => std::future::pending().await,
        }
    }

    /// Stops everything, what started last first: nodes, matcher, indexer, chain, Postgres.
    pub async fn stop(&mut self) {
        while let Some(mut child) = self.children.pop() {
            child.stop().await;
        }
        if let Some(mut localnet) = self.localnet.take() {
            localnet.stop().await;
        }
        if let Some(postgres) = &mut self.postgres {
            postgres.stop().await;
        }
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // The last one first; what is left is dropped in the order of the fields.
        while self.children.pop().is_some() {}
    }
}
