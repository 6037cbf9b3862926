//! The Yellowstone service over a chain made by hand, seen through the real client.

mod common;
mod service {
    pub(crate) mod server;
}

use std::sync::Arc;
use std::time::Duration;

use common::{everything, name, names_until, next, one};
use futures::{SinkExt, StreamExt};
use gantry_localnet::faults::Fate;
use gantry_localnet::source::Assembler;
use gantry_localnet::{Limits, ServiceOptions};
use service::server::{ROOMY, Server};
use yellowstone_grpc_client::GeyserGrpcClient;
use yellowstone_grpc_proto::prelude::subscribe_update::UpdateOneof;
use yellowstone_grpc_proto::prelude::{
    CommitmentLevel, SubscribeRequest, SubscribeRequestAccountsDataSlice, SubscribeRequestFilterAccounts,
    SubscribeRequestFilterBlocks, SubscribeRequestFilterSlots, SubscribeRequestPing,
};
use yellowstone_grpc_proto::tonic::Code;

fn live(slot: u64, parent: u64) -> Vec<String> {
    let lines = [
        format!("{slot} first_shred_received on {parent}"),
        format!("{slot} created_bank on {parent}"),
        format!("{slot} account 1 = 10"),
        format!("{slot} account 2 = 20"),
        format!("{slot} account 1 = 11"),
        format!("{slot} transaction"),
        format!("{slot} entry"),
        format!("{slot} meta on {parent}"),
        format!("{slot} completed on {parent}"),
        format!("{slot} processed on {parent}"),
        format!("{slot} confirmed on {parent}"),
    ];
    lines.into()
}

