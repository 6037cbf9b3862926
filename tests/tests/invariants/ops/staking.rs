//! Pools, and those who stake in them.

use super::{Op, Operation, signed_by, signer, wallet};
use crate::suite::{
    cast::{COINS, Coin, PAYER, Purse, Subject, Who, address},
    dice::Dice,
    model::{Model, Pool, Position, RUNTIME, Reasons, Verdict, because, there},
};
use gantry_sdk::{Instruction, ix};
use std::rc::Rc;

/// A provider's pool that exists, mostly.
fn pool(model: &Model, dice: &mut Dice) -> Option<Who> {
    if dice.chance(2) {
        return Some(wallet(dice));
    }
    let pools: Vec<Who> = model.pools.keys().copied().collect();
    dice.pick(&pools).copied()
}

/// A position that exists, mostly.
fn position(model: &Model, dice: &mut Dice, fits: impl Fn(&Position) -> bool) -> Option<(Who, Who)> {
    let fitting = model.positions.iter().filter(|(_, position)| fits(position));
    let fitting: Vec<(Who, Who)> = fitting.map(|(at, _)| *at).collect();
    if fitting.is_empty() && !dice.chance(8) {
        return None;
    }
    match dice.below(30) {
        0 => Some((wallet(dice), wallet(dice))),
        1..4 => {
            let any: Vec<(Who, Who)> = model.positions.keys().copied().collect();
            dice.pick(&any).copied()
        }
        _ => dice.pick(&fitting).copied(),
    }
}

fn commission(dice: &mut Dice) -> u16 {
    if dice.chance(20) {
        return dice.edge(10_000, 65_535) as u16;
    }
    dice.below(10_001) as u16
}

#[derive(Debug)]
pub(crate) struct CreatePool {
    who: Who,
    signer: Who,
    coin: Coin,
    commission: u16,
}

impl CreatePool {
    pub(crate) fn draw(model: &Model, dice: &mut Dice) -> Option<Op> {
        let bare = model.providers.keys().find(|who| !model.pools.contains_key(who));
        if bare.is_none() && !dice.chance(10) {
            return None;
        }
        let who = bare.copied().unwrap_or_else(|| wallet(dice));
        Some(Rc::new(Self {
            who,
            signer: signer(dice, who),
            coin: if dice.chance(5) {
                Coin::Stake
            } else {
                dice.one_of(&COINS[1..])
            },
            commission: commission(dice),
        }))
    }
}

impl Operation for CreatePool {
    fn name(&self) -> &'static str {
        "create_pool"
    }

    fn instructions(&self) -> Vec<Instruction> {
        for subject in [
            Subject::Purse(Purse::Stake(self.who)),
            Subject::Purse(Purse::Rewards(self.who)),
        ] {
            subject.at();
        }
        let (stake, coin) = (Coin::Stake.mint(), self.coin.mint());
        let create = ix::create_pool(&address(self.who), &address(PAYER), stake, coin, self.commission);
        signed_by(create, 0, self.signer)
    }

    fn apply(&self, model: &mut Model) -> Verdict {
        there(model.providers.get(&self.who))?;
        Reasons::default()
            .unless(self.signer == self.who, "NotProviderAuthority")
            .unless(!model.pools.contains_key(&self.who), RUNTIME)
            .unless(self.commission <= 10_000, "InvalidCommission")
            .verdict()?;
        model.pools.insert(self.who, Pool::new(self.coin, self.commission));
        model.purses.insert(Purse::Stake(self.who), 0);
        model.purses.insert(Purse::Rewards(self.who), 0);
        Ok(())
    }
}

#[derive(Debug)]
pub(crate) struct SetCommission {
    pool: Who,
    signer: Who,
    bps: u16,
}

impl SetCommission {
    pub(crate) fn draw(model: &Model, dice: &mut Dice) -> Option<Op> {
        let pool = pool(model, dice)?;
        Some(Rc::new(Self {
            pool,
            signer: signer(dice, pool),
            bps: commission(dice),
        }))
    }
}

