//! What may happen to a job between its assignment and its end, and what anyone may push forward meanwhile.

use super::{ClientError, Gantry};
use crate::{
    AnySigner, Pubkey, Signature, ix,
    market::accounts::Job,
    pda,
    receipt::{self, Receipt},
};
use gantry_core::billing;

/// A receipt with the node key's signature over it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedReceipt {
    /// What was signed.
    pub receipt: Receipt,
    /// The signature.
    pub signature: [u8; 64],
}

impl Gantry {
    /// Base units that [`top_up_job`](Self::top_up_job) of `seconds` takes; `None` for a job that cannot run that long.
    ///
    /// ```no_run
    /// # use gantry_sdk::{Gantry, Pubkey};
    /// # async fn example(gantry: Gantry, job: Pubkey) -> Result<(), Box<dyn std::error::Error>> {
    /// let job = gantry.require_job(&job).await?;
    /// let cost = Gantry::top_up_cost(&job, 600).ok_or("it cannot run that long")?;
    /// println!("ten minutes more take {cost} base units");
    /// # Ok(())
    /// # }
    /// ```
    pub fn top_up_cost(job: &Job, seconds: u32) -> Option<u64> {
        let price = job.max_price_per_hour;
        let extended = billing::deposit(price, job.max_duration.checked_add(seconds)?)?;
        extended.checked_sub(billing::deposit(price, job.max_duration)?)
    }

    /// Extends a running job of `wallet` by `seconds`, and pays what that costs at the job's highest price.
    ///
    /// ```no_run
    /// # use gantry_sdk::{AnySigner, Gantry, Pubkey};
    /// # async fn example(gantry: Gantry, wallet: &AnySigner, job: Pubkey) -> Result<(), Box<dyn std::error::Error>> {
    /// gantry.top_up_job(wallet, &job, 600).await?; // ten minutes more
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ClientError::InsufficientTokens`] for a wallet that has less; as [`send`](Self::send).
    pub async fn top_up_job(
        &self,
        wallet: &AnySigner,
        address: &Pubkey,
        seconds: u32,
    ) -> Result<Signature, ClientError> {
        let job = self.jobs_owner(wallet, address).await?;
        let mint = self.mint_of(&job).await?;
        let cost = Self::top_up_cost(&job, seconds).ok_or_else(|| ClientError::OutOfBounds {
            field: "seconds",
            problem: format!("{seconds} more make the job too long or its deposit too large"),
        })?;
        let token = ix::MintRef {
            mint: job.mint,
            token_program: mint.token_program,
        };
        let source = self.require_tokens(&wallet.pubkey(), &token, cost).await?;
        self.send(&[ix::top_up_job(&job, &mint, &source, seconds)], wallet, &[])
            .await
    }

    /// Releases the first `seconds` that the node of a running job of `wallet` has proven, all of them for `None`: they
    /// may be claimed at once, and are beyond dispute.
    ///
    /// ```no_run
    /// # use gantry_sdk::{AnySigner, Gantry, Pubkey};
    /// # async fn example(gantry: Gantry, wallet: &AnySigner, job: Pubkey) -> Result<(), Box<dyn std::error::Error>> {
    /// gantry.acknowledge(wallet, &job, Some(3_600)).await?; // the first hour
    /// gantry.acknowledge(wallet, &job, None).await?; // all that is proven
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn acknowledge(
        &self,
        wallet: &AnySigner,
        address: &Pubkey,
        seconds: Option<u32>,
    ) -> Result<Signature, ClientError> {
        let job = self.jobs_owner(wallet, address).await?;
        let seconds = seconds.unwrap_or(job.served_seconds);
        self.send(&[ix::acknowledge(&job, seconds)], wallet, &[]).await
    }

