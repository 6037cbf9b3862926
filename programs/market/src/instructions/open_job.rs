#![allow(unused_variables)] // the derive binds every argument that `#[instruction]` names, in each of its functions

use crate::{error::MarketError, event::JobOpened, state::*, transfer};
use anchor_lang::prelude::*;
use bytemuck::{Pod, Zeroable};
use common::{AccountTable, MintAccount, State, TokenAccount, TokenProgram, now, pda, same, token};
use gantry_core::{BPS, billing};
use registry::{Network, PAUSED_JOBS};

/// What a customer asks for.
#[derive(AnchorSerialize, AnchorDeserialize, IdlType, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub struct JobArgs {
    /// The customer's next job id.
    pub id: u64,
    /// Highest price, base units per hour.
    pub max_price_per_hour: u64,
    /// SHA-256 of the job spec.
    pub spec_hash: [u8; 32],
    /// The node account that must serve it; zeros for any.
    pub node: Address,
    /// The matcher that must assign it; zeros for any.
    pub matcher: Address,
    /// Most seconds to serve.
    pub max_duration: u32,
    /// Seconds that a node has to start it.
    pub start_deadline: u32,
    /// Seconds without a proof after which it lapses.
    pub proof_timeout: u32,
    /// Least disk, GiB.
    pub disk_gib: u32,
    /// Least bandwidth, Mbit/s.
    pub mbps: u32,
    /// GPU models, any of which will do; zeros are empty places.
    pub gpu_models: [u16; 4],
    /// Countries, any of which will do; zeros are empty places.
    pub countries: [[u8; 2]; 8],
    /// Least memory of each GPU, GiB.
    pub vram_gib: u16,
    /// Least main memory, GiB.
    pub ram_gib: u16,
    /// Flags that must all be attested.
    pub flags: u16,
    /// Least reputation, basis points.
    pub reputation_bps: u16,
    /// Uptime target, basis points.
    pub sla_uptime_bps: u16,
    /// Least number of GPUs.
    pub gpu_count: u8,
    /// Least tier.
    pub tier: u8,
}

/// Accounts of `open_job`.
#[derive(Accounts, AccountTable)]
#[instruction(args: JobArgs)]
pub struct OpenJob {
    /// The customer's wallet; owns the tokens.
    pub wallet: Signer,
    /// Pays the rent.
    #[account(mut, unsafe(dup))]
    pub payer: Signer,
    /// The network.
    pub network: State<Network>,
    /// Rules of the market.
    pub params: State<MarketParams>,
    /// The mint.
    #[account(constraint = same(mint.address(), &payment_mint.mint) @ ProgramError::InvalidSeeds)]
    pub mint: MintAccount,
    /// What the market knows of it.
    pub payment_mint: State<PaymentMint>,
    /// The customer's counter of jobs.
    #[account(init_if_needed, payer = payer, seeds = [b"customer", wallet.address().as_ref()], bump)]
    pub customer: State<Customer>,
    /// The job.
    #[account(
        init,
        payer = payer,
        seeds = [b"job", wallet.address().as_ref(), bytemuck::bytes_of(&args.id)],
        bump
    )]
    pub job: State<Job>,
    /// Its vault.
    #[account(mut)]
    pub vault: UncheckedAccount,
    /// Where the deposit comes from.
    #[account(mut)]
    pub source: TokenAccount,
    /// Token program of the mint.
    #[account(constraint = same(token_program.address(), &payment_mint.token_program) @ MarketError::WrongAccount)]
    pub token_program: TokenProgram,
    /// Creates the accounts.
    pub system_program: Program<System>,
}

