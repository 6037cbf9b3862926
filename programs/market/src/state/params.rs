use crate::error::MarketError;
use anchor_lang::prelude::*;
use common::{Stored, seeds, state::Seeds};
use gantry_core::sla::SlaStep;
use registry::Network;
use staking::{MAX_SECONDS, StakingParams};

/// Steps of the SLA credit table.
pub const SLA_STEPS: usize = 3;

/// One step of the SLA credit table.
#[derive(Clone, Copy, Default, IdlType, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct SlaCredit {
    /// Basis points that the uptime is below the job's target.
    pub shortfall_bps: PodU16,
    /// Basis points of the bill that the customer gets back.
    pub credit_bps: PodU16,
}

/// The numbers that the market runs by. A change is announced and applies after the timelock.
#[derive(Clone, Copy, Default, IdlType, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Terms {
    /// Bond that opens a dispute, base units of the job's mint.
    pub dispute_bond: PodU64,
    /// Bond behind a job, basis points of its highest bill converted to stake units; may exceed 10,000.
    pub bond_ratio_bps: PodU32,
    /// Seconds after a job's end in which its customer may dispute it, and after which anyone may settle it.
    pub dispute_window: PodU32,
    /// Least seconds that a job may give its node to start.
    pub min_start_deadline: PodU32,
    /// Most seconds that a job may give its node to start.
    pub max_start_deadline: PodU32,
    /// Least seconds that a job may allow between proofs.
    pub min_proof_timeout: PodU32,
    /// Most seconds that a job may allow between proofs.
    pub max_proof_timeout: PodU32,
    /// Seconds after which a dispute without a verdict ends.
    pub arbitration_timeout: PodU32,
    /// Most seconds that a job may run.
    pub max_duration: PodU32,
    /// Seconds after which anyone may close a job that was never served.
    pub open_timeout: PodU32,
    /// The treasury's share of what is earned, basis points.
    pub fee_bps: PodU16,
    /// The matcher's share of what is earned, basis points.
    pub matcher_fee_bps: PodU16,
    /// SLA credits by shortfall.
    pub sla: [SlaCredit; 3],
}

/// One step of the SLA credit table, as an argument.
#[derive(AnchorSerialize, AnchorDeserialize, IdlType, Clone, Copy)]
pub struct SlaCreditArgs {
    /// Basis points that the uptime is below the job's target.
    pub shortfall_bps: u16,
    /// Basis points of the bill that the customer gets back.
    pub credit_bps: u16,
}

/// [`Terms`] as an argument.
#[derive(AnchorSerialize, AnchorDeserialize, IdlType, Clone, Copy)]
pub struct TermsArgs {
    /// Bond that opens a dispute, base units of the job's mint.
    pub dispute_bond: u64,
    /// Bond behind a job, basis points of its highest bill converted to stake units.
    pub bond_ratio_bps: u32,
    /// Seconds after a job's end in which it may be disputed.
    pub dispute_window: u32,
    /// Least seconds that a job may give its node to start.
    pub min_start_deadline: u32,
    /// Most seconds that a job may give its node to start.
    pub max_start_deadline: u32,
    /// Least seconds that a job may allow between proofs.
    pub min_proof_timeout: u32,
    /// Most seconds that a job may allow between proofs.
    pub max_proof_timeout: u32,
    /// Seconds after which a dispute without a verdict ends.
    pub arbitration_timeout: u32,
    /// Most seconds that a job may run.
    pub max_duration: u32,
    /// Seconds after which anyone may close a job that was never served.
    pub open_timeout: u32,
    /// The treasury's share, basis points.
    pub fee_bps: u16,
    /// The matcher's share, basis points.
    pub matcher_fee_bps: u16,
    /// SLA credits by shortfall.
    pub sla: [SlaCreditArgs; 3],
}

impl From<TermsArgs> for Terms {
    #[inline(never)]
    fn from(args: TermsArgs) -> Self {
        Self {
            dispute_bond: args.dispute_bond.into(),
            bond_ratio_bps: args.bond_ratio_bps.into(),
            dispute_window: args.dispute_window.into(),
            min_start_deadline: args.min_start_deadline.into(),
            max_start_deadline: args.max_start_deadline.into(),
            min_proof_timeout: args.min_proof_timeout.into(),
            max_proof_timeout: args.max_proof_timeout.into(),
            arbitration_timeout: args.arbitration_timeout.into(),
            max_duration: args.max_duration.into(),
            open_timeout: args.open_timeout.into(),
            fee_bps: args.fee_bps.into(),
            matcher_fee_bps: args.matcher_fee_bps.into(),
            sla: args.sla.map(|step| SlaCredit {
                shortfall_bps: step.shortfall_bps.into(),
                credit_bps: step.credit_bps.into(),
            }),
        }
    }
}