    /// Takes a job of `wallet` to the council, with the market's dispute bond. `reason_hash` is the SHA-256 of the reason.
    ///
    /// ```no_run
    /// # use gantry_sdk::{AnySigner, Gantry, Pubkey};
    /// # async fn example(gantry: Gantry, wallet: &AnySigner, job: Pubkey) -> Result<(), Box<dyn std::error::Error>> {
    /// use gantry_sdk::Hash32;
    ///
    /// let reason = "the log shows that nothing was computed";
    /// gantry.dispute_job(wallet, &job, Hash32::of(reason.as_bytes()).0).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ClientError::InsufficientTokens`] for a wallet without the bond; as [`send`](Self::send).
    pub async fn dispute_job(
        &self,
        wallet: &AnySigner,
        address: &Pubkey,
        reason_hash: [u8; 32],
    ) -> Result<Signature, ClientError> {
        let job = self.jobs_owner(wallet, address).await?;
        let params = self.market_params().await?;
        let missing = || ClientError::NotFound {
            what: "market set-up at",
            address: pda::market_params().to_string(),
        };
        let bond = params.ok_or_else(missing)?.terms.dispute_bond;
        let token_program = self.mint_of(&job).await?.token_program;
        let token = ix::MintRef {
            mint: job.mint,
            token_program,
        };
        let source = self.require_tokens(&wallet.pubkey(), &token, bond).await?;
        let dispute = ix::dispute_job(&wallet.pubkey(), &job, &token_program, &source, reason_hash);
        self.send(&[dispute], wallet, &[]).await
    }