#[tokio::test(flavor = "multi_thread")]
async fn processed_is_content_then_meta_then_statuses_with_the_true_parent() {
    let mut server = Server::start(ROOMY).await;
    server.block(40);
    let request = SubscribeRequest {
        from_slot: Some(40),
        ..everything(CommitmentLevel::Processed)
    };
    let mut stream = server.client().await.subscribe_once(request).await.expect("subscribed");
    assert_eq!(names_until(&mut stream, "40 confirmed on 39").await, live(40, 39));
    // A jump in time: the parent is the last block, not the slot before.
    server.block(50);
    assert_eq!(names_until(&mut stream, "50 confirmed on 40").await, live(50, 40));
    // One root covers all older slots.
    server.chain.rooted(50);
    assert_eq!(
        names_until(&mut stream, "50 finalized on 40").await,
        ["40 finalized on 39", "50 finalized on 40"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn confirmed_and_finalized_carry_one_write_per_account() {
    for (commitment, status) in [
        (CommitmentLevel::Confirmed, "confirmed"),
        (CommitmentLevel::Finalized, "finalized"),
    ] {
        let mut server = Server::start(ROOMY).await;
        server.block(40);
        server.block(41);
        server.chain.rooted(41);
        let mut request = SubscribeRequest {
            from_slot: Some(41),
            ..everything(commitment)
        };
        request.slots = one(
            "slots",
            SubscribeRequestFilterSlots {
                filter_by_commitment: Some(true),
                ..Default::default()
            },
        );
        let mut stream = server.client().await.subscribe_once(request).await.expect("subscribed");
        let expected = [
            "41 account 2 = 20",
            "41 account 1 = 11",
            "41 transaction",
            "41 entry",
            "41 meta on 40",
        ];
        let mut expected: Vec<String> = expected.map(str::to_owned).into();
        expected.push(format!("41 {status} on 40"));
        let last = expected.last().expect("a status").clone();
        assert_eq!(names_until(&mut stream, &last).await, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_below_what_is_kept_is_out_of_range() {
    let mut server = Server::start(Limits {
        slots: 4,
        bytes: 64 << 20,
    })
    .await;
    for slot in 40..60 {
        server.block(slot);
        server.chain.rooted(slot);
    }
    let mut client = server.client().await;
    let first = client
        .subscribe_replay_info()
        .await
        .expect("an answer")
        .first_available
        .expect("a slot");
    assert_eq!(first, 56);
    let too_old = SubscribeRequest {
        from_slot: Some(first - 1),
        ..everything(CommitmentLevel::Processed)
    };
    let mut stream = client.subscribe_once(too_old).await.expect("subscribed");
    let status = next(&mut stream).await.expect_err("the slot is gone");
    assert_eq!(status.code(), Code::OutOfRange, "{status}");
    let oldest = SubscribeRequest {
        from_slot: Some(first),
        ..everything(CommitmentLevel::Processed)
    };
    let mut stream = client.subscribe_once(oldest).await.expect("subscribed");
    assert_eq!(
        name(&next(&mut stream).await.expect("an update")),
        "56 first_shred_received on 55"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_supported_is_refused() {
    let server = Server::start(ROOMY).await;
    let mut client = server.client().await;
    let requests = [
        SubscribeRequest {
            blocks: one("b", SubscribeRequestFilterBlocks::default()),
            ..Default::default()
        },
        SubscribeRequest {
            block_footer: one("f", Default::default()),
            ..Default::default()
        },
        SubscribeRequest {
            commitment: Some(9),
            ..Default::default()
        },
        SubscribeRequest {
            accounts: one(
                "a",
                SubscribeRequestFilterAccounts {
                    cuckoo_accounts_filter: Some(Default::default()),
                    ..Default::default()
                },
            ),
            ..Default::default()
        },
    ];
    for request in requests {
        let mut stream = client.subscribe_once(request).await.expect("subscribed");
        let status = next(&mut stream).await.expect_err("must be refused");
        assert_eq!(status.code(), Code::InvalidArgument, "{status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ping_is_answered_and_leaves_the_filters_alone() {
    let mut server = Server::start(ROOMY).await;
    server.block(40);
    let request = SubscribeRequest {
        from_slot: Some(40),
        ..everything(CommitmentLevel::Processed)
    };
    let (mut sink, mut stream) = server
        .client()
        .await
        .subscribe_with_request(Some(request))
        .await
        .expect("subscribed");
    names_until(&mut stream, "40 confirmed on 39").await;
    let ping = SubscribeRequest {
        ping: Some(SubscribeRequestPing { id: 5 }),
        ..Default::default()
    };
    sink.send(ping).await.expect("sent");
    assert_eq!(names_until(&mut stream, "pong 5").await, ["pong 5"]);
    server.block(41);
    assert_eq!(names_until(&mut stream, "41 confirmed on 40").await, live(41, 40));
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_can_be_swapped_mid_stream() {
    let mut server = Server::start(ROOMY).await;
    server.block(40);
    let request = SubscribeRequest {
        from_slot: Some(40),
        ..everything(CommitmentLevel::Processed)
    };
    let (mut sink, mut stream) = server
        .client()
        .await
        .subscribe_with_request(Some(request))
        .await
        .expect("subscribed");
    names_until(&mut stream, "40 confirmed on 39").await;
    let only = SubscribeRequestFilterAccounts {
        account: vec![bs58::encode([2; 32]).into_string()],
        ..Default::default()
    };
    let swapped = SubscribeRequest {
        accounts: one("two", only),
        accounts_data_slice: vec![SubscribeRequestAccountsDataSlice { offset: 0, length: 0 }],
        // Answered once the filters of the same request are in place.
        ping: Some(SubscribeRequestPing { id: 1 }),
        ..Default::default()
    };
    sink.send(swapped).await.expect("sent");
    names_until(&mut stream, "pong 1").await;
    server.block(41);
    let update = next(&mut stream).await.expect("an update");
    assert_eq!(
        (name(&update).as_str(), update.filters),
        ("41 account 2 = 20", vec!["two".to_owned()])
    );
    let Some(UpdateOneof::Account(account)) = update.update_oneof else {
        panic!("an account was expected")
    };
    assert!(
        account.account.expect("an account").data.is_empty(),
        "the slice is empty"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_are_pinged() {
    let options = ServiceOptions {
        ping_interval: Duration::from_millis(20),
        ..ServiceOptions::default()
    };
    let server = Server::with_options(ROOMY, options).await;
    let mut stream = server
        .client()
        .await
        .subscribe_once(SubscribeRequest::default())
        .await
        .expect("subscribed");
    for _ in 0..2 {
        let update = tokio::time::timeout(common::PATIENCE, stream.next())
            .await
            .expect("in time");
        let update = update.expect("the stream goes on").expect("an update");
        assert!(matches!(update.update_oneof, Some(UpdateOneof::Ping(_))), "{update:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_falls_behind_is_disconnected_with_an_error_and_memory_stays_bounded() {
    let limits = Limits {
        slots: 1024,
        bytes: 1 << 20,
    };
    let mut server = Server::start(limits).await;
    server.block(40);
    let request = SubscribeRequest {
        from_slot: Some(40),
        ..everything(CommitmentLevel::Processed)
    };
    let mut stream = server.client().await.subscribe_once(request).await.expect("subscribed");
    // Its first update shows that the subscription has its place before the history moves on.
    next(&mut stream).await.expect("the block at which it starts");
    // Far more than the connection and the client's buffer can take while it does not read.
    for slot in 41..1041 {
        server.write(slot, 1, slot, vec![0; 64 << 10]);
        server.seal(slot);
        server.chain.rooted(slot);
        // Lets the subscription run: it must stop on its own full buffer, not for lack of a turn.
        tokio::task::yield_now().await;
    }
    let held = server.ledger.held();
    assert!(held.bytes <= limits.bytes + (128 << 10), "{held:?}");
    let status = loop {
        match next(&mut stream).await {
            Ok(_) => {}
            Err(status) => break status,
        }
    };
    assert_eq!(status.code(), Code::DataLoss, "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn unary_calls_answer_per_commitment() {
    let mut server = Server::start(ROOMY).await;
    let mut client = server.client().await;
    client.get_slot(None).await.expect_err("no block yet");
    for slot in 40..80 {
        server.block(slot);
    }
    server.chain.rooted(49);
    let slot = |level: CommitmentLevel| Some(level);
    assert_eq!(
        client
            .get_slot(slot(CommitmentLevel::Processed))
            .await
            .expect("a slot")
            .slot,
        79
    );
    assert_eq!(
        client
            .get_slot(slot(CommitmentLevel::Finalized))
            .await
            .expect("a slot")
            .slot,
        49
    );
    assert_eq!(client.get_block_height(None).await.expect("a height").block_height, 79);
    let latest = client
        .get_latest_blockhash(slot(CommitmentLevel::Confirmed))
        .await
        .expect("a hash");
    assert_eq!(
        (latest.blockhash.as_str(), latest.last_valid_block_height),
        ("hash79", 229)
    );
    assert!(
        client
            .is_blockhash_valid("hash60".to_owned(), None)
            .await
            .expect("an answer")
            .valid
    );
    assert!(
        !client
            .is_blockhash_valid("hash99".to_owned(), None)
            .await
            .expect("an answer")
            .valid
    );
    let finalized = slot(CommitmentLevel::Finalized);
    assert!(
        !client
            .is_blockhash_valid("hash60".to_owned(), finalized)
            .await
            .expect("an answer")
            .valid
    );
    assert_eq!(client.ping(3).await.expect("a pong").count, 3);
    assert!(
        client
            .get_version()
            .await
            .expect("a version")
            .version
            .contains("gantry-localnet")
    );
    // 1 is SERVING.
    assert_eq!(client.health_check().await.expect("health").status, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_slot_is_nobodys_parent() {
    let mut server = Server::start(ROOMY).await;
    server.block(40);
    server.write(41, 1, 10, vec![1]);
    server.block(42);
    let request = SubscribeRequest {
        from_slot: Some(41),
        ..everything(CommitmentLevel::Processed)
    };
    let mut stream = server.client().await.subscribe_once(request).await.expect("subscribed");
    let names = names_until(&mut stream, "42 confirmed on 40").await;
    assert_eq!(names[3..5], ["41 dead on 40", "42 first_shred_received on 40"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_comes_before_the_chains_own_blocks_and_only_on_request() {
    let options = ServiceOptions::default();
    let faults = options.faults.clone();
    let mut server = Server::with_options(ROOMY, options).await;
    server.chain = Assembler::with_faults(Arc::clone(&server.ledger), faults.clone());
    server.block(40);
    faults.fork(2, Fate::Confirmed);
    server.block(41);
    server.block(42);
    server.block(43);
    let request = SubscribeRequest {
        from_slot: Some(41),
        ..everything(CommitmentLevel::Processed)
    };
    let mut stream = server.client().await.subscribe_once(request).await.expect("subscribed");
    let names = names_until(&mut stream, "43 confirmed on 42").await;
    let blocks: Vec<_> = names
        .iter()
        .filter(|name| name.contains("meta") || name.contains("confirmed"))
        .map(String::as_str)
        .collect();
    let expected = [
        "41 meta on 40",
        "41 confirmed on 40",
        "42 meta on 41",
        "42 confirmed on 41",
        "41 meta on 40",
        "41 confirmed on 40",
        "42 meta on 41",
        "42 confirmed on 41",
        "43 meta on 42",
        "43 confirmed on 42",
    ];
    assert_eq!(blocks, expected);
    assert_eq!(faults.done()["confirmed and abandoned banks"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_asked_for() {
    let options = ServiceOptions {
        token: Some("secret".to_owned()),
        ..ServiceOptions::default()
    };
    let mut server = Server::with_options(ROOMY, options).await;
    server.block(40);
    let status = server
        .client()
        .await
        .get_slot(None)
        .await
        .expect_err("refused")
        .to_string();
    assert!(status.contains("x-token"), "{status}");
    let mut client = GeyserGrpcClient::build_from_shared(server.url.clone())
        .and_then(|client| client.x_token(Some("secret")))
        .expect("a client")
        .connect()
        .await
        .expect("the server listens");
    assert_eq!(client.get_slot(None).await.expect("a slot").slot, 40);
}
