//! What the indexer asks of the JSON-RPC: whole programs and single accounts, each with the slot that the answer is from.

use std::collections::HashMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use solana_rpc_client::nonblocking::rpc_client::RpcClient;
use solana_rpc_client_api::client_error::Error as ClientError;
use solana_rpc_client_api::request::RpcRequest;
use solana_rpc_client_api::response::{OptionalContext, Response, RpcKeyedAccount, UiAccount};

use crate::{Key, Signature, key};

/// Most accounts that a node gives at once.
const MAX_ACCOUNTS: usize = 100;
/// Most signatures that a node gives at once.
const MAX_SIGNATURES: usize = 1_000;

/// Why the chain could not be read.
#[derive(Debug, thiserror::Error)]
pub enum RpcError {
    /// The request failed.
    #[error("{method} failed: {source}")]
    Request {
        /// The method.
        method: RpcRequest,
        /// What went wrong.
        #[source]
        source: Box<ClientError>,
    },
    /// The answer is not what the method gives.
    #[error("{method}: {what}")]
    Answer {
        /// The method.
        method: RpcRequest,
        /// What is wrong with it.
        what: &'static str,
    },
}

/// An account as the chain has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainAccount {
    /// Owner.
    pub owner: Key,
    /// Data.
    pub data: Vec<u8>,
}

/// Something as it was at a slot.
#[derive(Clone, Debug)]
pub struct At<T> {
    /// The slot.
    pub slot: u64,
    /// The thing.
    pub value: T,
}

/// What a transaction logged.
#[derive(Clone, Debug)]
pub struct Logs {
    /// Time of its block, Unix seconds.
    pub block_time: Option<i64>,
    /// The lines; none where the endpoint did not keep them.
    pub lines: Option<Vec<String>>,
}

/// A JSON-RPC endpoint.
#[derive(Clone)]
pub struct Chain {
    client: std::sync::Arc<RpcClient>,
}

impl Chain {
    /// The endpoint at `url`, for example `http://127.0.0.1:8899`.
    #[must_use]
    pub fn new(url: String) -> Self {
        Self {
            client: RpcClient::new_with_timeout(url, Duration::from_secs(60)).into(),
        }
    }

    async fn ask<T: serde::de::DeserializeOwned>(
        &self,
        method: RpcRequest,
        params: serde_json::Value,
    ) -> Result<T, RpcError> {
        let source = |error| RpcError::Request {
            method,
            source: Box::new(error),
        };
        self.client.send(method, params).await.map_err(source)
    }

    /// The hash that names the cluster.
    ///
    /// # Errors
    /// Where the endpoint does not answer.
    pub async fn genesis_hash(&self) -> Result<String, RpcError> {
        self.ask(RpcRequest::GetGenesisHash, serde_json::Value::Null).await
    }

    /// The newest confirmed slot.
    ///
    /// # Errors
    /// Where the endpoint does not answer.
    pub async fn slot(&self) -> Result<u64, RpcError> {
        self.ask(RpcRequest::GetSlot, json!([{ "commitment": "confirmed" }]))
            .await
    }

    /// Every account of `program`, not from before `min_slot`.
    ///
    /// # Errors
    /// Where the endpoint does not answer, or has not reached the slot.
    pub async fn program_accounts(
        &self,
        program: &Key,
        min_slot: u64,
        commitment: &str,
    ) -> Result<At<Vec<(Key, ChainAccount)>>, RpcError> {
        let method = RpcRequest::GetProgramAccounts;
        let wrong = |what| RpcError::Answer { method, what };
        let config = json!({
            "encoding": "base64", "commitment": commitment, "withContext": true, "minContextSlot": min_slot,
        });
        let answer: OptionalContext<Vec<RpcKeyedAccount>> =
            self.ask(method, json!([key::text(program), config])).await?;
        let OptionalContext::Context(answer) = answer else {
            return Err(wrong("the answer does not say which slot it is from"));
        };
        if answer.context.slot < min_slot {
            return Err(wrong("the endpoint is behind"));
        }
        let accounts = answer.value.into_iter().map(|keyed| {
            let address = key::parse(&keyed.pubkey).ok_or_else(|| wrong("an address is malformed"))?;
            Ok((address, account(&keyed.account).map_err(wrong)?))
        });
        Ok(At {
            slot: answer.context.slot,
            value: accounts.collect::<Result<_, RpcError>>()?,
        })
    }

