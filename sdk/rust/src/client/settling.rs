//! Bringing an ended job to its close: settlements, with a slash where one is due, and disputes that are decided or over.

use super::{ClientError, Gantry};
use crate::{
    AnySigner, Instruction, Pubkey, Signature, ix,
    market::accounts::{Dispute, Job, PaymentMint},
    pda,
};

/// Who is paid when a job closes, and what makes the token accounts that they lack.
struct Payees {
    mint: PaymentMint,
    payout_owner: Pubkey,
    missing: Vec<Instruction>,
}

/// Where a slash goes, and what makes the token accounts that are missing for it.
struct Slashed {
    stake: ix::StakeTokens,
    reporter: Pubkey,
    missing: Vec<Instruction>,
}

impl Gantry {
    /// Settles a job that has ended, with a slash where its node has claimed more than the SLA leaves it: everybody is
    /// paid and it closes. Anyone may; `payer` pays the fee, and the rent of token accounts that payees do not have yet,
    /// and earns the reporter's share of a slash.
    ///
    /// ```no_run
    /// # use gantry_sdk::{AnySigner, Gantry, Pubkey};
    /// # async fn example(gantry: Gantry, wallet: &AnySigner, job: Pubkey) -> Result<(), Box<dyn std::error::Error>> {
    /// gantry.settle_job(wallet, &job).await?;
    /// let history = gantry.job_history(&job).await?;
    /// if let Some(settled) = history.settled() {
    ///     println!("{} base units billed, {} back", settled.bill, settled.to_customer);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn settle_job(&self, payer: &AnySigner, address: &Pubkey) -> Result<Signature, ClientError> {
        let job = self.require_job(address).await?;
        self.settle(payer, &job).await
    }

    /// [`settle_job`](Self::settle_job) of a job that was read already.
    ///
    /// ```no_run
    /// # use gantry_sdk::{AnySigner, Gantry};
    /// # async fn example(gantry: Gantry, wallet: &AnySigner) -> Result<(), Box<dyn std::error::Error>> {
    /// for (_, job) in gantry.jobs_of(&wallet.pubkey()).await? {
    ///     gantry.settle(wallet, &job).await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As there.
    pub async fn settle(&self, payer: &AnySigner, job: &Job) -> Result<Signature, ClientError> {
        let Payees {
            mint,
            payout_owner,
            mut missing,
        } = self.payees(&payer.pubkey(), job).await?;
        missing.push(ix::settle_job(job, &mint, &payout_owner));
        match self.send(&missing, payer, &[]).await {
            Err(ClientError::Program { name, .. }) if name == "SlashDue" => missing.pop(),
            other => return other,
        };
        let slashed = self.slashed(&payer.pubkey(), job).await?;
        let settle = ix::settle_with_slash(job, &mint, &payout_owner, slashed.stake, &slashed.reporter);
        missing.extend(slashed.missing);
        self.send_after(payer, &missing, settle).await
    }

    /// Executes the verdict on a disputed job, or ends a dispute that got none in time. Anyone may; `payer` as for
    /// [`settle_job`](Self::settle_job).
    ///
    /// ```no_run
    /// # use gantry_sdk::{AnySigner, Gantry, Pubkey};
    /// # async fn example(gantry: Gantry, wallet: &AnySigner, job: Pubkey) -> Result<(), Box<dyn std::error::Error>> {
    /// gantry.resolve_dispute(wallet, &job).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`send`](Self::send); [`ClientError::NotFound`] for a job that is not disputed.
    pub async fn resolve_dispute(&self, payer: &AnySigner, address: &Pubkey) -> Result<Signature, ClientError> {
        let job = self.require_job(address).await?;
        let missing = || ClientError::NotFound {
            what: "dispute over job",
            address: address.to_string(),
        };
        let dispute = self.dispute(address).await?.ok_or_else(missing)?;
        self.resolve(payer, &job, &dispute).await
    }

    /// [`resolve_dispute`](Self::resolve_dispute) of a job and a dispute that were read already.
    ///
    /// ```no_run
    /// # use gantry_sdk::{AnySigner, Gantry, Pubkey};
    /// # async fn example(gantry: Gantry, wallet: &AnySigner, job: Pubkey) -> Result<(), Box<dyn std::error::Error>> {
    /// if let Some(dispute) = gantry.dispute(&job).await? {
    ///     let job = gantry.require_job(&job).await?;
    ///     gantry.resolve(wallet, &job, &dispute).await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As there.
    pub async fn resolve(&self, payer: &AnySigner, job: &Job, dispute: &Dispute) -> Result<Signature, ClientError> {
        let payees = self.payees(&payer.pubkey(), job).await?;
        let slashed = self.slashed(&payer.pubkey(), job).await?;
        let resolve = ix::resolve_dispute(
            job,
            dispute,
            &payees.mint,
            &payees.payout_owner,
            slashed.stake,
            &slashed.reporter,
        );
        let missing = [payees.missing, slashed.missing].concat();
        self.send_after(payer, &missing, resolve).await
    }

    /// Sends `first`, if there is any, and then `last`: the two together may be more than a transaction has room for.
    async fn send_after(
        &self,
        payer: &AnySigner,
        first: &[Instruction],
        last: Instruction,
    ) -> Result<Signature, ClientError> {
        if !first.is_empty() {
            self.send(first, payer, &[]).await?;
        }
        self.send(&[last], payer, &[]).await
    }

    async fn payees(&self, payer: &Pubkey, job: &Job) -> Result<Payees, ClientError> {
        let mint = self.mint_of(job).await?;
        if job.provider == Pubkey::default() {
            return Err(ClientError::NotFound {
                what: "provider of this job (it was never assigned):",
                address: job.provider.to_string(),
            });
        }
        // A provider that has closed its account is paid no more: any account will do in its place.
        let provider = self.provider(&job.provider).await?;
        let payout_owner = provider.map_or(job.customer, |provider| provider.payout_owner);
        let token = ix::MintRef {
            mint: job.mint,
            token_program: mint.token_program,
        };
        let missing = self
            .missing_accounts(payer, &[payout_owner, job.matcher, job.customer], token)
            .await?;
        Ok(Payees {
            mint,
            payout_owner,
            missing,
        })
    }

    async fn slashed(&self, payer: &Pubkey, job: &Job) -> Result<Slashed, ClientError> {
        let stake = self.stake_tokens().await?;
        let ix::MintRef { mint, token_program } = stake.mint;
        Ok(Slashed {
            stake,
            reporter: pda::associated_token(payer, &mint, &token_program),
            missing: self
                .missing_accounts(payer, &[job.customer, *payer], stake.mint)
                .await?,
        })
    }

    /// Instructions that make those associated token accounts of `owners` that do not exist.
    ///
    /// ```no_run
    /// # use gantry_sdk::{AnySigner, Gantry, Pubkey};
    /// # async fn example(gantry: Gantry, wallet: &AnySigner, owner: Pubkey) -> Result<(), Box<dyn std::error::Error>> {
    /// let mint = gantry.enabled_mint(None).await?.mint;
    /// let token = gantry.mint(&mint).await?.mint;
    /// let create = gantry.missing_accounts(&wallet.pubkey(), &[owner], token).await?;
    /// if !create.is_empty() {
    ///     gantry.send(&create, wallet, &[]).await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If the server cannot be reached.
    pub async fn missing_accounts(
        &self,
        payer: &Pubkey,
        owners: &[Pubkey],
        mint: ix::MintRef,
    ) -> Result<Vec<Instruction>, ClientError> {
        let mut instructions = Vec::new();
        // Each is two accounts and a program more in the transaction, so only where it is needed.
        for owner in owners {
            let account = pda::associated_token(owner, &mint.mint, &mint.token_program);
            let create = ix::token::create_associated_account(payer, owner, &mint.mint, &mint.token_program);
            if !instructions.contains(&create) && self.token_amount(&account).await?.is_none() {
                instructions.push(create);
            }
        }
        Ok(instructions)
    }
}
