//! Settlements: plain, with a slash, and by the council's verdict.

use super::{
    Op, Operation, job, job_account,
    jobs::{close, payment_mint},
    put, signer, wallet,
};
use crate::suite::{
    cast::{COINS, Coin, JobRef, KEEPER, NodeRef, PAYER, Purse, Subject, Who, address},
    dice::Dice,
    model::{Dispute, Job, Model, RUNTIME, Reasons, Scale, Status, Verdict, job::Parts, wide::share},
};
use anchor_lang::AnchorDeserialize;
use gantry_sdk::{
    Instruction, Pubkey,
    ix::{self, StakeTokens},
    market,
};
use std::rc::Rc;

/// The whole, in basis points.
const WHOLE: u16 = 10_000;

/// The accounts of a settlement, by whose they are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Payees {
    pub(crate) job: JobRef,
    coin: Coin,
    /// Whose provider account is passed, and whose pool.
    provider: Who,
    pool: Who,
    /// Whose token accounts are paid.
    payout: Who,
    matcher: Who,
    customer: Who,
}

/// The accounts of a slash: whose account in the stake mint is the customer's, and which is the reporter's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slashing {
    pub(super) customer: Who,
    pub(super) reporter: Purse,
}

impl Slashing {
    /// With a third party that reports it.
    pub(crate) fn right(at: JobRef) -> Self {
        Self {
            customer: at.0,
            reporter: Purse::Own(KEEPER, Coin::Stake),
        }
    }

    /// Reported by anybody, to any token account: now and then one that can receive no stake, or that is a pool's.
    pub(super) fn draw(model: &Model, dice: &mut Dice, at: JobRef) -> Self {
        let pools: Vec<Who> = model.pools.keys().copied().collect();
        let pool = dice.pick(&pools).copied();
        let reporter = match (dice.below(20), pool) {
            (0, Some(pool)) => Purse::Stake(pool),
            (1, Some(pool)) => Purse::Rewards(pool),
            (2, _) => Purse::Own(wallet(dice), dice.one_of(&COINS)),
            _ => Purse::Own(wallet(dice), Coin::Stake),
        };
        Self {
            customer: signer(dice, at.0),
            reporter,
        }
    }

    /// Why the bond in the pool of `pool` cannot be slashed for a job of `customer`'s.
    pub(super) fn reasons(&self, pool: Who, customer: Who, reasons: &mut Reasons) {
        reasons
            .unless(self.customer == customer, "WrongDestination")
            .unless(self.reporter != Purse::Stake(pool), RUNTIME);
    }
}

pub(super) fn stake_tokens() -> StakeTokens {
    StakeTokens {
        mint: Coin::Stake.mint(),
        treasury: Model::treasury(Coin::Stake).at(),
    }
}

impl Payees {
    /// Each as it should be; `None` where nobody has the job.
    pub(crate) fn right(model: &Model, at: JobRef) -> Option<Self> {
        let job = model.jobs.get(&at)?;
        let provider = job.provider?;
        Some(Self {
            job: at,
            coin: job.coin,
            provider,
            pool: provider,
            payout: model.providers.get(&provider).map_or(provider, |known| known.payout),
            matcher: job.matcher?,
            customer: at.0,
        })
    }

    /// Now and then another's account among them.
    fn draw(model: &Model, dice: &mut Dice, fits: impl Fn(&Job) -> bool) -> Option<Self> {
        let at = job(model, dice, fits)?;
        let mut right = Self::right(model, at)?;
        match dice.below(40) {
            0 => right.provider = wallet(dice),
            1 => right.pool = wallet(dice),
            2 => right.payout = wallet(dice),
            3 => right.matcher = wallet(dice),
            4 => right.customer = wallet(dice),
            5 => right.coin = dice.one_of(&COINS),
            _ => {}
        }
        Some(right)
    }