    /// Gives an assigned job back before it starts. `node_key` is the key of its node; `payer` pays the fee.
    ///
    /// ```no_run
    /// # use gantry_sdk::{AnySigner, Gantry, Pubkey};
    /// # async fn example(gantry: Gantry, operator: &AnySigner, node_key: &AnySigner, job: Pubkey) -> Result<(), Box<dyn std::error::Error>> {
    /// gantry.decline_assignment(operator, node_key, &job).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn decline_assignment(
        &self,
        payer: &AnySigner,
        node_key: &AnySigner,
        address: &Pubkey,
    ) -> Result<Signature, ClientError> {
        let job = self.require_job(address).await?;
        let decline = ix::decline_assignment(&node_key.pubkey(), &job);
        self.send(&[decline], payer, &[node_key]).await
    }

    /// Gives notice of the end of a running job. `node_key` is the key of its node; `payer` pays the fee.
    ///
    /// ```no_run
    /// # use gantry_sdk::{AnySigner, Gantry, Pubkey};
    /// # async fn example(gantry: Gantry, operator: &AnySigner, node_key: &AnySigner, job: Pubkey) -> Result<(), Box<dyn std::error::Error>> {
    /// gantry.end_job(operator, node_key, &job).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn end_job(
        &self,
        payer: &AnySigner,
        node_key: &AnySigner,
        address: &Pubkey,
    ) -> Result<Signature, ClientError> {
        let job = self.require_job(address).await?;
        self.send(&[ix::end_job(&node_key.pubkey(), &job)], payer, &[node_key])
            .await
    }

    /// Pays what a running job has released and not paid yet. Anyone may; `payer` pays the fee, and the rent of the
    /// provider's token account where it has none.
    ///
    /// ```no_run
    /// # use gantry_sdk::{AnySigner, Gantry, Pubkey};
    /// # async fn example(gantry: Gantry, wallet: &AnySigner, job: Pubkey) -> Result<(), Box<dyn std::error::Error>> {
    /// match gantry.claim(wallet, &job).await {
    ///     Err(error) if error.is_refusal("NothingDue") => println!("all that is due was paid"),
    ///     other => println!("paid in {}", other?),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`send`](Self::send); a refusal named `NothingDue` where all is paid.
    pub async fn claim(&self, payer: &AnySigner, address: &Pubkey) -> Result<Signature, ClientError> {
        let job = self.require_job(address).await?;
        let mint = self.mint_of(&job).await?;
        let missing = || ClientError::NotFound {
            what: "provider of this job (it is not assigned):",
            address: job.provider.to_string(),
        };
        let owner = self.provider(&job.provider).await?.ok_or_else(missing)?.payout_owner;
        let token = ix::MintRef {
            mint: job.mint,
            token_program: mint.token_program,
        };
        let mut instructions = self.missing_accounts(&payer.pubkey(), &[owner], token).await?;
        instructions.push(ix::claim(&job, &mint, &owner));
        self.send(&instructions, payer, &[]).await
    }

    /// Takes an assigned job from a node that did not start it in time. Anyone may; `payer` earns the reporter's share of
    /// the slash.
    ///
    /// ```no_run
    /// # use gantry_sdk::{AnySigner, Gantry, Pubkey};
    /// # async fn example(gantry: Gantry, wallet: &AnySigner, job: Pubkey) -> Result<(), Box<dyn std::error::Error>> {
    /// gantry.expire_assignment(wallet, &job).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn expire_assignment(&self, payer: &AnySigner, address: &Pubkey) -> Result<Signature, ClientError> {
        let job = self.require_job(address).await?;
        let stake = self.stake_tokens().await?;
        let mut instructions = self
            .missing_accounts(&payer.pubkey(), &[job.customer, payer.pubkey()], stake.mint)
            .await?;
        instructions.push(ix::expire_assignment(&payer.pubkey(), &job, stake));
        self.send(&instructions, payer, &[]).await
    }

    /// Ends a running job whose node went silent, or that ran for as long as it was paid. Anyone may.
    ///
    /// ```no_run
    /// # use gantry_sdk::{AnySigner, Gantry, Pubkey};
    /// # async fn example(gantry: Gantry, wallet: &AnySigner, job: Pubkey) -> Result<(), Box<dyn std::error::Error>> {
    /// gantry.report_lapse(wallet, &job).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn report_lapse(&self, payer: &AnySigner, address: &Pubkey) -> Result<Signature, ClientError> {
        let job = self.require_job(address).await?;
        self.send(&[ix::report_lapse(&job)], payer, &[]).await
    }

    /// Pairs an open job with the node account `node`. `matcher` earns the matcher's fee when the job is settled.
    ///
    /// ```no_run
    /// # use gantry_sdk::{AnySigner, Gantry, Pubkey};
    /// # async fn example(gantry: Gantry, matcher: &AnySigner, job: Pubkey, node: Pubkey) -> Result<(), Box<dyn std::error::Error>> {
    /// gantry.assign_job(matcher, &job, &node).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn assign_job(
        &self,
        matcher: &AnySigner,
        address: &Pubkey,
        node: &Pubkey,
    ) -> Result<Signature, ClientError> {
        let job = self.require_job(address).await?;
        let missing = || ClientError::NotFound {
            what: "node",
            address: node.to_string(),
        };
        let account = self.node(node).await?.ok_or_else(missing)?;
        let assign = ix::assign_job(&matcher.pubkey(), &job, node, &account);
        self.send(&[assign], matcher, &[]).await
    }

    /// Carries a receipt that `node_key` signed to the chain: the first starts the job, later ones prove what was served,
    /// and the final one ends it. Anyone may; `payer` pays the fee.
    ///
    /// ```no_run
    /// # use gantry_sdk::{AnySigner, Gantry, Pubkey, client::SignedReceipt};
    /// # async fn example(gantry: Gantry, wallet: &AnySigner, job: Pubkey, signed: SignedReceipt) -> Result<(), Box<dyn std::error::Error>> {
    /// let account = gantry.require_job(&job).await?;
    /// let node_key = gantry.require_node(&account.node).await?.node_key;
    /// gantry.carry(wallet, &job, &node_key, &signed).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ClientError::OutOfBounds`] for a receipt of another job or signed by another key; as [`send`](Self::send).
    pub async fn carry(
        &self,
        payer: &AnySigner,
        address: &Pubkey,
        node_key: &Pubkey,
        signed: &SignedReceipt,
    ) -> Result<Signature, ClientError> {
        let problem = if signed.receipt.job != address.to_bytes() {
            Some("is for another job".to_owned())
        } else if !receipt::verify(&signed.receipt, node_key, &signed.signature) {
            Some(format!("is not signed by {node_key}"))
        } else {
            None
        };
        if let Some(problem) = problem {
            return Err(ClientError::OutOfBounds {
                field: "receipt",
                problem,
            });
        }
        let job = self.require_job(address).await?;
        let market = match signed.receipt.sequence {
            0 => ix::start_job(&job),
            _ => ix::submit_proof(&job),
        };
        let precompile = receipt::precompile_instruction_signed(&signed.receipt, node_key, &signed.signature);
        self.send(&[precompile, market], payer, &[]).await
    }

    /// Has the bond of a job slashed whose node key signed two receipts that contradict each other. Anyone may; `payer`
    /// earns the reporter's share.
    ///
    /// ```no_run
    /// # use gantry_sdk::{AnySigner, Gantry, Pubkey, client::SignedReceipt};
    /// # async fn example(gantry: Gantry, wallet: &AnySigner, job: Pubkey, one: SignedReceipt, other: SignedReceipt) -> Result<(), Box<dyn std::error::Error>> {
    /// let account = gantry.require_job(&job).await?;
    /// let node_key = gantry.require_node(&account.node).await?.node_key;
    /// gantry.convict(wallet, &job, &node_key, &[one, other]).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ClientError::OutOfBounds`] for receipts that convict nobody; as [`send`](Self::send).
    pub async fn convict(
        &self,
        payer: &AnySigner,
        address: &Pubkey,
        node_key: &Pubkey,
        receipts: &[SignedReceipt; 2],
    ) -> Result<Signature, ClientError> {
        check_contradiction(address, node_key, receipts).map_err(|problem| ClientError::OutOfBounds {
            field: "receipts",
            problem,
        })?;
        let job = self.require_job(address).await?;
        if pda::node(&job.provider, node_key) != job.node {
            return Err(ClientError::OutOfBounds {
                field: "node key",
                problem: format!("{node_key} is not the key of the job's node {}", job.node),
            });
        }
        let stake = self.stake_tokens().await?;
        let ix::MintRef { mint, token_program } = stake.mint;
        let accounts = self
            .missing_accounts(&payer.pubkey(), &[job.customer, payer.pubkey()], stake.mint)
            .await?;
        // On their own: the two receipts leave hardly room for their own accounts.
        if !accounts.is_empty() {
            self.send(&accounts, payer, &[]).await?;
        }
        let reporter = pda::associated_token(&payer.pubkey(), &mint, &token_program);
        let [one, other] = receipts
            .each_ref()
            .map(|signed| receipt::precompile_instruction_signed(&signed.receipt, node_key, &signed.signature));
        let slash = ix::slash_equivocation(&job, stake, &reporter);
        self.send_large(&[one, other, slash], payer).await
    }

    /// A job that `wallet` opened.
    async fn jobs_owner(&self, wallet: &AnySigner, address: &Pubkey) -> Result<Job, ClientError> {
        let job = self.require_job(address).await?;
        if job.customer == wallet.pubkey() {
            return Ok(job);
        }
        // The instruction needs the customer's signature, so it could not even be made.
        Err(ClientError::WrongSigner {
            what: "this job",
            signer: job.customer,
        })
    }
}

