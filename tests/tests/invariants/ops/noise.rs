//! What anybody can do to disturb: gifts to vaults and to addresses that do not exist yet; and time.

use super::{Op, Operation, job, registry::PROVIDERS, wallet};
use crate::suite::{
    cast::{Coin, JobRef, NODE_KEYS, NodeRef, PAYER, Purse, Subject, Who, address},
    dice::Dice,
    model::{Model, RUNTIME, Reasons, Verdict, there},
};
use gantry_sdk::{Instruction, ix};
use solana_instruction::AccountMeta;
use std::rc::Rc;

/// Tokens sent to a vault that nobody asked for.
#[derive(Debug)]
pub(crate) struct Dust {
    from: Who,
    coin: Coin,
    to: Purse,
    amount: u64,
}

impl Dust {
    pub(crate) fn draw(model: &Model, dice: &mut Dice) -> Option<Op> {
        let pools: Vec<Who> = model.pools.keys().copied().collect();
        let (to, coin) = match (dice.below(4), dice.pick(&pools)) {
            (0, Some(pool)) => (Purse::Stake(*pool), Coin::Stake),
            (1, Some(pool)) => (Purse::Rewards(*pool), model.pools[pool].coin),
            _ => {
                let at = job(model, dice, |_| true)?;
                (Purse::Vault(at), model.jobs.get(&at)?.coin)
            }
        };
        Some(Rc::new(Self {
            from: wallet(dice),
            coin,
            to,
            amount: dice.size(1_000),
        }))
    }
}

impl Operation for Dust {
    fn name(&self) -> &'static str {
        "(dust)"
    }

    fn instructions(&self) -> Vec<Instruction> {
        let (from, mint, to) = (Purse::Own(self.from, self.coin).at(), self.coin.mint(), self.to.at());
        let transfer = ix::token::transfer_checked(
            &from,
            &mint.mint,
            &to,
            &address(self.from),
            self.amount,
            6,
            &mint.token_program,
        );
        vec![transfer]
    }

    fn apply(&self, model: &mut Model) -> Verdict {
        there(model.purses.get(&self.to))?;
        let from = Purse::Own(self.from, self.coin);
        Reasons::default()
            .unless(self.amount <= model.holds(from), RUNTIME)
            .verdict()?;
        model.pay(from, self.to, self.amount);
        if let Purse::Stake(pool) = self.to {
            model.pool(pool).dust += self.amount;
        }
        Ok(())
    }
}

/// Lamports sent to accounts, or to where accounts will be.
#[derive(Debug)]
pub(crate) struct Gift {
    to: [Subject; 2],
}

impl Gift {
    pub(crate) fn draw(model: &Model, dice: &mut Dice) -> Option<Op> {
        let who = wallet(dice);
        let next = model.customers.get(&who).map_or(0, |customer| customer.next_id);
        let at = match dice.below(2) {
            0 => JobRef(who, next),
            _ => job(model, dice, |_| true).unwrap_or(JobRef(who, next)),
        };
        let owner = dice.below(u64::from(PROVIDERS)) as Who;
        let to = match dice.below(5) {
            0 => [Subject::Dispute(at), Subject::Job(at)],
            1 => [Subject::Pool(owner), Subject::Purse(Purse::Rewards(owner))],
            2 => [Subject::Provider(owner), Subject::Position(owner, who)],
            3 => [
                Subject::Node(NodeRef(owner, dice.below(u64::from(NODE_KEYS)) as u8)),
                Subject::Purse(Purse::Stake(owner)),
            ],
            _ => [Subject::Job(at), Subject::Purse(Purse::Vault(at))],
        };
        Some(Rc::new(Self { to }))
    }
}

impl Operation for Gift {
    fn name(&self) -> &'static str {
        "(gift)"
    }

    fn instructions(&self) -> Vec<Instruction> {
        // The least that the runtime lets an account of no bytes have.
        const LEAST: u64 = 890_880;
        let mut data = vec![2, 0, 0, 0];
        data.extend(LEAST.to_le_bytes());
        let give = |to| Instruction {
            program_id: ix::SYSTEM_PROGRAM,
            accounts: vec![AccountMeta::new(address(PAYER), true), AccountMeta::new(to, false)],
            data: data.clone(),
        };
        self.to.iter().map(|subject| give(subject.at())).collect()
    }

    fn apply(&self, _: &mut Model) -> Verdict {
        Ok(())
    }
}

/// Time passes.
#[derive(Debug)]
pub(crate) struct Advance(pub(crate) i64);

impl Advance {
    pub(crate) fn draw(model: &Model, dice: &mut Dice) -> Option<Op> {
        let unbonding = u64::from(model.rules.staking.unbonding_seconds);
        let seconds = match dice.below(20) {
            0..13 => dice.size(60),
            13..18 => dice.size(400),
            18 => dice.size(4_000),
            _ => dice.one_of(&[1, 600, 601, 901, unbonding, 86_400, 700_000]),
        };
        Some(Rc::new(Self(seconds as i64)))
    }
}

impl Operation for Advance {
    fn name(&self) -> &'static str {
        "(time)"
    }

    fn instructions(&self) -> Vec<Instruction> {
        Vec::new()
    }

    fn apply(&self, model: &mut Model) -> Verdict {
        model.now += self.0;
        Ok(())
    }

    fn seconds(&self) -> i64 {
        self.0
    }
}