    /// What the builders read of the job.
    fn account(&self, node: Option<NodeRef>) -> market::accounts::Job {
        let mut job = job_account(self.job, node);
        job.mint = self.coin.mint().mint;
        job.provider = Subject::Provider(self.provider).at();
        job.matcher = address(self.matcher);
        job
    }

    /// `build` with the accounts that are named, `build` being given the payout owner.
    fn instruction(&self, slashing: Option<Slashing>, build: impl FnOnce(&Pubkey) -> Instruction) -> Instruction {
        let mut settle = build(&address(self.payout));
        // Provider, matcher, treasury, customer: in this order, and the customer's may be one of the others.
        let treasury = Model::treasury(self.coin).at();
        let place = |key| settle.accounts.iter().position(|meta| meta.pubkey == key);
        let customer = place(treasury).expect("the treasury's account") + 1;
        // Vault, customer, reporter, treasury of the stake, in this order, too.
        let stake = slashing.and_then(|_| place(Purse::Stake(self.provider).at()));
        settle.accounts[customer].pubkey = Purse::Own(self.customer, self.coin).at();
        if let (Some(vault), Some(slashing)) = (stake, slashing) {
            settle.accounts[vault + 1].pubkey = Purse::Own(slashing.customer, Coin::Stake).at();
        }
        for (right, passed) in [
            (Subject::Pool(self.provider).at(), Subject::Pool(self.pool).at()),
            (Purse::Rewards(self.provider).at(), Purse::Rewards(self.pool).at()),
        ] {
            put(&mut settle, right, passed);
        }
        settle
    }

    /// Why the accounts will not do for `job`.
    fn reasons(&self, model: &Model, job: &Job, reasons: &mut Reasons) {
        let owner = model.providers.get(&self.provider).map(|provider| provider.payout);
        let others = job.matcher == Some(self.matcher) && self.customer == self.job.0;
        if self.coin != job.coin {
            reasons.unless(false, "WrongAccount").unless(false, RUNTIME);
        }
        reasons
            .unless(
                job.provider == Some(self.provider) && job.provider == Some(self.pool),
                "WrongAccount",
            )
            // The part of a provider that is gone is the treasury's, whatever account is named for it.
            .unless(
                others && owner.is_none_or(|owner| owner == self.payout),
                "WrongDestination",
            );
    }

    /// An account that is written twice must be one that may be: the reward vault is none of those.
    fn apart(&self, slashing: &Slashing, reasons: &mut Reasons) {
        reasons.unless(slashing.reporter != Purse::Rewards(self.pool), RUNTIME);
    }

    /// What the job comes to.
    fn parts(&self, model: &Model, job: &Job, share_bps: u16) -> Parts {
        let provider = job.provider.expect("a job that somebody has");
        job.parts(&Scale {
            terms: &model.rules.terms,
            rate: model.mints[&job.coin].rate,
            // Stakers of a later pool, which pays in another mint, have no part.
            commission: model
                .pools
                .get(&provider)
                .filter(|pool| pool.coin == job.coin)
                .and_then(|_| model.commission(provider)),
            share_bps,
        })
    }

    /// Pays everybody and closes the job: `parts`, the dispute's `bond` to provider or customer, and a slash.
    fn pay(
        &self,
        model: &mut Model,
        parts: Parts,
        (to_provider, to_customer): (u64, u64),
        slash: Option<(u64, Slashing)>,
    ) {
        let bond = model.jobs[&self.job].bond;
        let (coin, vault) = (self.coin, Purse::Vault(self.job));
        let own = |who: Who| Purse::Own(who, coin);
        if model.providers.contains_key(&self.provider) {
            model.pay(vault, own(self.payout), parts.provider + to_provider);
        }
        model.pay(vault, own(self.matcher), parts.matcher);
        model.pay(vault, own(self.customer), parts.customer + to_customer);
        if parts.delegators > 0 {
            model.pay(vault, Purse::Rewards(self.pool), parts.delegators);
            model.pool(self.pool).reward(parts.delegators);
        }
        match slash {
            Some((amount, to)) => model.slash(self.pool, (bond, amount), to.customer, to.reporter),
            None if bond > 0 => model.pool(self.pool).bonded -= bond,
            None => {}
        }
        close(model, self.job);
    }
}

