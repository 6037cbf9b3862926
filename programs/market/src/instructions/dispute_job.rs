use crate::{
    calls::Market,
    ending::{self, End},
    error::MarketError,
    event::DisputeOpened,
    programs::Registry,
    state::*,
    transfer,
};
use anchor_lang::prelude::*;
use common::{AccountTable, MintAccount, State, TokenAccount, TokenProgram, now, same, writable};
use registry::{Network, instructions::LeaseOutcome};

/// Accounts of `dispute_job`.
#[derive(Accounts, AccountTable)]
pub struct DisputeJob {
    /// The customer's wallet; owns the tokens.
    #[account(constraint = same(wallet.address(), &job.customer) @ MarketError::NotCustomer)]
    pub wallet: Signer,
    /// Pays the rent.
    #[account(mut, unsafe(dup))]
    pub payer: Signer,
    /// The network.
    pub network: State<Network>,
    /// Rules of the market.
    pub params: State<MarketParams>,
    /// The mint.
    #[account(constraint = same(mint.address(), &job.mint) @ MarketError::WrongAccount)]
    pub mint: MintAccount,
    /// The job.
    #[account(mut)]
    pub job: State<Job>,
    /// Its vault.
    #[account(mut, constraint = same(vault.address(), &job.vault(job.address())) @ ProgramError::InvalidSeeds)]
    pub vault: TokenAccount,
    /// The dispute.
    #[account(init, payer = payer, seeds = [b"dispute", job.address().as_ref()], bump)]
    pub dispute: State<Dispute>,
    /// Where the bond comes from.
    #[account(mut)]
    pub source: TokenAccount,
    /// The node's provider; read while the job runs, and then by the registry.
    #[account(mut, constraint = same(provider.address(), &job.provider) @ MarketError::WrongAccount)]
    pub provider: UncheckedAccount,
    /// The node that has the job, or had it.
    #[account(mut, constraint = same(node.address(), &job.node) @ MarketError::WrongAccount)]
    pub node: UncheckedAccount,
    /// The PDA that signs to the registry.
    #[account(constraint = same(market_authority.address(), &network.market_authority) @ MarketError::WrongAccount)]
    pub market_authority: UncheckedAccount,
    /// Token program of the mint.
    pub token_program: TokenProgram,
    /// Creates the account.
    pub system_program: Program<System>,
    /// The registry.
    pub registry_program: Program<Registry>,
}

impl DisputeJob {
    /// Whether the job runs. Otherwise it must have ended within the dispute window, and not be accepted.
    fn validate(&self, at: u32) -> Result<bool> {
        let job = &self.job;
        if job.status == JobStatus::Running as u8 {
            return Ok(true);
        }
        let ended = [JobStatus::Finished as u8, JobStatus::Lapsed as u8].contains(&job.status);
        require!(ended, MarketError::NotDisputable);
        require!(job.options & ACCEPTED == 0, MarketError::ResultAccepted);
        let waited = at.saturating_sub(job.ended_at.get());
        require!(
            waited < self.params.terms.dispute_window.get(),
            MarketError::DisputeWindowClosed
        );
        Ok(false)
    }

    /// Opens the dispute and takes the bond. A running job ends: its node may still prove what it served until now.
    pub fn handle(&mut self, reason_hash: [u8; 32]) -> Result<()> {
        let now = now();
        let at = self.job.offset(now).ok_or(MarketError::Overflow)?;
        let running = self.validate(at)?;
        if running {
            let market = Market {
                params: &self.params,
                authority: &self.market_authority,
                network: &self.network,
            };
            let how = End {
                status: JobStatus::Finished,
                outcome: JobOutcome::Stopped,
                lease: LeaseOutcome::Neutral,
                at,
            };
            let lease = [writable(&mut self.provider), writable(&mut self.node)];
            ending::end(market, &mut self.job, lease, how)?;
        }
        self.job.status = JobStatus::Disputed as u8;

        let terms = &self.params.terms;
        let (bond, wait) = (terms.dispute_bond.get(), terms.arbitration_timeout.get());
        let deadline = now.checked_add(i64::from(wait)).ok_or(MarketError::Overflow)?;
        transfer::deposit(
            self.token_program.address(),
            &mut self.source,
            &self.mint,
            &mut self.vault,
            &self.wallet,
            bond,
        )?;
        let dispute = &mut self.dispute;
        dispute.job = *self.job.address();
        dispute.opener = *self.wallet.address();
        dispute.rent_payer = *self.payer.address();
        dispute.reason_hash = reason_hash;
        dispute.bond = bond.into();
        dispute.opened_at = now.into();
        dispute.deadline = deadline.into();
        DisputeOpened {
            job: *self.job.address(),
            customer: *self.wallet.address(),
            reason_hash,
            bond,
            deadline,
        }
        .log();
        Ok(())
    }
}
