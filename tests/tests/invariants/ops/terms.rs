//! What the network's authority changes while jobs are under way: terms, mints, the council.

use super::{Op, Operation, wallet};
use crate::suite::{
    cast::{ARBITERS, AUTHORITY, COINS, Coin, GUARDIAN, Who, address},
    chain::places,
    dice::Dice,
    model::{Council, Mint, Model, Reasons, Verdict, there},
    rules::{MINIMUM_PRICE, TIMELOCK},
};
use gantry_sdk::{
    Instruction,
    ix::{self, SlaCreditArgs, TermsArgs},
};
use std::rc::Rc;

/// The network's authority mostly, and now and then somebody else.
fn authority(dice: &mut Dice) -> Who {
    match dice.below(15) {
        0 => wallet(dice),
        1 => GUARDIAN,
        _ => AUTHORITY,
    }
}

fn due(model: &Model) -> i64 {
    model.now + i64::from(TIMELOCK)
}

#[derive(Debug)]
pub(crate) struct ProposeTerms {
    signer: Who,
    terms: TermsArgs,
}

/// Terms in which one thing differs from `terms`.
fn changed(terms: &TermsArgs, dice: &mut Dice) -> TermsArgs {
    let mut next = *terms;
    let mut seconds = |low: u64, high: u64| dice.between(low, high) as u32;
    match seconds(0, 16) {
        0 => next.fee_bps = seconds(0, 5_000) as u16,
        1 => next.matcher_fee_bps = seconds(0, 5_000) as u16,
        2 => next.dispute_window = seconds(1, 200),
        3 => next.arbitration_timeout = seconds(1, 700),
        4 => next.bond_ratio_bps = seconds(1, 30_000),
        5 => next.dispute_bond = seconds(0, 2_000_000).into(),
        6 => next.max_duration = seconds(1_000, 10_000_000),
        7 => next.open_timeout = seconds(1, 100_000),
        8 => next.max_proof_timeout = seconds(100, 700),
        9 => next.min_start_deadline = seconds(1, 20),
        10 | 11 => {
            next.sla[seconds(0, 2) as usize] = SlaCreditArgs {
                shortfall_bps: seconds(1, 10_000) as u16,
                credit_bps: seconds(0, 10_000) as u16,
            };
        }
        // Out of bounds.
        12 => next.fee_bps = 10_001 - next.matcher_fee_bps,
        13 => next.sla[1].shortfall_bps = 0,
        14 => next.dispute_window = seconds(0, 1) * 100_000,
        15 => next.open_timeout = 365 * 86_400 + 1,
        _ => next.min_proof_timeout = next.max_proof_timeout + 1,
    }
    next
}

fn valid(terms: &TermsArgs) -> bool {
    let positive = [
        terms.bond_ratio_bps,
        terms.dispute_window,
        terms.min_start_deadline,
        terms.min_proof_timeout,
        terms.arbitration_timeout,
        terms.max_duration,
        terms.open_timeout,
    ];
    let bounded = [terms.max_start_deadline, terms.max_duration, terms.open_timeout];
    positive.iter().all(|number| *number > 0)
        && bounded.iter().all(|number| (1..=365 * 86_400).contains(number))
        && terms.min_start_deadline <= terms.max_start_deadline
        && terms.min_proof_timeout <= terms.max_proof_timeout
        && u32::from(terms.fee_bps) + u32::from(terms.matcher_fee_bps) <= 10_000
        && terms
            .sla
            .iter()
            .all(|step| step.credit_bps <= 10_000 && (1..=10_000).contains(&step.shortfall_bps))
}

impl ProposeTerms {
    pub(crate) fn draw(model: &Model, dice: &mut Dice) -> Option<Op> {
        Some(Rc::new(Self {
            signer: authority(dice),
            terms: changed(&model.rules.terms, dice),
        }))
    }
}

