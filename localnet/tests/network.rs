//! The binary: Surfpool behind RPC and Yellowstone, seen by the clients that Gantry uses.

mod common;

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use common::{PATIENCE, connect, everything, names_until, next, one};
use gantry_localnet::Ready;
use solana_client::nonblocking::rpc_client::RpcClient;
use solana_commitment_config::CommitmentConfig;
use solana_keypair::Keypair;
use solana_signer::Signer;
use solana_system_interface::instruction::transfer;
use yellowstone_grpc_proto::prelude::subscribe_update::UpdateOneof;
use yellowstone_grpc_proto::prelude::{
    CommitmentLevel, SlotStatus, SubscribeRequest, SubscribeRequestFilterAccounts, SubscribeRequestFilterSlots,
    SubscribeUpdate, SubscribeUpdateAccount, SubscribeUpdateSlot, SubscribeUpdateTransaction,
};
use yellowstone_grpc_proto::tonic::Code;

const SOL: u64 = 1_000_000_000;

struct Network {
    child: Child,
    ready: Ready,
}

impl Network {
    fn start(more: &[&str]) -> Self {
        let mut child = command(more).spawn().expect("the binary starts");
        let stdout = child.stdout.take().expect("a pipe");
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        let ready = serde_json::from_str(&line).unwrap_or_else(|error| panic!("`{line}` is no ready line: {error}"));
        Self { child, ready }
    }

    fn rpc(&self) -> RpcClient {
        RpcClient::new_with_commitment(self.ready.rpc_url.clone(), CommitmentConfig::confirmed())
    }