impl OpenJob {
    fn validate(&self, args: &JobArgs) -> Result<()> {
        let terms = &self.params.terms;
        require!(self.network.paused & PAUSED_JOBS == 0, MarketError::Paused);
        require!(self.payment_mint.enabled == 1, MarketError::MintDisabled);
        require!(args.id == self.customer.next_job_id.get(), MarketError::WrongJobId);
        require!(
            args.max_price_per_hour > 0 && args.max_price_per_hour >= self.payment_mint.minimum_price.get(),
            MarketError::PriceBelowMinimum
        );
        require!(
            (1..=terms.max_duration.get()).contains(&args.max_duration),
            MarketError::InvalidDuration
        );
        require!(
            (terms.min_start_deadline.get()..=terms.max_start_deadline.get()).contains(&args.start_deadline),
            MarketError::InvalidStartDeadline
        );
        require!(
            (terms.min_proof_timeout.get()..=terms.max_proof_timeout.get()).contains(&args.proof_timeout),
            MarketError::InvalidProofTimeout
        );
        require!(args.spec_hash != [0; 32], MarketError::InvalidSpecHash);
        let country = |c: &[u8; 2]| *c == [0; 2] || c.iter().all(u8::is_ascii_uppercase);
        require!(
            args.tier <= registry::MAX_TIER
                && args.flags & !registry::flags::ALL == 0
                && u64::from(args.reputation_bps) <= BPS
                && u64::from(args.sla_uptime_bps) <= BPS
                && args.countries.iter().all(country),
            MarketError::InvalidRequirements
        );
        Ok(())
    }

    /// Opens the job and moves the deposit into its vault.
    pub fn handle(&mut self, args: &JobArgs) -> Result<()> {
        self.validate(args)?;
        let deposit =
            billing::deposit(args.max_price_per_hour, args.max_duration).ok_or(MarketError::DepositTooLarge)?;
        let now = now();
        let zero = Address::default();

        let customer = &mut self.customer;
        if customer.wallet == zero {
            customer.wallet = *self.wallet.address();
            customer.rent_payer = *self.payer.address();
        }
        customer.next_job_id = customer.next_job_id.checked_add(1u64).ok_or(MarketError::Overflow)?;
        customer.open_jobs = customer.open_jobs.checked_add(1u32).ok_or(MarketError::Overflow)?;

        let job = &mut self.job;
        job.customer = *self.wallet.address();
        job.mint = *self.mint.address();
        job.node = args.node;
        job.matcher = args.matcher;
        job.rent_payer = *self.payer.address();
        job.spec_hash = args.spec_hash;
        job.id = args.id.into();
        job.deposited = deposit.into();
        job.max_price_per_hour = args.max_price_per_hour.into();
        job.created_at = now.into();
        job.max_duration = args.max_duration.into();
        job.start_deadline = args.start_deadline.into();
        job.proof_timeout = args.proof_timeout.into();
        job.disk_gib = args.disk_gib.into();
        job.mbps = args.mbps.into();
        job.gpu_models = args.gpu_models.map(PodU16::from);
        job.countries = args.countries;
        job.vram_gib = args.vram_gib.into();
        job.ram_gib = args.ram_gib.into();
        job.flags = args.flags.into();
        job.reputation_bps = args.reputation_bps.into();
        job.sla_uptime_bps = args.sla_uptime_bps.into();
        job.gpu_count = args.gpu_count;
        job.tier = args.tier;
        job.status = JobStatus::Open as u8;
        job.options =
            if args.node != zero { FIXED_NODE } else { 0 } | if args.matcher != zero { FIXED_MATCHER } else { 0 };

        self.fund(deposit)?;
        JobOpened {
            job: *self.job.address(),
            customer: *self.wallet.address(),
            id: args.id,
            mint: *self.mint.address(),
            deposited: deposit,
            max_price_per_hour: args.max_price_per_hour,
            max_duration: args.max_duration,
            spec_hash: args.spec_hash,
        }
        .log();
        Ok(())
    }

    /// Makes the vault, and moves the deposit into it.
    #[inline(never)]
    fn fund(&mut self, deposit: u64) -> Result<()> {
        let program = self.token_program.address();
        let job = *self.job.address();
        let (address, bump) = pda::find(&[b"vault", job.as_ref()], &crate::ID)?;
        require!(*self.vault.address() == address, ProgramError::InvalidSeeds);
        self.job.vault_bump = bump;
        token::create(
            program,
            self.payer.account(),
            &mut self.vault,
            &self.mint,
            &job,
            &[b"vault", job.as_ref(), &[bump]],
        )?;
        let mut vault = TokenAccount::load(*self.vault.account())?;
        transfer::deposit(program, &mut self.source, &self.mint, &mut vault, &self.wallet, deposit)
    }
}