/// Whether a job is settled with a slash or without.
pub(crate) fn slash_due(model: &Model, at: JobRef) -> Option<bool> {
    let job = &model.jobs[&at];
    let payees = Payees::right(model, at)?;
    let share = match model.verdict(at) {
        Some((share, _)) if job.status == Status::Disputed => share,
        _ => WHOLE,
    };
    let parts = payees.parts(model, job, share);
    Some(parts.slash > 0)
}

/// `settle_job`, or `settle_with_slash` where a slash is named.
#[derive(Debug)]
pub(crate) struct Settle {
    pub(crate) payees: Payees,
    pub(crate) slashing: Option<Slashing>,
}

impl Settle {
    fn fits(model: &Model, dice: &mut Dice) -> impl Fn(&Job) -> bool + use<> {
        let (now, window, patient) = (model.now, model.rules.terms.dispute_window, dice.chance(90));
        move |job| job.settles() && (!patient || job.due(now, window))
    }

    pub(crate) fn draw(model: &Model, dice: &mut Dice) -> Option<Op> {
        let fits = Self::fits(model, dice);
        let payees = Payees::draw(model, dice, fits)?;
        Some(Rc::new(Self { payees, slashing: None }))
    }

    pub(crate) fn draw_slash(model: &Model, dice: &mut Dice) -> Option<Op> {
        let (fits, any) = (Self::fits(model, dice), dice.chance(5));
        let claimed = |job: &Job| fits(job) && (any || (job.claimed > 0 && job.bond > 0));
        let payees = Payees::draw(model, dice, claimed)?;
        let slashing = Some(Slashing::draw(model, dice, payees.job));
        Some(Rc::new(Self { payees, slashing }))
    }
}

impl Operation for Settle {
    fn name(&self) -> &'static str {
        if self.slashing.is_some() {
            "settle_with_slash"
        } else {
            "settle_job"
        }
    }

    fn instructions(&self) -> Vec<Instruction> {
        let (job, mint) = (self.payees.account(None), payment_mint(self.payees.coin));
        vec![self.payees.instruction(self.slashing, |payout| match self.slashing {
            Some(slashing) => ix::settle_with_slash(&job, &mint, payout, stake_tokens(), &slashing.reporter.at()),
            None => ix::settle_job(&job, &mint, payout),
        })]
    }

    fn apply(&self, model: &mut Model) -> Verdict {
        let mut reasons = Reasons::default();
        let Some(job) = model.jobs.get(&self.payees.job) else {
            return Err(vec![RUNTIME]);
        };
        self.payees.reasons(model, job, &mut reasons);
        reasons.unless(job.settles(), "NotEnded").unless(
            job.due(model.now, model.rules.terms.dispute_window),
            "DisputeWindowOpen",
        );
        if let Some(slashing) = &self.slashing {
            self.payees.apart(slashing, &mut reasons);
        }
        if !job.settles() {
            return reasons.verdict();
        }
        let parts = self.payees.parts(model, job, WHOLE);
        match self.slashing {
            None => reasons.unless(parts.slash == 0, "SlashDue"),
            Some(slashing) => {
                slashing.reasons(self.payees.pool, self.payees.job.0, &mut reasons);
                reasons.unless(parts.slash > 0, "NoSlashDue")
            }
        };
        reasons.verdict()?;
        let slash = self.slashing.map(|slashing| (parts.slash, slashing));
        self.payees.pay(model, parts, (0, 0), slash);
        Ok(())
    }
}

#[derive(Debug)]
pub(crate) struct ResolveDispute {
    pub(crate) payees: Payees,
    pub(crate) slashing: Slashing,
    pub(crate) node: NodeRef,
}

