//! Who reads the API and is slow, too many, asks a replica, or has to wait.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use gantry_indexer::api::{Api, Bounds, Limits};
use gantry_indexer::schema::Schema;
use gantry_indexer::store::Store;
use gantry_indexer::stream::{BlockFacts, LoggedData, SealedBank, Transaction};
use gantry_stack::child::{Child, ChildSpec, Orphan, Readiness, Signal, User};
use gantry_stack::postgres::{Installation, Postgres, PrivateOptions};
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use tokio::task::JoinHandle;

use super::lab::{PATIENCE, tell, until};

/// Events of each bank.
const EVENTS: u64 = 1_000;

/// A database with events in it, and no chain.
struct Library {
    store: Store,
    postgres: Postgres,
    slot: u64,
    folder: TempDir,
}

impl Library {
    async fn start() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let postgres = Postgres::private(PrivateOptions::new(folder.path().join("run"))).await?;
        let store = Store::open(postgres.url(), Arc::new(Schema::embedded()?)).await?;
        Ok(Self {
            store,
            postgres,
            slot: 0,
            folder,
        })
    }

    /// Writes a bank in which that many results were accepted.
    async fn write(&mut self, events: u64) -> anyhow::Result<()> {
        let idl: Value = serde_json::from_str(include_str!("../../../idl/market.json"))?;
        let named = idl["events"].as_array().context("events")?;
        let named = named
            .iter()
            .find(|event| event["name"] == "ResultAccepted")
            .context("ResultAccepted")?;
        let discriminator: Vec<u8> = serde_json::from_value(named["discriminator"].clone())?;
        let programs = &self.store.schema().programs;
        let program = programs
            .iter()
            .find(|program| program.name == "market")
            .context("market")?
            .address;
        let logged = |number: u64| LoggedData {
            program,
            data: [&discriminator[..], &number.to_be_bytes(), &[7; 24]].concat(),
        };
        self.slot += 1;
        let mut signature = [0; 64];
        signature[..8].copy_from_slice(&self.slot.to_be_bytes());
        let transaction = Transaction {
            signature,
            index: 0,
            emptied: Vec::new(),
            touched: Vec::new(),
            logged: (0..events).map(logged).collect(),
            incomplete: false,
        };
        let bank = SealedBank {
            slot: self.slot,
            facts: BlockFacts {
                parent: self.slot - 1,
                parent_blockhash: format!("hash{}", self.slot - 1),
                blockhash: format!("hash{}", self.slot),
                time: None,
            },
            accounts: Default::default(),
            transactions: vec![transaction],
            doubtful: Vec::new(),
        };
        self.store.write(&[bank], None, "genesis").await?;
        Ok(())
    }

    async fn ids(&self) -> anyhow::Result<Vec<i64>> {
        let sql = "select generate_series(id - count + 1, id)::bigint from outbox where kind = 'event' order by 1";
        Ok(sqlx::query_scalar(sql).fetch_all(self.store.pool()).await?)
    }
}

/// An API of its own over a store; none of its clients shares it with another test.
struct Service {
    address: std::net::SocketAddr,
    serving: JoinHandle<std::io::Result<()>>,
}

