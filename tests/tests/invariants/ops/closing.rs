//! Positions and pools that are closed.

use super::{Op, Operation, put, signed_by, signer, wallet};
use crate::suite::{
    cast::{COINS, Coin, PAYER, Purse, Subject, Who, address},
    dice::Dice,
    model::{Model, Pool, RUNTIME, Reasons, Verdict, there},
};
use anchor_lang::AnchorDeserialize;
use gantry_sdk::{Instruction, ix, staking};
use std::rc::Rc;

#[derive(Debug)]
pub(crate) struct ClosePosition {
    pub(crate) pool: Who,
    pub(crate) owner: Who,
    pub(crate) signer: Who,
}

impl ClosePosition {
    pub(crate) fn draw(model: &Model, dice: &mut Dice) -> Option<Op> {
        let empty = model.positions.iter().filter(|((pool, _), position)| {
            let wiped = position.wipes < model.pools[pool].wipes.len();
            (wiped || position.shares == 0) && position.requests.is_empty()
        });
        let empty: Vec<(Who, Who)> = empty.map(|(at, _)| *at).collect();
        let all: Vec<(Who, Who)> = model.positions.keys().copied().collect();
        let from = if dice.chance(80) { &empty } else { &all };
        let (pool, owner) = *dice.pick(from)?;
        Some(Rc::new(Self {
            pool,
            owner,
            signer: signer(dice, owner),
        }))
    }
}

impl Operation for ClosePosition {
    fn name(&self) -> &'static str {
        "close_position"
    }

    fn instructions(&self) -> Vec<Instruction> {
        let (owner, pool) = (address(self.owner), Subject::Pool(self.pool).at());
        signed_by(ix::close_position(&owner, &pool, &address(PAYER)), 0, self.signer)
    }

    fn apply(&self, model: &mut Model) -> Verdict {
        let at = (self.pool, self.owner);
        let mut position = there(model.positions.get(&at))?.clone();
        position.settle(&model.pools[&self.pool]);
        Reasons::default()
            .unless(self.signer == self.owner, RUNTIME)
            .unless(position.shares == 0 && position.requests.is_empty(), "PositionInUse")
            .unless(position.owed == 0, "RewardsOwed")
            .verdict()?;
        model.positions.remove(&at);
        let pool = model.pool(self.pool);
        pool.positions -= 1;
        pool.left += 1;
        Ok(())
    }
}

#[derive(Debug)]
pub(crate) struct ClosePool {
    pub(crate) who: Who,
    pub(crate) signer: Who,
    pub(crate) coin: Coin,
    /// Whose token account takes what is left of the rewards.
    pub(crate) to: Who,
}

impl ClosePool {
    pub(crate) fn draw(model: &Model, dice: &mut Dice) -> Option<Op> {
        let unused = |pool: &Pool| pool.positions == 0 && pool.bonded == 0;
        let unused = model.pools.iter().filter(|(_, pool)| unused(pool));
        let unused: Vec<Who> = unused.map(|(who, _)| *who).collect();
        let all: Vec<Who> = model.pools.keys().copied().collect();
        // Most that are not used yet wait for their first staker.
        let from = if dice.chance(80) { &unused } else { &all };
        if dice.chance(60) {
            return None;
        }
        let who = *dice.pick(from)?;
        let coin = model.pools[&who].coin;
        let payout = model.providers.get(&who).map_or(who, |provider| provider.payout);
        Some(Rc::new(Self {
            who,
            signer: signer(dice, who),
            coin: if dice.chance(4) { dice.one_of(&COINS) } else { coin },
            to: if dice.chance(4) { wallet(dice) } else { payout },
        }))
    }
}

impl Operation for ClosePool {
    fn name(&self) -> &'static str {
        "close_pool"
    }

    fn instructions(&self) -> Vec<Instruction> {
        let zeros = [0; 1_024];
        let pool = staking::accounts::Pool::deserialize(&mut &zeros[..]);
        let params = staking::accounts::StakingParams::deserialize(&mut &zeros[..]);
        let (mut pool, mut params) = (pool.expect("zeros are a pool"), params.expect("zeros are rules"));
        pool.provider = Subject::Provider(self.who).at();
        pool.reward_mint = self.coin.mint().mint;
        pool.reward_token_program = self.coin.mint().token_program;
        pool.rent_payer = address(PAYER);
        params.stake_mint = Coin::Stake.mint().mint;
        params.token_program = Coin::Stake.mint().token_program;
        params.treasury = Model::treasury(Coin::Stake).at();
        let to = Purse::Own(self.to, self.coin).at();
        let mut close = ix::close_pool(&address(self.who), &pool, &params, &to);
        // Has its addresses noted, so that they are compared.
        put(&mut close, Subject::Pool(self.who).at(), Subject::Pool(self.who).at());
        signed_by(close, 0, self.signer)
    }

    fn apply(&self, model: &mut Model) -> Verdict {
        let pool = there(model.pools.get(&self.who))?;
        let payout = model.providers[&self.who].payout;
        let mut reasons = Reasons::default();
        if self.coin != pool.coin {
            reasons.unless(false, "WrongMint").unless(false, "WrongTokenProgram");
        }
        reasons
            .unless(self.signer == self.who, "NotProviderAuthority")
            .unless(self.to == payout, "WrongDestination")
            .unless(
                pool.positions == 0 && pool.bonded == 0 && pool.unbonding.stake == 0,
                "PoolInUse",
            )
            .verdict()?;
        let (stake, rewards) = (Purse::Stake(self.who), Purse::Rewards(self.who));
        model.pay(stake, Model::treasury(Coin::Stake), model.holds(stake));
        model.pay(rewards, Purse::Own(self.to, self.coin), model.holds(rewards));
        model.purses.remove(&stake);
        model.purses.remove(&rewards);
        model.pools.remove(&self.who);
        Ok(())
    }
}
