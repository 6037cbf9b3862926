//! What the indexer asks of the JSON-RPC: whole programs and single accounts, each with the slot that the answer is from.

use std::time::Duration;

use serde_json::json;
use solana_rpc_client::nonblocking::rpc_client::RpcClient;
use solana_rpc_client_api::client_error::Error as ClientError;
use solana_rpc_client_api::request::RpcRequest;
use solana_rpc_client_api::response::{OptionalContext, Response, RpcKeyedAccount, UiAccount};

use crate::{Key, key};

/// Most accounts that a node gives at once.
const MAX_ACCOUNTS: usize = 100;

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

/// A JSON-RPC endpoint.
pub struct Chain {
    client: RpcClient,
}

impl Chain {
    /// The endpoint at `url`, for example `http://127.0.0.1:8899`.
    #[must_use]
    pub fn new(url: String) -> Self {
        Self {
            client: RpcClient::new_with_timeout(url, Duration::from_secs(60)),
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
    ) -> Result<At<Vec<(Key, ChainAccount)>>, RpcError> {
        let method = RpcRequest::GetProgramAccounts;
        let wrong = |what| RpcError::Answer { method, what };
        let config = json!({
            "encoding": "base64", "commitment": "confirmed", "withContext": true, "minContextSlot": min_slot,
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
    pub async fn accounts(&self, addresses: &[Key]) -> Result<At<Vec<Option<ChainAccount>>>, RpcError> {
        let method = RpcRequest::GetMultipleAccounts;
        let wrong = |what| RpcError::Answer { method, what };
        let mut found = At {
            slot: u64::MAX,
            value: Vec::with_capacity(addresses.len()),
        };
        for addresses in addresses.chunks(MAX_ACCOUNTS) {
            let texts: Vec<_> = addresses.iter().map(|address| key::text(address)).collect();
            let config = json!({ "encoding": "base64", "commitment": "confirmed" });
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
}

fn account(account: &UiAccount) -> Result<ChainAccount, &'static str> {
    Ok(ChainAccount {
        owner: key::parse(&account.owner).ok_or("an owner is malformed")?,
        data: account.data.decode().ok_or("an account's data is malformed")?,
    })
}