impl Operation for ProposeTerms {
    fn name(&self) -> &'static str {
        "propose_terms"
    }

    fn instructions(&self) -> Vec<Instruction> {
        vec![ix::propose_terms(&address(self.signer), self.terms)]
    }

    fn apply(&self, model: &mut Model) -> Verdict {
        let terms = &self.terms;
        let judgement = [terms.dispute_window, terms.max_proof_timeout, terms.arbitration_timeout];
        let judgement: u64 = judgement.iter().copied().map(u64::from).sum();
        Reasons::default()
            .unless(self.signer == AUTHORITY, "NotNetworkAuthority")
            .unless(valid(terms), "InvalidTerms")
            .unless(
                judgement <= u64::from(model.rules.staking.unbonding_seconds),
                "UnbondingTooShort",
            )
            .unless(terms.arbitration_timeout <= TIMELOCK, "TimelockTooShort")
            .verdict()?;
        model.announced = Some((*terms, due(model)));
        Ok(())
    }
}

#[derive(Debug)]
pub(crate) struct ApplyTerms;

impl ApplyTerms {
    pub(crate) fn draw(model: &Model, dice: &mut Dice) -> Option<Op> {
        let ripe = model.announced.as_ref().is_some_and(|(_, at)| *at <= model.now);
        (ripe || dice.chance(20)).then(|| Rc::new(Self) as Op)
    }
}

impl Operation for ApplyTerms {
    fn name(&self) -> &'static str {
        "apply_terms"
    }

    fn instructions(&self) -> Vec<Instruction> {
        vec![ix::apply_terms()]
    }

    fn apply(&self, model: &mut Model) -> Verdict {
        let (terms, at) = model.announced.ok_or_else(|| vec!["NothingProposed"])?;
        Reasons::default()
            .unless(at <= model.now, "TimelockNotPassed")
            .verdict()?;
        model.rules.terms = terms;
        model.announced = None;
        Ok(())
    }
}

#[derive(Debug)]
pub(crate) struct CancelTerms {
    signer: Who,
}

impl CancelTerms {
    pub(crate) fn draw(model: &Model, dice: &mut Dice) -> Option<Op> {
        let signer = authority(dice);
        (model.announced.is_some() || dice.chance(10)).then(|| Rc::new(Self { signer }) as Op)
    }
}

impl Operation for CancelTerms {
    fn name(&self) -> &'static str {
        "cancel_terms"
    }

    fn instructions(&self) -> Vec<Instruction> {
        vec![ix::cancel_terms(&address(self.signer))]
    }

    fn apply(&self, model: &mut Model) -> Verdict {
        Reasons::default()
            .unless(self.signer == AUTHORITY, "NotNetworkAuthority")
            .unless(model.announced.is_some(), "NothingProposed")
            .verdict()?;
        model.announced = None;
        Ok(())
    }
}

#[derive(Debug)]
pub(crate) struct UpdateMint {
    signer: Who,
    coin: Coin,
    mint: Mint,
}

impl UpdateMint {
    pub(crate) fn draw(model: &Model, dice: &mut Dice) -> Option<Op> {
        let coin = if dice.chance(5) {
            Coin::Stake
        } else {
            dice.one_of(&COINS[1..])
        };
        let rate = model.mints.get(&coin).map_or(1, |mint| mint.rate);
        let mint = Mint {
            // One that admits no jobs is let in again soon.
            enabled: model.mints.get(&coin).is_some_and(|mint| !mint.enabled) || !dice.chance(4),
            minimum: dice.one_of(&[0, MINIMUM_PRICE, MINIMUM_PRICE, 20_000]),
            rate: match dice.below(16) {
                0 => 0,
                1 => dice.size(u64::MAX),
                2..5 => dice.size(1 << 33).max(1),
                // Back to what it was before it went too far.
                _ if rate > 1 << 36 => 1 << 32,
                _ => (rate / 2).saturating_add(dice.below(rate)).max(1),
            },
        };
        Some(Rc::new(Self {
            signer: authority(dice),
            coin,
            mint,
        }))
    }
}

