//! The service over a chain made by hand.

use std::sync::Arc;

use gantry_localnet::ledger::TransactionItem;
use gantry_localnet::source::{AccountState, Assembler, BlockFacts};
use gantry_localnet::{Ledger, Limits, ServiceOptions, service};
use tokio::sync::watch;
use yellowstone_grpc_client::GeyserGrpcClient;
use yellowstone_grpc_proto::prelude::SubscribeUpdateEntry;

use crate::common::connect;

pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) chain: Assembler,
    /// Ends the server when it is dropped.
    _closing: watch::Sender<bool>,
}

impl Server {
    pub(crate) async fn start(limits: Limits) -> Self {
        Self::with_options(limits, ServiceOptions::default()).await
    }

    pub(crate) async fn with_options(limits: Limits, options: ServiceOptions) -> Self {
        let ledger = Arc::new(Ledger::new(limits));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let (closing, closed) = watch::channel(false);
        tokio::spawn(service::serve(listener, Arc::clone(&ledger), options, closed));
        Self {
            url,
            chain: Assembler::new(Arc::clone(&ledger)),
            ledger,
            _closing: closing,
        }
    }

    pub(crate) async fn client(&self) -> GeyserGrpcClient {
        connect(&self.url).await
    }

    pub(crate) fn write(&mut self, slot: u64, account: u8, lamports: u64, data: Vec<u8>) {
        let state = AccountState {
            lamports,
            owner: [7; 32],
            executable: false,
            rent_epoch: 0,
            data,
        };
        self.chain.account(slot, [account; 32], state, Some(vec![1; 64]));
    }

    pub(crate) fn seal(&mut self, slot: u64) {
        self.chain.closing(slot);
        self.chain.block(
            slot,
            BlockFacts {
                blockhash: format!("hash{slot}"),
                parent_blockhash: format!("hash{}", slot - 1),
                block_time: Some(1),
                block_height: Some(slot),
                executed_transaction_count: 0,
                entries_count: 1,
            },
        );
        self.chain.entry(SubscribeUpdateEntry {
            slot,
            ..Default::default()
        });
    }

    /// Account 1 written twice and account 2 once, and a transaction.
    pub(crate) fn block(&mut self, slot: u64) {
        self.write(slot, 1, 10, vec![1]);
        self.write(slot, 2, 20, vec![2]);
        self.write(slot, 1, 11, vec![1]);
        self.chain.transaction(
            slot,
            TransactionItem {
                info: Default::default(),
                keys: vec![],
                failed: false,
            },
        );
        self.seal(slot);
    }
}

/// More than any of these tests writes.
pub(crate) const ROOMY: Limits = Limits {
    slots: 1024,
    bytes: 64 << 20,
};