impl Operation for SetCommission {
    fn name(&self) -> &'static str {
        "set_commission"
    }

    fn instructions(&self) -> Vec<Instruction> {
        signed_by(ix::set_commission(&address(self.pool), self.bps), 0, self.signer)
    }

    fn apply(&self, model: &mut Model) -> Verdict {
        let (now, notice) = (model.now, model.rules.staking.commission_notice_seconds);
        let pool = there(model.pools.get_mut(&self.pool))?;
        Reasons::default()
            .unless(self.signer == self.pool, "NotProviderAuthority")
            .unless(self.bps <= 10_000, "InvalidCommission")
            .verdict()?;
        pool.set_commission(self.bps, now, notice);
        Ok(())
    }
}

#[derive(Debug)]
pub(crate) struct Stake {
    pool: Who,
    owner: Who,
    amount: u64,
}

impl Stake {
    pub(crate) fn draw(model: &Model, dice: &mut Dice) -> Option<Op> {
        // In the opening the pool without stake comes first, and gets enough to take jobs.
        let minimum = model.rules.staking.minimum_pool_stake;
        let short = |who: Who, pool: &Pool| {
            let able = model.holds(Purse::Own(who, Coin::Stake)) >= 2 * minimum && pool.wipes.len() < 4;
            able && pool.active.stake < 2 * minimum
        };
        let empty = model.pools.iter().find(|(who, pool)| short(**who, pool));
        if let Some((pool, _)) = empty.filter(|_| dice.chance(85)) {
            let most = model.holds(Purse::Own(*pool, Coin::Stake)) / 2;
            let amount = minimum + dice.size(most.min(minimum.saturating_mul(1_000_000)));
            return Some(Rc::new(Self {
                pool: *pool,
                owner: *pool,
                amount,
            }));
        }
        let owner = wallet(dice);
        let has = model.holds(Purse::Own(owner, Coin::Stake));
        let amount = match dice.below(12) {
            0 => dice.edge(has, u64::MAX),
            1 => dice.edge(model.rules.staking.minimum_position_stake, u64::MAX),
            2 => dice.size(has),
            _ => model.rules.staking.minimum_position_stake + dice.size(has.min(2_000_000_000)),
        };
        Some(Rc::new(Self {
            pool: pool(model, dice)?,
            owner,
            amount,
        }))
    }
}

impl Operation for Stake {
    fn name(&self) -> &'static str {
        "stake"
    }

    fn instructions(&self) -> Vec<Instruction> {
        let source = Purse::Own(self.owner, Coin::Stake).at();
        Subject::Position(self.pool, self.owner).at();
        let (owner, payer, pool) = (address(self.owner), address(PAYER), Subject::Pool(self.pool).at());
        vec![ix::stake(
            &owner,
            &payer,
            &pool,
            Coin::Stake.mint(),
            &source,
            self.amount,
        )]
    }

    fn apply(&self, model: &mut Model) -> Verdict {
        let mut pool = there(model.pools.get(&self.pool))?.clone();
        let at = (self.pool, self.owner);
        let purse = Purse::Own(self.owner, Coin::Stake);
        Reasons::default()
            .unless(self.amount > 0, "ZeroAmount")
            .unless(self.amount <= model.holds(purse), RUNTIME)
            .verdict()?;
        let known = model.positions.get(&at).cloned();
        pool.positions += u32::from(known.is_none());
        let mut position = known.unwrap_or_else(|| Position::new(&pool));
        position.settle(&pool);
        let shares = because(pool.deposit(self.amount))?;
        position.shares += shares;
        let value = pool.active.value(position.shares).max(self.amount);
        let enough = shares > 0 && value >= model.rules.staking.minimum_position_stake;
        Reasons::default().unless(enough, "PositionTooSmall").verdict()?;
        model.pay(purse, Purse::Stake(self.pool), self.amount);
        model.pools.insert(self.pool, pool);
        model.positions.insert(at, position);
        Ok(())
    }
}

#[derive(Debug)]
pub(crate) struct RequestUnstake {
    pub(crate) pool: Who,
    pub(crate) owner: Who,
    pub(crate) signer: Who,
    pub(crate) shares: u128,
}

