//! Law 1, law 3 and law 5: what pools hold, what answers for jobs, and what a share is worth.

use super::{Law, Laws, Touched, ensure, read};
use crate::suite::{
    cast::{JobRef, Purse, Subject, Who},
    model::{
        Model,
        wide::{product, ratio},
    },
    ops::Operation,
};
use gantry_sdk::{
    Pubkey,
    staking::accounts::{Pool, Position},
};
use std::collections::HashMap;

/// `(stake + 1) / (shares + 1)` of the first is at most that of the second.
fn not_dearer(before: (u64, u128), after: (u64, u128)) -> bool {
    product(after.1 + 1, before.0 + 1) <= product(before.1 + 1, after.0 + 1)
}

fn active(pool: &Pool) -> (u64, u128) {
    (pool.active, pool.active_shares)
}

fn unbonding(pool: &Pool) -> (u64, u128) {
    (pool.unbonding, pool.unbonding_shares)
}

/// What a position could take with it, base units.
fn worth(pool: &Pool, position: &Position) -> u64 {
    let value = |(stake, all): (u64, u128), shares: u128| ratio(shares, stake + 1, all + 1).unwrap_or(0) as u64;
    let live = position.wipes == pool.wipes;
    let leaving = requests(position).iter().map(|(shares, _)| shares).sum();
    value(active(pool), if live { position.shares } else { 0 }) + value(unbonding(pool), leaving)
}

/// Shares on their way out, and when they may leave.
fn requests(position: &Position) -> Vec<(u128, i64)> {
    let requests = &position.unbonding[..usize::from(position.unbonding_count)];
    requests.iter().map(|r| (r.shares, r.unlocks_at)).collect()
}

/// Revenue that a position has earned and not claimed, base units in 1/2⁶⁴.
fn earned(pool: &Pool, position: &Position) -> u128 {
    let end = if position.wipes == pool.wipes {
        pool.reward_index
    } else {
        pool.wiped_reward_index[usize::from(position.wipes)]
    };
    (end - position.reward_index) * position.shares
        + (u128::from(position.rewards_owed) << 64)
        + u128::from(position.reward_fraction)
}

/// The pool and, where there is one, the staker whose position changed with it.
struct Change {
    who: Who,
    before: Option<Pool>,
    staker: Option<Who>,
}

impl Laws {
    pub(super) fn stakes(
        &mut self,
        op: &dyn Operation,
        touched: &[Touched],
        moved: &HashMap<Pubkey, i128>,
        model: &Model,
    ) -> Law {
        let mut changed: Vec<Change> = Vec::new();
        for (subject, _, data) in touched {
            match (subject, data) {
                (Subject::Pool(who), Some(data)) => changed.push(Change {
                    who: *who,
                    before: self.pools.insert(*who, read(data)?),
                    staker: None,
                }),
                (Subject::Pool(who), None) => self.pool_closed(*who, moved)?,
                (Subject::Position(pool, who), Some(data)) => {
                    let position = read(data)?;
                    self.waits(op, (*pool, *who), &position, model)?;
                    self.positions.insert((*pool, *who), position);
                    if let Some(last) = changed.iter_mut().find(|change| change.who == *pool) {
                        last.staker = Some(*who);
                    }
                }
                (Subject::Position(pool, who), None) => self.position_closed((*pool, *who))?,
                _ => {}
            }
        }
        for Change { who, before, staker } in changed {
            let pool = &self.pools[&who];
            self.covered(who, pool, model)?;
            if let Some(before) = before {
                self.prices(op, who, &before, staker)?;
            }
        }
        Ok(())
    }

    /// A position closes with nothing left in it but a part of a base unit of revenue.
    fn position_closed(&mut self, at: (Who, Who)) -> Law {
        let Some(position) = self.positions.remove(&at) else {
            return Ok(());
        };
        let pool = &self.pools[&at.0];
        let (worth, left) = (worth(pool, &position), earned(pool, &position));
        *self.forgone.entry(at.0).or_default() += left;
        ensure(worth == 0 && left >> 64 == 0, || {
            format!("law 5: closing {at:?} lost it {worth} of stake and {left} of revenue, in 1/2⁶⁴")
        })
    }

    /// A pool closes when nobody has anything in it and it answers for nothing; its vaults are emptied.
    fn pool_closed(&mut self, who: Who, moved: &HashMap<Pubkey, i128>) -> Law {
        let Some(pool) = self.pools.remove(&who) else {
            return Ok(());
        };
        self.forgone.remove(&who);
        let stakers = self.positions.range((who, 0)..=(who, Who::MAX)).count();
        let empty = pool.active == 0 && pool.unbonding == 0 && pool.bonded == 0;
        ensure(empty && stakers == 0, || {
            format!(
                "law 3: pool {who} closed with {stakers} stakers, {} bonded",
                pool.bonded
            )
        })?;
        let vaults = [Purse::Stake(who).at(), Purse::Rewards(who).at()];
        ensure(vaults.iter().all(|vault| moved.contains_key(vault)), || {
            format!("law 1: pool {who} closed without its vaults")
        })
    }