impl Service {
    async fn start(store: Store, bounds: Bounds) -> anyhow::Result<Self> {
        let limits = Limits {
            requests_per_second: 0,
            behind_proxy: true,
            ..Limits::default()
        };
        let metrics = PrometheusBuilder::new().build_recorder().handle();
        let api = Api::new(store, Arc::default(), metrics, 10);
        let api = api.with_limits(limits).with_bounds(bounds);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let serving = tokio::spawn(api.serve(listener));
        Ok(Self { address, serving })
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    async fn get(&self, path: &str) -> anyhow::Result<(u16, Value)> {
        let answer = reqwest::get(self.url(path)).await?;
        Ok((answer.status().as_u16(), answer.json().await?))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// The numbers of the events in a piece of a stream. What is cut off in the middle does not count.
fn ids(text: &str) -> Vec<i64> {
    let whole = text.rsplit_once("\n\n").map_or("", |(whole, _)| whole);
    let events = whole.split("\n\n").filter(|block| block.contains("event: event"));
    let id = |block: &str| {
        let id = block.lines().find_map(|line| line.strip_prefix("id: "));
        let (_, number) = id.and_then(|id| id.split_once('-')).expect("an epoch and a number");
        number.parse().expect("a number")
    };
    events.map(id).collect()
}

/// Reads a stream after an id until it has `wanted` more events. As another client than those that do not read, since
/// one client has only so many streams.
async fn hear(service: &Service, after: i64, wanted: usize) -> anyhow::Result<Vec<i64>> {
    let request = reqwest::Client::new()
        .get(service.url(&format!("/v1/events/stream?after={after}")))
        .header("x-forwarded-for", "192.0.2.1");
    let mut answer = request.send().await?;
    ensure!(answer.status() == 200, "{}", answer.text().await?);
    let mut text = String::new();
    let mut heard = Vec::new();
    while heard.len() < wanted {
        let chunk = tokio::time::timeout(PATIENCE, answer.chunk())
            .await
            .context("in time")??;
        text.push_str(std::str::from_utf8(&chunk.context("the stream goes on")?)?);
        let (whole, rest) = text.rsplit_once("\n\n").map_or(("", &*text), |parts| parts);
        heard.extend(ids(&format!("{whole}\n\n")));
        text = rest.to_owned();
    }
    Ok(heard)
}

fn resident_mib() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .context("no VmRSS")?;
    Ok(line.split_whitespace().nth(1).context("no number")?.parse::<u64>()? >> 10)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn listeners_that_do_not_read() -> anyhow::Result<()> {
    const LISTENERS: usize = 4;
    const BANKS: u64 = 20;
    let mut library = Library::start().await?;
    library.write(EVENTS).await?;
    let bounds = Bounds {
        slowest_client: Duration::from_secs(2),
        streams_of_client: LISTENERS,
        ..Bounds::default()
    };
    let service = Service::start(library.store.clone(), bounds).await?;
    let before = resident_mib()?;
    let mut slow = Vec::new();
    for _ in 0..LISTENERS {
        let socket = TcpSocket::new_v4()?;
        // What the system keeps for a client that does not read is no part of this.
        socket.set_recv_buffer_size(65_536)?;
        let mut stream = socket.connect(service.address).await?;
        stream
            .write_all(b"GET /v1/events/stream?after=0 HTTP/1.1\r\nhost: gantry\r\nconnection: close\r\n\r\n")
            .await?;
        // It is open once its answer begins.
        let mut head = [0; 12];
        stream.read_exact(&mut head).await?;
        ensure!(&head == b"HTTP/1.1 200", "{}", String::from_utf8_lossy(&head));
        slow.push(stream);
    }
    let refused = reqwest::get(service.url("/v1/events/stream")).await?.status();
    ensure!(refused == 429, "the listeners are not there: {refused}");
    for _ in 0..BANKS {
        library.write(EVENTS).await?;
    }
    // Somebody who reads hears all of it meanwhile.
    let all = library.ids().await?;
    let heard = hear(&service, 0, all.len()).await?;
    ensure!(heard == all, "who reads missed something");
    // Their places are free again.
    let free = async || Ok(reqwest::get(service.url("/v1/events/stream?after=0")).await?.status() == 200);
    until(free, "they are cut").await?;
    let grown = resident_mib()?.saturating_sub(before);
    ensure!(grown < 64, "{grown} MiB more");
    let (mut differences, mut first) = (0, Vec::new());
    for mut stream in slow {
        let mut text = Vec::new();
        // The end of the stream, or of the connection.
        let read = stream.read_to_end(&mut text);
        let _ = tokio::time::timeout(PATIENCE, read).await.context("it is ended")?;
        // Without the marks of the chunks, which stand on lines of their own.
        let text = String::from_utf8_lossy(&text).replace('\r', "");
        let received = ids(&text);
        ensure!(
            !received.is_empty() && received.len() < all.len(),
            "{} received",
            received.len()
        );
        first.push(received.len());
        let last = *received.last().context("an id")?;
        let rest = hear(&service, last, all.len() - received.len()).await?;
        let together: Vec<i64> = received.into_iter().chain(rest).collect();
        differences += usize::from(together != all);
    }
    ensure!(
        differences == 0,
        "{differences} listeners missed something or heard it twice"
    );
    tell(
        "slow listeners",
        &format!(
            "{LISTENERS} that did not read, cut after {} to {} events and resumed; {grown} MiB more",
            first.iter().min().context("one")?,
            first.iter().max().context("one")?
        ),
        all.len(),
        differences,
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_streams() -> anyhow::Result<()> {
    const STREAMS: usize = 24;
    let mut library = Library::start().await?;
    library.write(3).await?;
    let bounds = Bounds {
        streams: STREAMS,
        streams_of_client: 4,
        ..Bounds::default()
    };
    let service = Service::start(library.store.clone(), bounds).await?;
    let http = reqwest::Client::new();
    let open = async |client: usize| {
        let request = http
            .get(service.url("/v1/events/stream?after=0"))
            .header("x-forwarded-for", format!("192.0.2.{client}"));
        request.send().await
    };
    let mut streams = Vec::new();
    for number in 0..STREAMS {
        streams.push(open(number / 4).await?);
    }
    ensure!(
        streams.iter().all(|stream| stream.status() == 200),
        "a place was refused"
    );
    // One that has its own, and one that has none.
    let (own, other) = (open(0).await?, open(200).await?);
    ensure!(
        (own.status(), other.status()) == (429.try_into()?, 503.try_into()?),
        "{own:?} {other:?}"
    );
    let body: Value = other.json().await?;
    ensure!(body["type"] == "urn:gantry:busy", "{body}");
    // Reads go on, and a place that is given back is taken.
    ensure!(service.get("/v1/events").await?.0 == 200);
    streams.pop();
    until(async || Ok(open(200).await?.status() == 200), "the place is free").await?;
    tell(
        "too many streams",
        &format!("{STREAMS} open and 2 more refused, each with its reason; a free place was taken"),
        library.ids().await?.len(),
        0,
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_that_takes_too_long() -> anyhow::Result<()> {
    let mut library = Library::start().await?;
    library.write(3).await?;
    let bounds = Bounds {
        longest_answer: Duration::from_secs(1),
        ..Bounds::default()
    };
    let service = Service::start(library.store.clone(), bounds).await?;
    let mut lock = library.store.pool().begin().await?;
    sqlx::query("lock table event in access exclusive mode")
        .execute(&mut *lock)
        .await?;
    let begun = Instant::now();
    let (status, body) = service.get("/v1/events").await?;
    let took = begun.elapsed();
    ensure!(
        (status, body["type"].as_str()) == (504, Some("urn:gantry:timeout")),
        "{body}"
    );
    ensure!(took < Duration::from_secs(8), "{took:?}");
    lock.rollback().await?;
    ensure!(service.get("/v1/events").await?.0 == 200);
    tell(
        "a table that does not answer",
        &format!(
            "a read was refused after {} ms; the next was answered",
            took.as_millis()
        ),
        library.ids().await?.len(),
        0,
    );
    Ok(())
}

/// A streaming replica of the server, which cannot LISTEN.
async fn replica(library: &mut Library) -> anyhow::Result<(Child, String)> {
    let server = library.postgres.private_server().context("the server is ours")?;
    let data = server.data().parent().context("a folder")?.join("replica");
    let bin = Installation::find(server.data())?.bin;
    let root = rustix::process::geteuid().is_root();
    let user = if root { User::find("postgres") } else { None };
    let copy = User::command(user.as_ref())
        .arg("--")
        .arg(bin.join("pg_basebackup"))
        .args(["--checkpoint=fast", "--write-recovery-conf", "--dbname"])
        .arg(server.url())
        .arg("--pgdata")
        .arg(&data)
        .current_dir("/")
        .output()?;
    ensure!(copy.status.success(), "{}", String::from_utf8_lossy(&copy.stderr));
    let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let url = server
        .url()
        .replace(&format!(":{}/", server.port()), &format!(":{port}/"));
    let log = library.folder.path().join("replica.log");
    let mut spec = ChildSpec::new("replica", bin.join("postgres"), log)
        .arg("-D")
        .arg(&data)
        .args(["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="])
        .args(["-c", "max_connections=60", "-c", "shared_buffers=64MB"])
        .args(["-c", &format!("port={port}")])
        .ready(Readiness::LogLine("ready to accept read-only connections".to_owned()))
        .orphan(Orphan::Guarded(user));
    spec.stop_signal = Signal::INT;
    Ok((Child::start(spec).await?, url))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_api_on_a_replica_where_nothing_can_be_listened_to() -> anyhow::Result<()> {
    const BANKS: u64 = 30;
    let mut library = Library::start().await?;
    library.write(10).await?;
    let (mut child, url) = replica(&mut library).await?;
    let store = Store::open_to_read(&url, library.store.schema().clone()).await?;
    let refused = sqlx::raw_sql("listen gantry_outbox").execute(store.pool()).await;
    ensure!(refused.is_err(), "this replica listens");
    let service = Service::start(store, Bounds::default()).await?;
    let mut answer = reqwest::get(service.url("/v1/events/stream?after=0")).await?;
    ensure!(answer.status() == 200, "{}", answer.text().await?);
    let listening = tokio::spawn(async move {
        let mut text = String::new();
        let mut heard = Vec::new();
        while heard.len() < 10 * (BANKS as usize + 1) {
            let chunk = tokio::time::timeout(PATIENCE, answer.chunk())
                .await
                .context("in time")??;
            text.push_str(std::str::from_utf8(&chunk.context("the stream goes on")?)?);
            let Some((whole, rest)) = text.rsplit_once("\n\n") else {
                continue;
            };
            let at = Instant::now();
            heard.extend(ids(&format!("{whole}\n\n")).into_iter().map(|id| (id, at)));
            text = rest.to_owned();
        }
        anyhow::Ok(heard)
    });
    let mut written = Vec::new();
    for _ in 0..BANKS {
        library.write(10).await?;
        written.push(Instant::now());
        // Read your writes: the replica is waited for.
        let (status, body) = service
            .get(&format!("/v1/events?limit=1&min_slot={}", library.slot))
            .await?;
        ensure!(status == 200 && body["slot"].as_u64() >= Some(library.slot), "{body}");
    }
    let heard = listening.await??;
    let all = library.ids().await?;
    let order: Vec<i64> = heard.iter().map(|(id, _)| *id).collect();
    let differences = usize::from(order != all);
    ensure!(differences == 0, "{} heard of {}", order.len(), all.len());
    let late = heard[10..].iter().enumerate();
    let mut late: Vec<Duration> = late
        .map(|(number, (_, at))| at.saturating_duration_since(written[number / 10]))
        .collect();
    late.sort_unstable();
    child.stop().await;
    tell(
        "an API on a replica, which cannot LISTEN",
        &format!(
            "{BANKS} banks heard by looking, half of them within {} ms, all within {} ms",
            late[late.len() / 2].as_millis(),
            late[late.len() - 1].as_millis()
        ),
        all.len(),
        differences,
    );
    Ok(())
}