impl Terms {
    /// The SLA table as the shared maths takes it.
    pub fn sla_steps(&self) -> [SlaStep; SLA_STEPS] {
        self.sla.map(|step| SlaStep {
            shortfall_bps: step.shortfall_bps.get(),
            credit_bps: step.credit_bps.get(),
        })
    }
}

/// Rules of the market. One account, seeds `"params"`.
#[account]
pub struct MarketParams {
    /// Genesis hash of the cluster that this market is on: receipts name it.
    pub genesis_hash: [u8; 32],
    /// Who paid the rent of this account.
    pub rent_payer: Address,
    /// In force.
    pub terms: Terms,
    /// Announced.
    pub pending_terms: Terms,
    /// When the announced terms may be applied, Unix seconds; 0 when none are announced.
    pub terms_change_at: PodI64,
    /// Canonical bump.
    pub bump: u8,
    /// Canonical bump of the PDA `["authority"]` that signs to registry and staking.
    pub authority_bump: u8,
}

/// Address of the rules of the market. It is the only one, so that its address is known when the program is compiled.
pub const MARKET_PARAMS: Address = Address::derive_address_const(&[b"params"], Some(MARKET_PARAMS_BUMP), &crate::ID);
/// The canonical bump of [`MARKET_PARAMS`].
pub const MARKET_PARAMS_BUMP: u8 = 255;

impl MarketParams {
    /// Announces `terms` for `change_at`, Unix seconds; in the place of what was announced before.
    pub fn announce(&mut self, terms: Terms, change_at: i64) {
        self.pending_terms = terms;
        self.terms_change_at = change_at.into();
    }

    /// What is announced and when it may be applied; nothing is announced any more.
    ///
    /// # Errors
    /// [`MarketError::NothingProposed`].
    pub fn take_announcement(&mut self) -> core::result::Result<(Terms, i64), MarketError> {
        let change_at = self.terms_change_at.get();
        if change_at == 0 {
            return Err(MarketError::NothingProposed);
        }
        let terms = self.pending_terms;
        self.announce(Terms::default(), 0);
        Ok((terms, change_at))
    }
}

impl Stored for MarketParams {
    const SEEDS: Seeds = seeds!(MarketParams: at MARKET_PARAMS);
}

impl Terms {
    /// Whether every number is within its bounds.
    pub fn valid(&self) -> bool {
        let bounded = |most: PodU32| (1..=MAX_SECONDS).contains(&most.get());
        let bps = u32::from(gantry_core::BPS as u16);
        let ordered = |least: PodU32, most: PodU32| least.get() > 0 && least.get() <= most.get();
        let shares = u32::from(self.fee_bps.get()) + u32::from(self.matcher_fee_bps.get());
        ordered(self.min_start_deadline, self.max_start_deadline)
            && ordered(self.min_proof_timeout, self.max_proof_timeout)
            && self.bond_ratio_bps.get() > 0
            && self.dispute_window.get() > 0
            && self.arbitration_timeout.get() > 0
            && [self.max_start_deadline, self.max_duration, self.open_timeout]
                .into_iter()
                .all(bounded)
            && shares <= bps
            && self.sla.iter().all(|step| {
                u32::from(step.credit_bps.get()) <= bps && (1..=bps).contains(&u32::from(step.shortfall_bps.get()))
            })
    }

    /// Refuses terms under which a dispute could outlast the council that judges it: a council that is replaced is so only
    /// after the timelock.
    ///
    /// # Errors
    /// [`MarketError::TimelockTooShort`].
    pub fn check_timelock(&self, network: &Network) -> Result<()> {
        let longest = network.timelock_seconds.get();
        require!(self.arbitration_timeout.get() <= longest, MarketError::TimelockTooShort);
        Ok(())
    }

    /// Refuses terms that are out of bounds, or under which stake could leave before a job is judged.
    ///
    /// # Errors
    /// [`MarketError::InvalidTerms`], [`MarketError::UnbondingTooShort`].
    #[inline(never)]
    pub fn check(&self, staking: &StakingParams) -> Result<()> {
        require!(self.valid(), MarketError::InvalidTerms);
        let unbonding = u64::from(staking.unbonding_seconds.get());
        require!(unbonding >= self.longest_judgement(), MarketError::UnbondingTooShort);
        Ok(())
    }

    /// Longest time between a fault and its judgement, seconds: what stake must wait for before it leaves.
    pub fn longest_judgement(&self) -> u64 {
        [self.dispute_window, self.max_proof_timeout, self.arbitration_timeout]
            .iter()
            .map(|seconds| u64::from(seconds.get()))
            .sum()
    }
}

#[cfg(test)]
mod address_tests {
    use super::*;

    #[test]
    fn the_address_is_the_canonical_one() {
        let found = Address::find_program_address(&[b"params"], &crate::ID);
        assert_eq!(found, (MARKET_PARAMS, MARKET_PARAMS_BUMP));
    }
}