impl RequestUnstake {
    pub(crate) fn draw(model: &Model, dice: &mut Dice) -> Option<Op> {
        let (pool, owner) = position(model, dice, |position| position.shares > 0)?;
        let has = model
            .positions
            .get(&(pool, owner))
            .map_or(0, |position| position.shares);
        let shares = match dice.below(10) {
            0 => u128::MAX,
            1 => 0,
            2 => 1,
            3 => has + 1,
            4 => has,
            5 | 6 => has / 2,
            _ => u128::from(dice.size(has.min(u128::from(u64::MAX)) as u64)),
        };
        Some(Rc::new(Self {
            pool,
            owner,
            signer: signer(dice, owner),
            shares,
        }))
    }
}

impl Operation for RequestUnstake {
    fn name(&self) -> &'static str {
        "request_unstake"
    }

    fn instructions(&self) -> Vec<Instruction> {
        let request = ix::request_unstake(&address(self.owner), &Subject::Pool(self.pool).at(), self.shares);
        signed_by(request, 0, self.signer)
    }

    fn apply(&self, model: &mut Model) -> Verdict {
        let at = (self.pool, self.owner);
        let mut position = there(model.positions.get(&at))?.clone();
        let mut pool = there(model.pools.get(&self.pool))?.clone();
        Reasons::default()
            .unless(self.signer == self.owner, RUNTIME)
            .unless(self.shares > 0, "ZeroAmount")
            .verdict()?;
        position.settle(&pool);
        let left = position.shares.checked_sub(self.shares);
        position.shares = because(left.ok_or("InsufficientShares"))?;
        let minted = because(pool.unbond(self.shares))?;
        let minimum = model.rules.staking.minimum_position_stake;
        let enough = position.shares == 0 || pool.active.value(position.shares) >= minimum;
        Reasons::default().unless(enough, "PositionTooSmall").verdict()?;
        if minted > 0 {
            let unlocks = model.now + i64::from(model.rules.staking.unbonding_seconds);
            because(position.request(minted, unlocks))?;
        }
        model.pools.insert(self.pool, pool);
        model.positions.insert(at, position);
        Ok(())
    }
}

#[derive(Debug)]
pub(crate) struct CancelUnstake {
    pool: Who,
    owner: Who,
    signer: Who,
    place: u8,
}

impl CancelUnstake {
    pub(crate) fn draw(model: &Model, dice: &mut Dice) -> Option<Op> {
        let (pool, owner) = position(model, dice, |position| !position.requests.is_empty())?;
        let requests = model.positions.get(&(pool, owner)).map_or(0, |p| p.requests.len());
        let place = if dice.chance(10) {
            dice.edge(requests as u64, 255)
        } else {
            dice.below(requests as u64)
        };
        Some(Rc::new(Self {
            pool,
            owner,
            signer: signer(dice, owner),
            place: place as u8,
        }))
    }
}

impl Operation for CancelUnstake {
    fn name(&self) -> &'static str {
        "cancel_unstake"
    }

    fn instructions(&self) -> Vec<Instruction> {
        let cancel = ix::cancel_unstake(&address(self.owner), &Subject::Pool(self.pool).at(), self.place);
        signed_by(cancel, 0, self.signer)
    }

    fn apply(&self, model: &mut Model) -> Verdict {
        let at = (self.pool, self.owner);
        let mut position = there(model.positions.get(&at))?.clone();
        let mut pool = there(model.pools.get(&self.pool))?.clone();
        let place = usize::from(self.place);
        Reasons::default()
            .unless(self.signer == self.owner, RUNTIME)
            .unless(place < position.requests.len(), "UnknownRequest")
            .verdict()?;
        position.settle(&pool);
        let (shares, _) = position.requests.remove(place);
        position.shares += because(pool.rebond(shares))?;
        model.pools.insert(self.pool, pool);
        model.positions.insert(at, position);
        Ok(())
    }
}

/// Whose token account takes what `owner` is paid, and in which mint: now and then another's, or of a wrong mint.
fn destination(dice: &mut Dice, owner: Who, coin: Coin) -> Purse {
    let coin = if dice.chance(4) { dice.one_of(&COINS) } else { coin };
    Purse::Own(signer(dice, owner), coin)
}

#[derive(Debug)]
pub(crate) struct Withdraw {
    pub(crate) pool: Who,
    pub(crate) owner: Who,
    pub(crate) signer: Who,
    pub(crate) to: Purse,
}

