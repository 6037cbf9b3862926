//! A program that is killed between sending and knowing opens no second job when it is run again.

use crate::gantry::{Network, finish};
use anyhow::{Context as _, ensure};
use serde_json::Value;
use std::{
    process::Stdio,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::Notify,
};

/// Longest that the program may take to send its transaction.
const PATIENCE: Duration = Duration::from_secs(60);

/// An RPC server's front that passes everything on, until a transaction is sent: then it tells, and answers no more.
struct Front {
    url: String,
    sent: Arc<Notify>,
    accept: tokio::task::JoinHandle<()>,
}

impl Front {
    async fn of(server: &str) -> anyhow::Result<Self> {
        let server = server.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let sent = Arc::new(Notify::new());
        let tell = sent.clone();
        let accept = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                // What goes wrong on one connection shows in the program's own errors.
                tokio::spawn(pass(client, server.clone(), tell.clone()));
            }
        });
        Ok(Self { url, sent, accept })
    }
}

async fn pass(client: TcpStream, server: String, tell: Arc<Notify>) -> std::io::Result<()> {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = TcpStream::connect(server).await?.into_split();
    // The whole of what was asked on this connection: the word may come in two pieces.
    let asked = Arc::new(Mutex::new(Vec::new()));
    let is_sending = {
        let asked = asked.clone();
        move || {
            let asked = asked.lock().expect("not poisoned");
            asked
                .windows(b"sendTransaction".len())
                .any(|word| word == b"sendTransaction")
        }
    };
    let up = async {
        let mut bytes = vec![0; 65_536];
        loop {
            let count = from_client.read(&mut bytes).await?;
            if count == 0 {
                return to_server.shutdown().await;
            }
            asked.lock().expect("not poisoned").extend_from_slice(&bytes[..count]);
            to_server.write_all(&bytes[..count]).await?;
        }
    };
    let down = async {
        let mut bytes = vec![0; 65_536];
        loop {
            let count = from_server.read(&mut bytes).await?;
            if is_sending() && count > 0 {
                // The chain has it; the program will never know.
                tell.notify_one();
                return std::future::pending::<std::io::Result<()>>().await;
            }
            if count == 0 {
                return to_client.shutdown().await;
            }
            to_client.write_all(&bytes[..count]).await?;
        }
    };
    tokio::try_join!(up, down).map(|_| ())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_killed_between_sending_and_knowing_opens_no_second_job() -> anyhow::Result<()> {
    let network = Network::start().await?;
    let spec = network.spec("once", &[])?;
    let front = Front::of(network.rpc()).await?;
    let open = ["job", "open", spec.as_str(), "--once", "invoice-17", "--output", "json"];

    let mut first = tokio::process::Command::from(network.command("customer"))
        .env("GANTRY_RPC_URL", &front.url)
        .args(open)
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let sent = tokio::time::timeout(PATIENCE, front.sent.notified());
    tokio::select! {
        sent = sent => sent.context("it sent nothing")?,
        status = first.wait() => anyhow::bail!("it ended before it was killed: {}", status?),
    }
    first.kill().await?;
    front.accept.abort();

    let run = |words: &[&str]| -> anyhow::Result<Value> {
        let (code, printed, said) = finish(network.command("customer").args(words))?;
        ensure!(code == 0, "{words:?}: {code}: {said}");
        Ok(serde_json::from_str(&printed)?)
    };
    let second = run(&open)?;
    let third = run(&open)?;
    ensure!(
        second["address"] == third["address"] && third["transaction"].is_null(),
        "{second} {third}"
    );
    let jobs = run(&["job", "list", "--output", "json"])?;
    ensure!(jobs.as_array().is_some_and(|jobs| jobs.len() == 1), "{jobs}");

    // Also when that one is closed by now.
    run(&["job", "cancel", "0", "--yes", "--output", "json"])?;
    let closed = run(&open)?;
    ensure!(closed["address"] == second["address"], "{closed}");
    // And the name stands for that alone.
    let other = network.spec("another", &[])?;
    network.refused(
        "customer",
        4,
        "invoice-17",
        &["job", "open", &other, "--once", "invoice-17"],
    )?;
    let next = run(&["job", "open", &other, "--once", "invoice-18", "--output", "json"])?;
    ensure!(next["id"] == 1, "{next}");
    network.stop().await;
    Ok(())
}
