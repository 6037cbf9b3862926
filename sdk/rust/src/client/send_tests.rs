//! Sending, to a server that says what a cluster would.

use super::{ClientError, Gantry, PriorityFee, Review};
use crate::{Instruction, Keypair, Pubkey, Signature, Signer};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use solana_commitment_config::CommitmentConfig;
use solana_instruction::AccountMeta;
use solana_rpc_client::{
    nonblocking::rpc_client::RpcClient,
    rpc_client::RpcClientConfig,
    rpc_sender::{RpcSender, RpcTransportStats},
};
use solana_rpc_client_api::{client_error, request::RpcRequest};
use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
};

/// Blocks that a blockhash lasts at this server.
const LIFE: u64 = 10;

/// What the server has been asked and sent.
#[derive(Default)]
struct Log {
    blockhashes: u8,
    sent: Vec<Vec<u8>>,
    simulations: usize,
}

/// A cluster that takes a transaction of the `taken`th blockhash, and none of an earlier one.
struct Cluster {
    taken: u8,
    log: Arc<Mutex<Log>>,
}

impl Cluster {
    fn answer(&self, request: &RpcRequest, params: &Value) -> Value {
        let mut log = self.log.lock().expect("not poisoned");
        let in_slot = |value: Value| json!({ "context": { "slot": 5 }, "value": value });
        match request {
            RpcRequest::GetLatestBlockhash => {
                log.blockhashes += 1;
                let blockhash = Pubkey::from([log.blockhashes; 32]).to_string();
                in_slot(json!({ "blockhash": blockhash, "lastValidBlockHeight": u64::from(log.blockhashes) * LIFE }))
            }
            RpcRequest::SimulateTransaction => {
                log.simulations += 1;
                let accounts = params[1]["accounts"]["addresses"]
                    .as_array()
                    .map(|all| vec![Value::Null; all.len()]);
                in_slot(json!({
                    "err": null, "logs": [], "accounts": accounts, "unitsConsumed": 1_000, "fee": 5_000,
                }))
            }
            RpcRequest::GetMultipleAccounts => {
                let count = params[0].as_array().map_or(0, Vec::len);
                in_slot(json!(vec![Value::Null; count]))
            }
            RpcRequest::GetRecentPrioritizationFees => json!([{ "slot": 4, "prioritizationFee": 9 }]),
            RpcRequest::SendTransaction => {
                let bytes = BASE64_STANDARD.decode(params[0].as_str().unwrap_or_default());
                let bytes = bytes.expect("a transaction");
                let signature = Signature::try_from(&bytes[1..65]).expect("signed");
                log.sent.push(bytes);
                json!(signature.to_string())
            }
            // The first blockhash of a send is that of the simulation.
            RpcRequest::GetSignatureStatuses if log.blockhashes > self.taken => in_slot(json!([{
                "slot": 7, "confirmations": 1, "err": null, "status": { "Ok": null }, "confirmationStatus": "confirmed",
            }])),
            RpcRequest::GetSignatureStatuses => in_slot(json!([null])),
            RpcRequest::GetBlockHeight => json!(u64::from(log.blockhashes) * LIFE + 1),
            other => panic!("nobody asks for {other:?}"),
        }
    }
}

impl RpcSender for Cluster {
    fn send<'a, 'b>(
        &'a self,
        request: RpcRequest,
        params: Value,
    ) -> Pin<Box<dyn Future<Output = Result<Value, client_error::Error>> + Send + 'b>>
    where
        'a: 'b,
        Self: 'b,
    {
        Box::pin(async move { Ok(self.answer(&request, &params)) })
    }

    fn get_transport_stats(&self) -> RpcTransportStats {
        RpcTransportStats::default()
    }

    fn url(&self) -> String {
        "http://cluster".into()
    }
}

fn cluster(taken: u8) -> (Gantry, Arc<Mutex<Log>>) {
    let log = Arc::default();
    let cluster = Cluster {
        taken,
        log: Arc::clone(&log),
    };
    let config = RpcClientConfig::with_commitment(CommitmentConfig::confirmed());
    let gantry = Gantry {
        rpc: Arc::new(RpcClient::new_sender(cluster, config)),
        review: None,
        fee: PriorityFee::default(),
        rehearsed: None,
    };
    (gantry, log)
}

fn instruction(payer: &Keypair) -> Instruction {
    Instruction {
        program_id: Pubkey::from([9; 32]),
        accounts: vec![AccountMeta::new(payer.pubkey(), true)],
        data: vec![1],
    }
}

#[tokio::test]
async fn one_that_has_expired_is_sent_again_with_a_fresh_blockhash() {
    let (gantry, log) = cluster(2);
    let payer = Keypair::new();
    let sent = gantry.send(&[instruction(&payer)], &payer, &[]).await.expect("taken");
    let log = log.lock().expect("not poisoned");
    assert_eq!((log.blockhashes, log.sent.len(), log.simulations), (3, 2, 1));
    assert_eq!(&log.sent[1][1..65], sent.as_ref(), "the one that was taken");
    assert_ne!(log.sent[0], log.sent[1]);
}

#[tokio::test]
async fn one_that_is_never_taken_is_given_up() {
    let (gantry, log) = cluster(u8::MAX);
    let payer = Keypair::new();
    let error = gantry
        .send(&[instruction(&payer)], &payer, &[])
        .await
        .expect_err("never");
    assert!(matches!(error, ClientError::Expired(_)), "{error}");
    assert_eq!(log.lock().expect("not poisoned").sent.len(), 3);
}

#[tokio::test]
async fn what_others_paid_of_late_is_paid_and_a_fixed_price_asks_nobody() {
    for (fee, price) in [(PriorityFee::Recent, 9_u64), (PriorityFee::Fixed(4), 4)] {
        let (gantry, log) = cluster(1);
        let payer = Keypair::new();
        let gantry = gantry.priority_fee(fee);
        gantry.send(&[instruction(&payer)], &payer, &[]).await.expect("taken");
        let log = log.lock().expect("not poisoned");
        // The compute budget program's instruction 3, with the price.
        let wanted = [&[3][..], &price.to_le_bytes()].concat();
        assert!(
            log.sent[0].windows(wanted.len()).any(|bytes| bytes == wanted),
            "{price}"
        );
    }
}

#[tokio::test]
async fn a_rehearsal_sends_nothing_and_goes_on() {
    let (gantry, log) = cluster(1);
    let seen: Arc<Mutex<usize>> = Arc::default();
    let count = Arc::clone(&seen);
    let review: Arc<Review> = Arc::new(move |_| {
        *count.lock().expect("not poisoned") += 1;
        Ok(())
    });
    let gantry = gantry.rehearsing(review);
    let payer = Keypair::new();
    for _ in 0..2 {
        let signature = gantry
            .send(&[instruction(&payer)], &payer, &[])
            .await
            .expect("rehearsed");
        assert_eq!(signature, Signature::default());
    }
    assert_eq!(log.lock().expect("not poisoned").sent.len(), 0);
    assert_eq!(*seen.lock().expect("not poisoned"), 2);
}