impl Withdraw {
    pub(crate) fn draw(model: &Model, dice: &mut Dice) -> Option<Op> {
        let now = model.now;
        let due = |position: &Position| position.requests.iter().any(|(_, unlocks)| *unlocks <= now);
        let (pool, owner) = position(model, dice, due)?;
        Some(Rc::new(Self {
            pool,
            owner,
            signer: signer(dice, owner),
            to: destination(dice, owner, Coin::Stake),
        }))
    }
}

impl Operation for Withdraw {
    fn name(&self) -> &'static str {
        "withdraw"
    }

    fn instructions(&self) -> Vec<Instruction> {
        let (owner, pool) = (address(self.owner), Subject::Pool(self.pool).at());
        let withdraw = ix::withdraw(&owner, &pool, Coin::Stake.mint(), &self.to.at());
        signed_by(withdraw, 0, self.signer)
    }

    fn apply(&self, model: &mut Model) -> Verdict {
        let at = (self.pool, self.owner);
        let mut position = there(model.positions.get(&at))?.clone();
        let mut pool = there(model.pools.get(&self.pool))?.clone();
        let due = position.take_due(model.now);
        Reasons::default()
            .unless(self.signer == self.owner, RUNTIME)
            .unless(matches!(self.to, Purse::Own(_, Coin::Stake)), RUNTIME)
            .unless(due > 0, "NothingToWithdraw")
            .verdict()?;
        let amount = because(pool.withdraw(due))?;
        model.pay(Purse::Stake(self.pool), self.to, amount);
        model.pools.insert(self.pool, pool);
        model.positions.insert(at, position);
        Ok(())
    }
}

#[derive(Debug)]
pub(crate) struct ClaimRewards {
    pub(crate) pool: Who,
    pub(crate) owner: Who,
    pub(crate) signer: Who,
    pub(crate) coin: Coin,
    pub(crate) to: Purse,
}

impl ClaimRewards {
    /// A staker that has earned something, mostly.
    fn earner(model: &Model, dice: &mut Dice) -> Option<(Who, Who)> {
        let earned = model.positions.iter().filter(|((pool, _), position)| {
            let mut position = (*position).clone();
            position.settle(&model.pools[pool]);
            position.owed > 0
        });
        let earned: Vec<(Who, Who)> = earned.map(|(at, _)| *at).collect();
        if earned.is_empty() || dice.chance(20) {
            return position(model, dice, |_| false);
        }
        dice.pick(&earned).copied()
    }

    pub(crate) fn draw(model: &Model, dice: &mut Dice) -> Option<Op> {
        let (pool, owner) = Self::earner(model, dice)?;
        let coin = model.pools.get(&pool).map_or(Coin::Usdc, |pool| pool.coin);
        Some(Rc::new(Self {
            pool,
            owner,
            signer: signer(dice, owner),
            coin,
            to: destination(dice, owner, coin),
        }))
    }
}

impl Operation for ClaimRewards {
    fn name(&self) -> &'static str {
        "claim_rewards"
    }

    fn instructions(&self) -> Vec<Instruction> {
        let (owner, pool) = (address(self.owner), Subject::Pool(self.pool).at());
        let claim = ix::claim_rewards(&owner, &pool, self.coin.mint(), &self.to.at());
        signed_by(claim, 0, self.signer)
    }

    fn apply(&self, model: &mut Model) -> Verdict {
        let at = (self.pool, self.owner);
        let mut position = there(model.positions.get(&at))?.clone();
        let pool = there(model.pools.get(&self.pool))?.clone();
        position.settle(&pool);
        let amount = std::mem::take(&mut position.owed);
        let right_mint = matches!(self.to, Purse::Own(_, coin) if coin == pool.coin);
        Reasons::default()
            .unless(self.signer == self.owner, RUNTIME)
            .unless(right_mint, RUNTIME)
            .unless(self.coin == pool.coin, "WrongMint")
            .unless(amount > 0, "NothingToClaim")
            .verdict()?;
        model.pay(Purse::Rewards(self.pool), self.to, amount);
        model.pool(self.pool).unclaimed -= amount;
        model.positions.insert(at, position);
        Ok(())
    }
}
