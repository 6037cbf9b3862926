//! The instructions that only the market may sign, signed by somebody else: refused, whatever they say.

use super::{Op, Operation, job, node, wallet};
use crate::suite::{
    cast::{AUTHORITY, Coin, JobRef, NodeRef, Purse, Subject, Who, address},
    dice::Dice,
    model::{Model, NodeStatus, Verdict, there},
};
use gantry_sdk::{Instruction, ix::StakeTokens};
use gantry_tests::world::market_side;
use std::rc::Rc;

#[derive(Clone, Copy, Debug)]
enum Call {
    Lease,
    Release(u8),
    Convict(bool),
    Bond,
    Unbond,
    Slash,
    Reward,
}

#[derive(Debug)]
pub(crate) struct Usurp {
    call: Call,
    signer: Who,
    node: NodeRef,
    job: JobRef,
    amount: u64,
}

impl Usurp {
    pub(crate) fn draw(model: &Model, dice: &mut Dice) -> Option<Op> {
        let calls = [
            Call::Lease,
            Call::Release(dice.below(4) as u8),
            Call::Convict(dice.chance(50)),
            Call::Bond,
            Call::Unbond,
            Call::Slash,
            Call::Reward,
        ];
        let node = node(model, dice)?;
        // A node that has a job is the better prey.
        let leased = model.nodes.iter().find(|(_, n)| n.status == NodeStatus::Leased);
        Some(Rc::new(Self {
            call: dice.one_of(&calls),
            signer: if dice.chance(30) { AUTHORITY } else { wallet(dice) },
            node: leased.map_or(node, |(at, _)| *at),
            job: job(model, dice, |_| true)?,
            amount: dice.edge(1_000, u64::MAX),
        }))
    }
}

impl Operation for Usurp {
    fn name(&self) -> &'static str {
        "(usurp)"
    }

    fn instructions(&self) -> Vec<Instruction> {
        let signer = address(self.signer);
        let (provider, pool) = (Subject::Provider(self.node.0).at(), Subject::Pool(self.node.0).at());
        let stake = StakeTokens {
            mint: Coin::Stake.mint(),
            treasury: Model::treasury(Coin::Stake).at(),
        };
        let own = Purse::Own(self.signer, Coin::Stake).at();
        let amount = self.amount;
        vec![match self.call {
            Call::Lease => market_side::lease_node(&signer, &provider, &self.node.at(), &self.job.at()),
            Call::Release(outcome) => {
                market_side::release_node(&signer, &provider, &self.node.at(), outcome, amount, amount)
            }
            Call::Convict(equivocated) => {
                market_side::convict_node(&signer, &provider, &self.node.at(), u8::from(equivocated))
            }
            Call::Bond => market_side::bond(&signer, &pool, amount),
            Call::Unbond => market_side::release(&signer, &pool, amount),
            Call::Slash => market_side::slash(&signer, &pool, stake, &own, &own, (amount, amount)),
            Call::Reward => market_side::deposit_rewards(&signer, &pool, amount),
        }]
    }

    fn apply(&self, model: &mut Model) -> Verdict {
        let node = there(model.nodes.get(&self.node));
        let pool = there(model.pools.get(&self.node.0));
        match self.call {
            Call::Lease | Call::Release(_) => node.map(drop)?,
            // The node may be closed by now: only its provider has to be there.
            Call::Convict(_) => there(model.providers.get(&self.node.0)).map(drop)?,
            _ => pool.map(drop)?,
        }
        Err(vec!["NotMarket"])
    }
}
