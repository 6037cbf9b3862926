//! What the daemon asks of the chain: its node, a job and the time in one question, and posting a receipt.

use anyhow::Context as _;
use gantry_sdk::live_log::LogPlace;
use gantry_sdk::market::accounts::Job;
use gantry_sdk::receipt::{Receipt, precompile_instruction};
use gantry_sdk::registry::accounts::Node;
use gantry_sdk::seal::{Context, Opener};
use gantry_sdk::state::decode_account;
use gantry_sdk::{ClientError, Gantry, Keypair, Pubkey, Signature, ix};

const CLOCK: Pubkey = Pubkey::from_str_const("SysvarC1ock11111111111111111111111111111111");
/// Where the clock sysvar holds the Unix time.
const UNIX_TIME_AT: usize = 32;

/// What the chain says at one moment.
#[derive(Clone, Debug)]
pub struct Observation {
    /// This node's account; `None` if it is not listed.
    pub node: Option<Node>,
    /// The job that was asked for; `None` if it is closed.
    pub job: Option<Job>,
    /// The chain's time, Unix seconds.
    pub clock: i64,
    /// When the answer came, by this host's own clock.
    pub at: tokio::time::Instant,
}

/// The chain, and the keys that the daemon uses on it.
#[derive(Debug)]
pub struct Chain {
    /// The client.
    pub gantry: Gantry,
    /// This node's account.
    pub node: Pubkey,
    /// Signs receipts and nothing else.
    pub node_key: Keypair,
    /// Pays for transactions.
    pub operator: Keypair,
    /// Which cluster receipts are for.
    pub genesis_hash: [u8; 32],
}

impl Chain {
    /// Reads this node's account, the account of `job` and the clock, all as of one slot.
    ///
    /// # Errors
    /// If the server does not answer or an account does not decode.
    pub async fn observe(&self, job: Option<&Pubkey>) -> anyhow::Result<Observation> {
        let rpc = self.gantry.rpc();
        let addresses = [Some(self.node), Some(CLOCK), job.copied()];
        let addresses: Vec<Pubkey> = addresses.into_iter().flatten().collect();
        let answer = rpc
            .get_multiple_accounts_with_commitment(&addresses, rpc.commitment())
            .await?;
        let mut accounts = answer.value.into_iter();
        let mut next = || accounts.next().flatten();
        let node = next().filter(|account| account.owner == gantry_sdk::registry::ID);
        let node = node.map(|account| decode_account::<Node>(&account.data)).transpose()?;
        let clock = next().context("the server has no clock")?;
        let clock = clock
            .data
            .get(UNIX_TIME_AT..UNIX_TIME_AT + 8)
            .and_then(|bytes| bytes.try_into().ok());
        let job = next().filter(|account| account.owner == gantry_sdk::market::ID);
        let job = job.map(|account| decode_account::<Job>(&account.data)).transpose()?;
        let clock = clock
            .map(i64::from_le_bytes)
            .context("the server's clock does not decode")?;
        Ok(Observation {
            node,
            job,
            clock,
            at: tokio::time::Instant::now(),
        })
    }

    /// What opens the sealed blobs of `job`.
    pub fn opener(&self, job: Pubkey) -> Opener<'_> {
        Opener {
            key: &self.node_key,
            context: Context {
                genesis_hash: self.genesis_hash,
                job,
            },
        }
    }

    /// Where the parts of a log belong.
    pub fn log_place(&self, job: Pubkey, assignment: u32) -> LogPlace {
        LogPlace {
            context: self.opener(job).context,
            assignment,
        }
    }

    /// Carries a receipt to the market: sequence 0 starts the job, any other proves it.
    ///
    /// # Errors
    /// As [`Gantry::send`].
    pub async fn post(&self, job: &Job, receipt: &Receipt) -> Result<Signature, ClientError> {
        let market = if receipt.sequence == 0 {
            ix::start_job(job)
        } else {
            ix::submit_proof(job)
        };
        let instructions = [precompile_instruction(receipt, &self.node_key), market];
        self.gantry.send(&instructions, &self.operator, &[]).await
    }
}