impl Operation for UpdateMint {
    fn name(&self) -> &'static str {
        "update_mint"
    }

    fn instructions(&self) -> Vec<Instruction> {
        let Mint { enabled, minimum, rate } = self.mint;
        let (signer, mint) = (address(self.signer), self.coin.mint().mint);
        vec![ix::update_mint(&signer, &mint, enabled, minimum, rate)]
    }

    fn apply(&self, model: &mut Model) -> Verdict {
        let mint = there(model.mints.get_mut(&self.coin))?;
        Reasons::default()
            .unless(self.signer == AUTHORITY, "NotNetworkAuthority")
            .unless(self.mint.rate > 0, "InvalidStakeRate")
            .verdict()?;
        *mint = self.mint;
        Ok(())
    }
}

#[derive(Debug)]
pub(crate) struct ProposeCouncil {
    signer: Who,
    council: Council,
}

impl ProposeCouncil {
    pub(crate) fn draw(_: &Model, dice: &mut Dice) -> Option<Op> {
        let count = dice.between(1, ARBITERS.len() as u64) as usize;
        let turn = dice.below(ARBITERS.len() as u64) as usize;
        let mut members = ARBITERS.to_vec();
        members.rotate_left(turn);
        members.truncate(count);
        if dice.chance(10) {
            members.push(members[0]);
        }
        let majority = members.len() as u64 / 2 + 1;
        let threshold = if dice.chance(15) {
            dice.edge(majority, 255)
        } else {
            dice.between(majority, members.len() as u64)
        };
        Some(Rc::new(Self {
            signer: authority(dice),
            council: Council {
                members,
                threshold: threshold as u8,
            },
        }))
    }
}

impl Operation for ProposeCouncil {
    fn name(&self) -> &'static str {
        "propose_council"
    }

    fn instructions(&self) -> Vec<Instruction> {
        let Council { members, threshold } = &self.council;
        let (signer, count) = (address(self.signer), members.len() as u8);
        vec![ix::propose_council(&signer, places(members), count, *threshold)]
    }

    fn apply(&self, model: &mut Model) -> Verdict {
        let Council { members, threshold } = &self.council;
        let twice = (1..members.len()).any(|place| members[..place].contains(&members[place]));
        let threshold = usize::from(*threshold);
        Reasons::default()
            .unless(self.signer == AUTHORITY, "NotNetworkAuthority")
            .unless(!twice, "InvalidCouncil")
            .unless(
                threshold * 2 > members.len() && threshold <= members.len(),
                "InvalidCouncil",
            )
            .verdict()?;
        model.proposed = Some((self.council.clone(), due(model)));
        Ok(())
    }
}

#[derive(Debug)]
pub(crate) struct ApplyCouncil;

impl ApplyCouncil {
    pub(crate) fn draw(model: &Model, dice: &mut Dice) -> Option<Op> {
        let ripe = model.proposed.as_ref().is_some_and(|(_, at)| *at <= model.now);
        (ripe || dice.chance(20)).then(|| Rc::new(Self) as Op)
    }
}

impl Operation for ApplyCouncil {
    fn name(&self) -> &'static str {
        "apply_council"
    }

    fn instructions(&self) -> Vec<Instruction> {
        vec![ix::apply_council()]
    }

    fn apply(&self, model: &mut Model) -> Verdict {
        let (council, at) = model.proposed.clone().ok_or_else(|| vec!["NothingProposed"])?;
        Reasons::default().unless(at <= model.now, "NotDue").verdict()?;
        model.council = council;
        model.proposed = None;
        Ok(())
    }
}

#[derive(Debug)]
pub(crate) struct CancelCouncil {
    signer: Who,
}

impl CancelCouncil {
    pub(crate) fn draw(model: &Model, dice: &mut Dice) -> Option<Op> {
        let signer = authority(dice);
        (model.proposed.is_some() || dice.chance(10)).then(|| Rc::new(Self { signer }) as Op)
    }
}

impl Operation for CancelCouncil {
    fn name(&self) -> &'static str {
        "cancel_council"
    }

    fn instructions(&self) -> Vec<Instruction> {
        vec![ix::cancel_council(&address(self.signer))]
    }

    fn apply(&self, model: &mut Model) -> Verdict {
        Reasons::default()
            .unless(self.signer == AUTHORITY, "NotNetworkAuthority")
            .unless(model.proposed.is_some(), "NothingProposed")
            .verdict()?;
        model.proposed = None;
        Ok(())
    }
}