    /// The accounts at `addresses`, in their order; none for one that does not exist. The slot is the oldest that an
    /// answer came from.
    ///
    /// # Errors
    /// Where the endpoint does not answer.
    pub async fn accounts(
        &self,
        addresses: &[Key],
        commitment: &str,
    ) -> Result<At<Vec<Option<ChainAccount>>>, RpcError> {
        let method = RpcRequest::GetMultipleAccounts;
        let wrong = |what| RpcError::Answer { method, what };
        let mut found = At {
            slot: u64::MAX,
            value: Vec::with_capacity(addresses.len()),
        };
        for addresses in addresses.chunks(MAX_ACCOUNTS) {
            let texts: Vec<_> = addresses.iter().map(|address| key::text(address)).collect();
            let config = json!({ "encoding": "base64", "commitment": commitment });
            let answer: Response<Vec<Option<UiAccount>>> = self.ask(method, json!([texts, config])).await?;
            if answer.value.len() != addresses.len() {
                return Err(wrong("the answer has another number of accounts"));
            }
            found.slot = found.slot.min(answer.context.slot);
            for one in &answer.value {
                found.value.push(one.as_ref().map(account).transpose().map_err(wrong)?);
            }
        }
        Ok(found)
    }

    /// The oldest block whose transactions the endpoint has.
    ///
    /// # Errors
    /// Where the endpoint does not answer.
    pub async fn first_available_block(&self) -> Result<u64, RpcError> {
        self.ask(RpcRequest::GetFirstAvailableBlock, serde_json::Value::Null)
            .await
    }

    /// The transactions that succeeded and name `address`, in slots `from` to `to`, both included, newest first.
    ///
    /// # Errors
    /// Where the endpoint does not answer.
    pub async fn signatures(&self, address: &Key, from: u64, to: u64) -> Result<Vec<(u64, Signature)>, RpcError> {
        let method = RpcRequest::GetSignaturesForAddress;
        let mut found = Vec::new();
        let mut before: Option<String> = None;
        loop {
            let config = json!({ "commitment": "finalized", "limit": MAX_SIGNATURES, "before": before });
            let page: Vec<SignatureInfo> = self.ask(method, json!([key::text(address), config])).await?;
            for info in &page {
                let signature = key::parse_signature(&info.signature).ok_or(RpcError::Answer {
                    method,
                    what: "a signature is malformed",
                })?;
                if info.err.is_none() && (from..=to).contains(&info.slot) {
                    found.push((info.slot, signature));
                }
            }
            match page.last() {
                Some(last) if page.len() == MAX_SIGNATURES && last.slot >= from => {
                    before = Some(last.signature.clone());
                }
                _ => return Ok(found),
            }
        }
    }

    /// The place of every transaction in the block of `slot`.
    ///
    /// # Errors
    /// Where the endpoint does not answer.
    pub async fn block_order(&self, slot: u64) -> Result<HashMap<Signature, u64>, RpcError> {
        let config = json!({
            "commitment": "finalized", "transactionDetails": "signatures", "rewards": false,
            "maxSupportedTransactionVersion": 0,
        });
        let block: Block = self.ask(RpcRequest::GetBlock, json!([slot, config])).await?;
        let places = block.signatures.iter().zip(0..);
        Ok(places
            .filter_map(|(signature, place)| Some((key::parse_signature(signature)?, place)))
            .collect())
    }

    /// What the transaction logged; none where the endpoint does not have it.
    ///
    /// # Errors
    /// Where the endpoint does not answer.
    pub async fn logs(&self, signature: &Signature) -> Result<Option<Logs>, RpcError> {
        let config = json!({ "commitment": "finalized", "encoding": "base64", "maxSupportedTransactionVersion": 0 });
        let method = RpcRequest::GetTransaction;
        let found: Option<Executed> = self.ask(method, json!([key::text(signature), config])).await?;
        Ok(found.map(|found| Logs {
            block_time: found.block_time,
            lines: found.meta.and_then(|meta| meta.log_messages),
        }))
    }
}

#[derive(Deserialize)]
struct SignatureInfo {
    signature: String,
    slot: u64,
    err: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Block {
    signatures: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Executed {
    block_time: Option<i64>,
    meta: Option<Meta>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    log_messages: Option<Vec<String>>,
}

fn account(account: &UiAccount) -> Result<ChainAccount, &'static str> {
    Ok(ChainAccount {
        owner: key::parse(&account.owner).ok_or("an owner is malformed")?,
        data: account.data.decode().ok_or("an account's data is malformed")?,
    })
}
