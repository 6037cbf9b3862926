use crate::{
    calls::Market,
    ending::{self, End},
    error::MarketError,
    event::ProofSubmitted,
    programs::Registry,
    proof::verified_receipt,
    state::*,
};
use anchor_lang::prelude::*;
use common::{AccountTable, Instructions, State, instructions::Transaction, now, same, writable};
use gantry_core::receipt::{ReceiptStatus, View};
use registry::{Network, Node, instructions::LeaseOutcome};

/// Accounts of `submit_proof`.
#[derive(Accounts, AccountTable)]
pub struct SubmitProof {
    /// The network.
    pub network: State<Network>,
    /// Rules of the market.
    pub params: State<MarketParams>,
    /// The job.
    #[account(mut)]
    pub job: State<Job>,
    /// The node's provider; the registry checks that it is.
    #[account(mut, constraint = same(provider.address(), &job.provider) @ MarketError::WrongAccount)]
    pub provider: UncheckedAccount,
    /// The node that has the job, or had it until the customer stopped it.
    #[account(mut, constraint = same(node.address(), &job.node) @ MarketError::WrongAccount)]
    pub node: State<Node>,
    /// The PDA that signs to the registry.
    #[account(constraint = same(market_authority.address(), &network.market_authority) @ MarketError::WrongAccount)]
    pub market_authority: UncheckedAccount,
    /// Where the receipt is read from.
    pub instructions: Instructions,
    /// The registry.
    pub registry_program: Program<Registry>,
}

impl SubmitProof {
    /// Whether the job waits for receipts: while it runs, and after the customer's stop or a dispute that was one for what
    /// was served until then.
    fn expects_proof(&self) -> bool {
        let job = &self.job;
        let stopped = [JobStatus::Finished as u8, JobStatus::Disputed as u8].contains(&job.status);
        job.status == JobStatus::Running as u8 || (stopped && job.outcome == JobOutcome::Stopped as u8)
    }

    /// Refuses a receipt that does not prove a lapse wrong: one that its node issued after it, or that comes so late that
    /// the customer could not dispute what it says.
    fn proves_lapse_wrong(&self, receipt: &View, at: u32) -> Result<()> {
        let job = &self.job;
        let issued = job.offset(receipt.issued_at());
        require!(
            issued.is_some_and(|issued| issued <= job.ended_at.get()),
            MarketError::IssuedAfterLapse
        );
        let late = at.saturating_sub(job.ended_at.get());
        let window = self.params.terms.dispute_window.get();
        require!(late <= window / 2, MarketError::ProofTooLate);
        Ok(())
    }

    fn validate<'a>(&self, transaction: &'a Transaction, now: i64, at: u32) -> Result<(View<'a>, u32)> {
        let job = &self.job;
        let lapsed = job.status == JobStatus::Lapsed as u8;
        require!(lapsed || self.expects_proof(), MarketError::NotRunning);
        let receipt = verified_receipt(transaction, &self.params, job, &self.node.node_key, now)?;
        require!(receipt.sequence() > job.sequence.get(), MarketError::StaleSequence);
        require!(
            receipt.served_seconds() <= u64::from(job.max_duration.get()),
            MarketError::ServedBeyondMaximum
        );
        let served = receipt.served_seconds() as u32;
        require!(served >= job.served_seconds.get(), MarketError::ServedDecreased);
        require!(served <= job.elapsed(at), MarketError::ServedBeyondElapsed);
        if lapsed {
            self.proves_lapse_wrong(&receipt, at)?;
        }
        Ok((receipt, served))
    }

    /// Records the proof; ends the job if the receipt is final, or says how it ended if it had lapsed.
    pub fn handle(&mut self) -> Result<()> {
        let now = now();
        let at = self.job.offset(now).ok_or(MarketError::Overflow)?;
        let transaction = self.instructions.read();
        let (receipt, served) = self.validate(&transaction, now, at)?;
        let elapsed = self.job.elapsed(at);
        let was_running = self.job.status == JobStatus::Running as u8;

        let job = &mut self.job;
        job.sequence = receipt.sequence().into();
        let latest = job.active_at.get();
        // After a stop nothing is proven beyond it, however late the receipt.
        let until = if was_running { at } else { job.ended_at.get() }.max(latest);
        // A receipt counts as of when it was issued, as far as that is believable: never before the one before it.
        let issued = job.offset(receipt.issued_at()).unwrap_or(until).clamp(latest, until);
        job.record(served, until, self.params.terms.dispute_window.get());
        ProofSubmitted {
            job: *self.job.address(),
            sequence: receipt.sequence(),
            served_seconds: served,
            elapsed_seconds: elapsed,
        }
        .log();
        if !receipt.status().is_final() {
            return Ok(());
        }

        let job = &mut self.job;
        job.exit_code = receipt.exit_code().into();
        job.output_digest = *receipt.output_digest();
        job.active_at = issued.into();
        let (outcome, lease) = if receipt.status() == ReceiptStatus::Completed {
            (JobOutcome::Completed, LeaseOutcome::Completed)
        } else {
            (JobOutcome::Failed, LeaseOutcome::Failed)
        };
        if !was_running {
            // What a stop or a dispute ended stays so. What lapsed has ended by itself before that, as it turns out; the
            // lease stays a failure, for want of a proof in time.
            if job.status == JobStatus::Lapsed as u8 {
                job.status = JobStatus::Finished as u8;
                job.outcome = outcome as u8;
            }
            ending::announce(job);
            return Ok(());
        }
        let market = Market {
            params: &self.params,
            authority: &self.market_authority,
            network: &self.network,
        };
        let how = End {
            status: JobStatus::Finished,
            outcome,
            lease,
            at,
        };
        let lease = [writable(&mut self.provider), writable(&mut self.node)];
        ending::end(market, &mut self.job, lease, how)
    }
}