impl ResolveDispute {
    pub(crate) fn draw(model: &Model, dice: &mut Dice) -> Option<Op> {
        let decided = |at: &JobRef, dispute: &Dispute| model.verdict(*at).is_some() || model.now >= dispute.deadline;
        let ripe = model.disputes.iter().filter(|(at, dispute)| decided(at, dispute));
        let ripe: Vec<JobRef> = ripe.map(|(at, _)| *at).collect();
        let patient = dice.chance(90);
        let at = dice.pick(&ripe).copied();
        let status = if dice.chance(97) {
            Status::Disputed
        } else {
            Status::Finished
        };
        if patient && at.is_none() {
            return None;
        }
        let mut payees = Payees::draw(model, dice, |job| job.status == status)?;
        if let Some(at) = at.filter(|_| patient) {
            payees = Payees::right(model, at).filter(|_| dice.chance(80)).unwrap_or(payees);
        }
        let node = model.jobs.get(&payees.job)?.node?;
        Some(Rc::new(Self {
            payees,
            slashing: Slashing::draw(model, dice, payees.job),
            node: if dice.chance(3) {
                super::node(model, dice)?
            } else {
                node
            },
        }))
    }
}

/// What the builder reads of a dispute.
fn dispute_account() -> market::accounts::Dispute {
    let zeros = [0; 512];
    let mut dispute = market::accounts::Dispute::deserialize(&mut &zeros[..]).expect("zeros are a dispute");
    dispute.rent_payer = address(PAYER);
    dispute
}

impl Operation for ResolveDispute {
    fn name(&self) -> &'static str {
        "resolve_dispute"
    }

    fn instructions(&self) -> Vec<Instruction> {
        let mut job = self.payees.account(Some(self.node));
        job.provider = Subject::Provider(self.payees.provider).at();
        let (mint, dispute) = (payment_mint(self.payees.coin), dispute_account());
        Subject::Dispute(self.payees.job).at();
        let reporter = self.slashing.reporter.at();
        vec![self.payees.instruction(Some(self.slashing), |payout| {
            ix::resolve_dispute(&job, &dispute, &mint, payout, stake_tokens(), &reporter)
        })]
    }

    fn apply(&self, model: &mut Model) -> Verdict {
        let mut reasons = Reasons::default();
        let Some(job) = model.jobs.get(&self.payees.job) else {
            return Err(vec![RUNTIME]);
        };
        self.payees.reasons(model, job, &mut reasons);
        self.payees.apart(&self.slashing, &mut reasons);
        let dispute = model.disputes.get(&self.payees.job);
        let verdict = model.verdict(self.payees.job);
        let over = dispute.is_none_or(|dispute| model.now >= dispute.deadline);
        reasons
            .unless(dispute.is_some(), RUNTIME)
            .unless(job.node == Some(self.node), "WrongAccount")
            .unless(job.status == Status::Disputed, "NotDisputed")
            .unless(verdict.is_some() || over, "NoVerdict");
        if job.status != Status::Disputed {
            return reasons.verdict();
        }
        let (share_bps, slash_bps) = verdict.unwrap_or((WHOLE, 0));
        let parts = self.payees.parts(model, job, share_bps);
        let slash = share(job.bond, slash_bps.into()).max(parts.slash);
        if slash > 0 {
            self.slashing.reasons(self.payees.pool, self.payees.job.0, &mut reasons);
        }
        reasons.verdict()?;
        let bond = dispute.map_or(0, |dispute| dispute.bond);
        let provider_won = verdict == Some((WHOLE, 0));
        let winnings = if provider_won { (bond, 0) } else { (0, bond) };
        let slash = (slash > 0).then_some((slash, self.slashing));
        self.payees.pay(model, parts, winnings, slash);
        if verdict.is_some() && !provider_won && model.providers.contains_key(&self.payees.provider) {
            model.convict(self.node, false);
        }
        Ok(())
    }
}