    /// Stake that is asked for waits the unbonding time, and nothing makes that shorter.
    fn waits(&self, op: &dyn Operation, at: (Who, Who), position: &Position, model: &Model) -> Law {
        let before = self.positions.get(&at).map(requests).unwrap_or_default();
        let after = requests(position);
        let unbonding = i64::from(model.rules.staking.unbonding_seconds);
        let early = |name: &str, (_, unlocks): &(u128, i64)| match name {
            "request_unstake" => *unlocks != model.now + unbonding,
            _ => true,
        };
        let new = after.iter().skip(before.len());
        let odd = new.clone().any(|request| early(op.name(), request)) || new.count() > 1;
        ensure(!odd, || {
            format!("law 3: {at:?} was promised {after:?} at {}", model.now)
        })?;
        if op.name() == "withdraw" {
            let gone = &before[..before.len() - after.len()];
            let due = gone.iter().all(|(_, unlocks)| *unlocks <= model.now);
            return ensure(due, || format!("law 3: {at:?} withdrew {gone:?} at {}", model.now));
        }
        Ok(())
    }

    /// The vaults hold what is counted, what is bonded could be slashed, and rewards add up to the last fraction.
    fn covered(&self, who: Who, pool: &Pool, model: &Model) -> Law {
        let held = |purse: Purse| u128::from(self.tokens.get(&purse.at()).map_or(0, |held| held.1));
        let counted = u128::from(pool.active) + u128::from(pool.unbonding);
        let dust = u128::from(model.pools[&who].dust);
        let stake = held(Purse::Stake(who));
        ensure(stake == counted + dust, || {
            format!("law 1: pool {who} holds {stake}, counts {counted} and {dust} of dust")
        })?;
        ensure(pool.bonded <= pool.active, || {
            format!("law 3: pool {who} bonds {} of {}", pool.bonded, pool.active)
        })?;
        let theirs = |at: &JobRef| model.jobs.get(at).is_some_and(|job| job.provider == Some(who));
        let jobs = self.lives.iter().filter(|(at, _)| theirs(at));
        let bonds: u128 = jobs.map(|(_, life)| u128::from(life.bond)).sum();
        ensure(bonds == u128::from(pool.bonded), || {
            format!("law 3: pool {who} bonds {} for jobs that ask {bonds}", pool.bonded)
        })?;
        let rewards = held(Purse::Rewards(who));
        ensure(rewards >= u128::from(pool.rewards_unclaimed), || {
            format!("law 1: pool {who} owes {} and holds {rewards}", pool.rewards_unclaimed)
        })?;
        let forgone = self.forgone.get(&who).copied().unwrap_or(0);
        let (mut owed, mut shares, mut leaving) = (pool.reward_remainder + forgone, 0u128, 0u128);
        for position in self.positions.range((who, 0)..=(who, Who::MAX)).map(|(_, p)| p) {
            owed += earned(pool, position);
            shares += if position.wipes == pool.wipes {
                position.shares
            } else {
                0
            };
            leaving += requests(position).iter().map(|(shares, _)| shares).sum::<u128>();
        }
        ensure(owed == u128::from(pool.rewards_unclaimed) << 64, || {
            format!("law 1: pool {who} owes {owed} of {} << 64", pool.rewards_unclaimed)
        })?;
        ensure(shares == pool.active_shares && leaving == pool.unbonding_shares, || {
            format!("law 1: the positions of pool {who} have {shares} and {leaving} shares")
        })
    }

    /// The price of a share falls by a slash only, and nobody's stake suffers from what another does.
    fn prices(&self, op: &dyn Operation, who: Who, before: &Pool, acted: Option<Who>) -> Law {
        let pool = &self.pools[&who];
        if pool.slashed_total != before.slashed_total {
            return slashed(op, who, before, pool);
        }
        for (name, old, new) in [
            ("active", active(before), active(pool)),
            ("unbonding", unbonding(before), unbonding(pool)),
        ] {
            // Without shares there is nobody whose price it could be.
            let shared = old.1 > 0 && new.1 > 0;
            ensure(!shared || not_dearer(old, new), || {
                format!("law 5: the {name} price of pool {who} fell from {old:?} to {new:?}")
            })?;
        }
        for ((_, other), position) in self.positions.range((who, 0)..=(who, Who::MAX)) {
            if acted == Some(*other) {
                continue;
            }
            let (had, has) = (worth(before, position), worth(pool, position));
            ensure(has >= had, || {
                format!("law 5: {} took {} from {other} in pool {who}", op.name(), had - has)
            })?;
        }
        Ok(())
    }
}

/// A slash takes no more than what one job's bond set aside, from active and unbonding stake alike.
fn slashed(op: &dyn Operation, who: Who, before: &Pool, pool: &Pool) -> Law {
    let may = [
        "expire_assignment",
        "settle_with_slash",
        "resolve_dispute",
        "slash_equivocation",
    ];
    ensure(may.contains(&op.name()), || {
        format!("law 5: {} slashed pool {who}", op.name())
    })?;
    let amount = pool.slashed_total - before.slashed_total;
    let bond = before.bonded.saturating_sub(pool.bonded);
    let all = |pool: &Pool| u128::from(pool.active) + u128::from(pool.unbonding);
    let lost = all(before) - all(pool);
    let wiped = pool.wipes > before.wipes;
    ensure(
        amount <= bond && (lost == u128::from(amount) || (wiped && lost >= u128::from(amount))),
        || format!("law 3: {} took {lost} for {amount} of a bond of {bond}", op.name()),
    )?;
    // In proportion, but for the rounding: what the unbonding stake bears is its part of the whole, rounded down.
    let share = u128::from(amount) * u128::from(before.unbonding) / all(before);
    let bore = u128::from(before.unbonding).saturating_sub(pool.unbonding.into());
    ensure(wiped || bore == share, || {
        format!("law 3: the unbonding stake of pool {who} bore {bore} and not {share}")
    })
}