    fn resident_mib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a size");
        line.split_whitespace()
            .nth(1)
            .expect("a number")
            .parse::<u64>()
            .expect("a number")
            / 1024
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gantry-localnet"));
    command.args(["--no-gantry-programs", "--slot-time-ms", "50"]);
    for port in ["--rpc-port", "--ws-port", "--grpc-port"] {
        if !more.contains(&port) {
            command.args([port, "0"]);
        }
    }
    command.args(more).stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

async fn funded(rpc: &RpcClient) -> Keypair {
    let wallet = Keypair::new();
    rpc.request_airdrop(&wallet.pubkey(), 10 * SOL)
        .await
        .expect("an airdrop");
    wallet
}

async fn pay(rpc: &RpcClient, from: &Keypair, to: &Keypair, lamports: u64) -> Vec<u8> {
    let blockhash = rpc.get_latest_blockhash().await.expect("a blockhash");
    let instruction = transfer(&from.pubkey(), &to.pubkey(), lamports);
    let message = solana_message::Message::new_with_blockhash(&[instruction], Some(&from.pubkey()), &blockhash);
    let transaction = solana_transaction::Transaction::new(&[from], message, blockhash);
    let options = solana_client::rpc_config::RpcSendTransactionConfig {
        skip_preflight: true,
        ..Default::default()
    };
    rpc.send_transaction_with_config(&transaction, options)
        .await
        .expect("sent")
        .as_ref()
        .to_vec()
}

fn account(update: &SubscribeUpdate) -> Option<&SubscribeUpdateAccount> {
    match &update.update_oneof {
        Some(UpdateOneof::Account(account)) => Some(account),
        _ => None,
    }
}

fn transaction(update: &SubscribeUpdate) -> Option<&SubscribeUpdateTransaction> {
    match &update.update_oneof {
        Some(UpdateOneof::Transaction(transaction)) => Some(transaction),
        _ => None,
    }
}

fn status(update: &SubscribeUpdate) -> Option<&SubscribeUpdateSlot> {
    match &update.update_oneof {
        Some(UpdateOneof::Slot(slot)) => Some(slot),
        _ => None,
    }
}

fn lamports(update: &SubscribeUpdate, key: &Keypair) -> Option<u64> {
    let account = account(update)?.account.as_ref()?;
    (account.pubkey == key.pubkey().to_bytes()).then_some(account.lamports)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_is_seen_whole_live_and_in_a_replay() {
    let network = Network::start(&[]);
    let rpc = network.rpc();
    let payer = funded(&rpc).await;
    let payee = Keypair::new();
    let mut client = connect(&network.ready.grpc_url).await;
    let mut stream = client
        .subscribe_once(everything(CommitmentLevel::Processed))
        .await
        .expect("subscribed");
    // From the first whole slot on, so that nothing of the transfer's slot is missed.
    while status(&next(&mut stream).await.expect("an update"))
        .is_none_or(|slot| slot.status() != SlotStatus::SlotFirstShredReceived)
    {}
    let signature = pay(&rpc, &payer, &payee, SOL).await;

    let mut seen = Vec::new();
    let slot = loop {
        let update = next(&mut stream).await.expect("an update");
        let slot = transaction(&update)
            .filter(|found| {
                found
                    .transaction
                    .as_ref()
                    .is_some_and(|info| info.signature == signature)
            })
            .map(|found| found.slot);
        seen.push(update);
        if let Some(slot) = slot {
            break slot;
        }
    };
    assert!(
        seen.iter().any(|update| lamports(update, &payee) == Some(SOL)),
        "the payee's account"
    );
    assert!(
        seen.iter()
            .any(|update| lamports(update, &payer) == Some(9 * SOL - 5_000)),
        "the payer's account"
    );
    loop {
        let update = next(&mut stream).await.expect("an update");
        let last =
            status(&update).is_some_and(|change| change.slot == slot && change.status() == SlotStatus::SlotFinalized);
        seen.push(update);
        if last {
            break;
        }
    }
    let statuses: Vec<_> = seen
        .iter()
        .filter_map(status)
        .filter(|change| change.slot == slot)
        .collect();
    let order = [
        SlotStatus::SlotFirstShredReceived,
        SlotStatus::SlotCreatedBank,
        SlotStatus::SlotCompleted,
        SlotStatus::SlotProcessed,
        SlotStatus::SlotConfirmed,
        SlotStatus::SlotFinalized,
    ];
    let missing_start = order.len() - statuses.len();
    assert!(
        missing_start <= 2,
        "the slot may have begun before the transfer was sent, no more: {statuses:?}"
    );
    assert_eq!(
        statuses.iter().map(|change| change.status()).collect::<Vec<_>>(),
        order[missing_start..]
    );
    assert!(
        statuses.iter().all(|change| change.parent == Some(slot - 1)),
        "{statuses:?}"
    );

    // The replay of that slot carries the same updates, in the same order.
    let request = SubscribeRequest {
        from_slot: Some(slot),
        ..everything(CommitmentLevel::Processed)
    };
    let mut replay = client.subscribe_once(request).await.expect("subscribed");
    let last = format!("{slot} confirmed on {}", slot - 1);
    let replayed = names_until(&mut replay, &last).await;
    let of_slot = |names: Vec<String>| -> Vec<String> {
        names
            .into_iter()
            .filter(|name| name.starts_with(&format!("{slot} ")) && !name.contains("finalized"))
            .collect()
    };
    let live = of_slot(seen.iter().map(common::name).collect());
    let replayed = of_slot(replayed);
    assert!(replayed.ends_with(&live), "{replayed:?} does not end with {live:?}");
    assert!(replayed.len() - live.len() <= 2);

    let too_old = SubscribeRequest {
        from_slot: Some(1),
        ..everything(CommitmentLevel::Processed)
    };
    let mut stream = client.subscribe_once(too_old).await.expect("subscribed");
    assert_eq!(
        next(&mut stream).await.expect_err("slot 1 never was").code(),
        Code::OutOfRange
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_that_surfpool_keeps_quiet_about_are_seen_too() {
    let network = Network::start(&[]);
    let rpc = network.rpc();
    let mut client = connect(&network.ready.grpc_url).await;
    let system = "11111111111111111111111111111111".to_owned();
    let request = SubscribeRequest {
        accounts: one(
            "system",
            SubscribeRequestFilterAccounts {
                owner: vec![system.clone()],
                ..Default::default()
            },
        ),
        ..Default::default()
    };
    let mut stream = client.subscribe_once(request).await.expect("subscribed");
    let wait_for = async |stream: &mut _, key: &Keypair, balance: u64| {
        while lamports(&next(stream).await.expect("an update"), key) != Some(balance) {}
    };

    let wallet = funded(&rpc).await;
    wait_for(&mut stream, &wallet, 10 * SOL).await;

    // More than there is: the transaction fails on chain and still costs its fee.
    pay(&rpc, &wallet, &Keypair::new(), 100 * SOL).await;
    wait_for(&mut stream, &wallet, 10 * SOL - 5_000).await;

    let change = serde_json::json!({ "lamports": 77, "owner": system, "data": "" });
    let method = solana_client::rpc_request::RpcRequest::Custom {
        method: "surfnet_setAccount",
    };
    let params = serde_json::json!([wallet.pubkey().to_string(), change]);
    let _: serde_json::Value = rpc.send(method, params).await.expect("set");
    wait_for(&mut stream, &wallet, 77).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_jump_in_time_leaves_no_hole() {
    let network = Network::start(&[]);
    let rpc = network.rpc();
    let mut client = connect(&network.ready.grpc_url).await;
    let mut request = everything(CommitmentLevel::Finalized);
    request.accounts.clear();
    request.slots = one(
        "slots",
        SubscribeRequestFilterSlots {
            filter_by_commitment: Some(true),
            ..Default::default()
        },
    );
    let mut stream = client.subscribe_once(request).await.expect("subscribed");
    let before = rpc.get_slot().await.expect("a slot");
    let method = solana_client::rpc_request::RpcRequest::Custom {
        method: "surfnet_timeTravel",
    };
    let params = serde_json::json!([{ "absoluteSlot": before + 10_000 }]);
    let _: serde_json::Value = rpc.send(method, params).await.expect("travelled");
    let mut last: Option<u64> = None;
    let mut metas = 0;
    while last.is_none_or(|slot| slot < before + 10_010) {
        let update = next(&mut stream).await.expect("an update");
        match &update.update_oneof {
            Some(UpdateOneof::BlockMeta(meta)) => {
                metas += 1;
                assert!(
                    last.is_none_or(|last| meta.parent_slot == last),
                    "{meta:?} after {last:?}"
                );
            }
            Some(UpdateOneof::Slot(slot)) => {
                assert!(
                    last.is_none_or(|last| slot.parent == Some(last)),
                    "{slot:?} after {last:?}"
                );
                assert_eq!(slot.status(), SlotStatus::SlotFinalized);
                last = Some(slot.slot);
            }
            _ => {}
        }
    }
    assert!(metas > 10);
    let tip = client
        .get_slot(Some(CommitmentLevel::Processed))
        .await
        .expect("a slot")
        .slot;
    assert!(rpc.get_slot().await.expect("a slot").abs_diff(tip) < 20);
}

#[test]
fn a_file_that_is_no_program_is_refused() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("broken.so");
    std::fs::write(&file, b"\x7fELF and then nothing that could run").expect("written");
    let program = format!("SUrFPooLSUrFPooLSUrFPooLSUrFPooLSUrFPooLSUr={}", file.display());
    let output = command(&["--program", &program])
        .stderr(Stdio::piped())
        .output()
        .expect("it runs");
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && output.stdout.is_empty());
    assert!(
        message.contains("broken.so") && message.contains("could not be deployed"),
        "{message}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn confirmed_content_agrees_with_rpc_and_memory_is_modest() {
    let network = Network::start(&[]);
    let rpc = network.rpc();
    let payer = funded(&rpc).await;
    let payee = Keypair::new();
    let mut client = connect(&network.ready.grpc_url).await;
    let only = SubscribeRequestFilterAccounts {
        account: vec![payee.pubkey().to_string()],
        ..Default::default()
    };
    let request = SubscribeRequest {
        accounts: one("payee", only),
        commitment: Some(CommitmentLevel::Confirmed.into()),
        ..Default::default()
    };
    let mut stream = client.subscribe_once(request).await.expect("subscribed");
    for round in 1..=100 {
        pay(&rpc, &payer, &payee, SOL / 100 + round).await;
    }
    let total = SOL + (1..=100).sum::<u64>();
    let mut slots = Vec::new();
    loop {
        let update = next(&mut stream).await.expect("an update");
        slots.push(account(&update).expect("only accounts were asked for").slot);
        if lamports(&update, &payee) == Some(total) {
            break;
        }
    }
    assert!(
        slots.is_sorted_by(|left, right| left < right),
        "one write per bank: {slots:?}"
    );
    assert_eq!(rpc.get_balance(&payee.pubkey()).await.expect("a balance"), total);
    let resident = network.resident_mib();
    println!("resident: {resident} MiB");
    assert!(resident < 500, "{resident} MiB");
}

#[test]
fn a_taken_port_is_a_clear_error_before_anything_starts() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("its address").port().to_string();
    for flag in ["--rpc-port", "--ws-port", "--grpc-port"] {
        let output = command(&[flag, &port])
            .stderr(Stdio::piped())
            .output()
            .expect("it runs");
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && output.stdout.is_empty());
        assert!(
            message.contains(&format!("port {port}")) && message.contains(flag),
            "{message}"
        );
        assert!(message.contains("already in use"), "{message}");
    }
}

#[test]
fn missing_programs_are_named() {
    let output = Command::new(env!("CARGO_BIN_EXE_gantry-localnet"))
        .args([
            "--idl-dir",
            "nowhere",
            "--rpc-port",
            "0",
            "--ws-port",
            "0",
            "--grpc-port",
            "0",
        ])
        .output()
        .expect("it runs");
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(
        message.contains("registry.json") && message.contains("cargo xtask programs build"),
        "{message}"
    );
}

#[test]
fn it_ends_with_its_parent_and_takes_its_ready_file_along() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("ready.json");
    let mut network = Network::start(&["--exit-with-parent", "--ready-file", file.to_str().expect("a name")]);
    let written: Ready = serde_json::from_slice(&std::fs::read(&file).expect("the ready file")).expect("whole");
    assert_eq!(written, network.ready);
    assert!(network.child.try_wait().expect("a state").is_none(), "it still runs");
    drop(network.child.stdin.take());
    let start = Instant::now();
    let status = network.child.wait().expect("it ends");
    assert!(status.success(), "{status}");
    assert!(start.elapsed() < PATIENCE);
    assert!(!file.exists());
    let rpc = network.ready.rpc_url.trim_start_matches("http://");
    TcpListener::bind(rpc).expect("the port is free again");
}