/// Why two receipts convict nobody, if so.
fn check_contradiction(job: &Pubkey, node_key: &Pubkey, receipts: &[SignedReceipt; 2]) -> Result<(), String> {
    for (place, signed) in receipts.iter().enumerate() {
        let which = place + 1;
        if signed.receipt.job != job.to_bytes() {
            return Err(format!("number {which} is for another job"));
        }
        if !receipt::verify(&signed.receipt, node_key, &signed.signature) {
            return Err(format!("number {which} is not signed by {node_key}"));
        }
    }
    let [one, other] = receipts.each_ref().map(|signed| &signed.receipt);
    if one.assignment != other.assignment || one.sequence != other.sequence {
        return Err("they have different assignments or sequence numbers: only two of one place contradict".into());
    }
    if one == other {
        return Err("they are the same receipt".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::receipt::ReceiptStatus;
    use crate::{Keypair, Signer};

    fn signed(key: &Keypair, sequence: u64, served_seconds: u64) -> SignedReceipt {
        let receipt = Receipt {
            genesis_hash: [1; 32],
            market: [2; 32],
            job: [3; 32],
            assignment: 1,
            sequence,
            served_seconds,
            issued_at: 5,
            status: ReceiptStatus::Running,
            exit_code: 0,
            output_digest: [0; 32],
        };
        let signature = receipt::sign(&receipt, key);
        SignedReceipt { receipt, signature }
    }

    #[test]
    fn only_two_receipts_of_one_place_and_key_that_differ_convict() {
        let (key, stranger) = (Keypair::new(), Keypair::new());
        let job = Pubkey::from([3; 32]);
        let check = |job: &Pubkey, receipts| check_contradiction(job, &key.pubkey(), &receipts);
        let one = || signed(&key, 4, 10);
        assert_eq!(check(&job, [one(), signed(&key, 4, 11)]), Ok(()));
        for (receipts, expected) in [
            ([one(), one()], "same receipt"),
            ([one(), signed(&key, 5, 11)], "different"),
            ([one(), signed(&stranger, 4, 11)], "number 2 is not signed"),
        ] {
            let problem = check(&job, receipts).expect_err("convicts nobody");
            assert!(problem.contains(expected), "{problem}");
        }
        let elsewhere = check(&Pubkey::from([9; 32]), [one(), signed(&key, 4, 11)]);
        assert!(elsewhere.expect_err("another job").contains("another job"));
    }
}
