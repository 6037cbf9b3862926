//! What must always hold (`docs`: the design's invariants), checked on the chain's own accounts, without the model's
//! arithmetic: a mistake that model and program share does not pass here.

use super::{
    cast::{JobRef, Purse, Subject, Who, subject_at},
    chain::settlement,
    model::{
        Model,
        compare::amount,
        wide::{product, ratio},
    },
    ops::{Operation, running::Flaw},
};
use gantry_sdk::{
    Pubkey,
    core::receipt::ReceiptStatus,
    staking::accounts::{Pool, Position},
    state::decode_account,
};
use std::collections::{BTreeMap, HashMap};

/// What the laws know of a job, from what went through.
#[derive(Default)]
struct Life {
    deposited: u64,
    gifts: u64,
    started: Option<i64>,
    ended: Option<i64>,
    assignment: u32,
    sequence: Option<u64>,
    /// Most seconds that the node's key has signed for.
    signed: u64,
    price: u64,
    longest: u32,
}

/// Watches one history.
#[derive(Default)]
pub(crate) struct Laws {
    tokens: HashMap<Pubkey, (Pubkey, u64)>,
    pools: BTreeMap<Who, Pool>,
    positions: BTreeMap<(Who, Who), Position>,
    lives: BTreeMap<JobRef, Life>,
    /// Jobs that were closed, and so can never come back.
    closed: Vec<JobRef>,
}

/// An account that a step could write: its subject, its address and its data now.
pub(crate) type Touched<'a> = (Subject, Pubkey, Option<&'a [u8]>);

type Law = Result<(), String>;

fn ensure(holds: bool, law: impl FnOnce() -> String) -> Law {
    if holds { Ok(()) } else { Err(law()) }
}

fn mint_of(data: &[u8]) -> Pubkey {
    let bytes: [u8; 32] = data[..32].try_into().expect("a token account");
    Pubkey::from(bytes)
}

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
    let requests = &position.unbonding[..usize::from(position.unbonding_count)];
    let leaving = requests.iter().map(|request| request.shares).sum();
    value(active(pool), if live { position.shares } else { 0 }) + value(unbonding(pool), leaving)
}

impl Laws {
    /// Notes token accounts as they are before anything happens.
    pub(crate) fn begin(&mut self, accounts: impl Iterator<Item = (Pubkey, Vec<u8>)>) {
        for (address, data) in accounts {
            self.tokens.insert(address, (mint_of(&data), amount(&data)));
        }
    }

    /// Checks a step that went through at `now`. `model` is the model after it.
    pub(crate) fn observe(&mut self, op: &dyn Operation, touched: &[Touched], logs: &[String], model: &Model) -> Law {
        let moved = self.conservation(touched)?;
        self.receipts(op, model.now)?;
        self.jobs(op, touched, logs, &moved, model)?;
        self.stakes(op, touched, model)
    }

    /// No token comes from nowhere or is lost: what leaves one account of a mint arrives in others.
    fn conservation(&mut self, touched: &[Touched]) -> Result<HashMap<Pubkey, i128>, String> {
        let (mut sums, mut moved) = (HashMap::<Pubkey, i128>::new(), HashMap::new());
        for (subject, address, data) in touched {
            if !matches!(subject, Subject::Purse(_)) {
                continue;
            }
            let before = self.tokens.get(address).copied();
            let after = data.map(|data| (mint_of(data), amount(data)));
            let Some((mint, _)) = after.or(before) else { continue };
            let change = i128::from(after.map_or(0, |a| a.1)) - i128::from(before.map_or(0, |b| b.1));
            *sums.entry(mint).or_default() += change;
            moved.insert(*address, change);
            match after {
                Some(after) => self.tokens.insert(*address, after),
                None => self.tokens.remove(address),
            };
        }
        for (mint, sum) in sums {
            ensure(sum == 0, || format!("law 1: {sum} base units of {mint} out of nowhere"))?;
        }
        Ok(moved)
    }

    /// A receipt is good for one network, one job, one assignment, one sequence number, from one key.
    fn receipts(&mut self, op: &dyn Operation, now: i64) -> Law {
        let Some((at, paper)) = op.receipt() else { return Ok(()) };
        let life = self.lives.entry(at).or_default();
        let odd = || format!("law 7: {paper:?} went through for {at:?}");
        ensure(paper.flaw == Flaw::None && paper.job == at, odd)?;
        ensure(paper.assignment == life.assignment, odd)?;
        ensure(life.sequence.is_none_or(|last| paper.sequence > last), odd)?;
        life.sequence = Some(paper.sequence);
        life.signed = life.signed.max(paper.served);
        let started = *life.started.get_or_insert(now);
        let passed = life.ended.unwrap_or(now) - started;
        ensure(i128::from(paper.served) <= i128::from(passed), || {
            format!("law 2: {} seconds proven of {passed} that passed", paper.served)
        })?;
        if paper.status != ReceiptStatus::Running {
            life.ended.get_or_insert(now);
        }
        Ok(())
    }

    fn jobs(
        &mut self,
        op: &dyn Operation,
        touched: &[Touched],
        logs: &[String],
        moved: &HashMap<Pubkey, i128>,
        model: &Model,
    ) -> Law {
        if op.name() == "settle_job" {
            self.settled(logs)?;
        }
        for (subject, _, data) in touched {
            if let Subject::Purse(Purse::Vault(at)) = subject {
                self.vault(*at, op, *data, moved)?;
            }
        }
        for (subject, _, data) in touched {
            match subject {
                Subject::Job(at) if data.is_some() => {
                    ensure(!self.closed.contains(at), || format!("law 7: {at:?} came back"))?;
                    let life = self.lives.entry(*at).or_default();
                    let job = &model.jobs[at];
                    if job.assignment != life.assignment {
                        // A new assignment: nothing signed before counts for it.
                        life.assignment = job.assignment;
                        (life.sequence, life.signed, life.started) = (None, 0, None);
                    }
                    (life.price, life.longest) = (job.price, job.spec.max_duration);
                    if job.ended() {
                        life.ended.get_or_insert(model.now);
                    }
                }
                Subject::Job(at) if self.lives.remove(at).is_some() => self.closed.push(*at),
                _ => {}
            }
        }
        Ok(())
    }

    /// Everything that was deposited is paid, and nobody is paid for a second that the node's key did not sign, or that
    /// had not passed.
    fn settled(&self, logs: &[String]) -> Law {
        let event = settlement(logs).ok_or("a settlement without its event")?;
        let Some(Subject::Job(at)) = subject_at(&event.job) else {
            return Err(format!("a settlement of {}", event.job));
        };
        let earners = [
            event.to_provider,
            event.to_delegators,
            event.to_matcher,
            event.to_treasury,
        ];
        let earned: u128 = earners.iter().copied().map(u128::from).sum();
        let life = self.lives.get(&at).ok_or("a settlement of a job that never was")?;
        ensure(
            earned + u128::from(event.to_customer) == u128::from(life.deposited),
            || format!("law 1: {at:?} had {} and paid {event:?}", life.deposited),
        )?;
        let passed = match (life.started, life.ended) {
            (Some(started), Some(ended)) => (ended - started).max(0) as u128,
            _ => 0,
        };
        let seconds = passed.min(u128::from(life.signed)).min(u128::from(life.longest));
        let most = u128::from(life.price) * seconds / 3_600;
        ensure(earned <= most, || {
            format!("law 2: {earned} paid for {seconds} seconds, which cost {most}")
        })
    }

    /// A vault opens with the deposit, and closes with all of it gone to those who may have it.
    fn vault(&mut self, at: JobRef, op: &dyn Operation, data: Option<&[u8]>, moved: &HashMap<Pubkey, i128>) -> Law {
        let change = moved.get(&Purse::Vault(at).at()).copied().unwrap_or(0);
        if data.is_none() && change == 0 && !self.lives.contains_key(&at) {
            // Lamports sent to where there is no vault yet.
            return Ok(());
        }
        let life = self.lives.entry(at).or_default();
        if op.name() == "open_job" {
            life.deposited = u64::try_from(change).map_err(|_| "law 1: an opened vault lost tokens")?;
            return Ok(());
        }
        if data.is_some() {
            life.gifts += u64::try_from(change).map_err(|_| "law 1: a vault of an open job lost tokens")?;
            return Ok(());
        }
        let all = i128::from(life.deposited) + i128::from(life.gifts);
        ensure(change == -all, || {
            format!("law 1: the vault of {at:?} held {} of {all}", -change)
        })
    }

    fn stakes(&mut self, op: &dyn Operation, touched: &[Touched], model: &Model) -> Law {
        let mut changed = Vec::new();
        for (subject, _, data) in touched {
            let Some(data) = data else { continue };
            match subject {
                Subject::Pool(who) => {
                    let pool: Pool = decode_account(data).map_err(|error| error.to_string())?;
                    changed.push((*who, self.pools.insert(*who, pool), None));
                }
                Subject::Position(pool, who) => {
                    let position: Position = decode_account(data).map_err(|error| error.to_string())?;
                    let before = self.positions.insert((*pool, *who), position);
                    if let Some(last) = changed.iter_mut().find(|(at, ..)| at == pool) {
                        last.2 = Some((*who, before));
                    }
                }
                _ => {}
            }
        }
        for (who, before, acted) in changed {
            let pool = &self.pools[&who];
            self.covered(who, pool, model)?;
            if let Some(before) = before {
                self.prices(op, who, &before, acted.map(|(who, _)| who))?;
            }
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
        let jobs = model.jobs.values().filter(|job| job.provider == Some(who));
        let bonds: u128 = jobs.map(|job| u128::from(job.bond)).sum();
        ensure(bonds == u128::from(pool.bonded), || {
            format!("law 3: pool {who} bonds {} for jobs that ask {bonds}", pool.bonded)
        })?;
        let rewards = held(Purse::Rewards(who));
        ensure(rewards >= u128::from(pool.rewards_unclaimed), || {
            format!("law 1: pool {who} owes {} and holds {rewards}", pool.rewards_unclaimed)
        })?;
        let (mut owed, mut shares, mut leaving) = (pool.reward_remainder, 0u128, 0u128);
        for position in self.positions.range((who, 0)..=(who, Who::MAX)).map(|(_, p)| p) {
            let live = position.wipes == pool.wipes;
            let end = if live {
                pool.reward_index
            } else {
                pool.wiped_reward_index[usize::from(position.wipes)]
            };
            owed += (end - position.reward_index) * position.shares;
            owed += (u128::from(position.rewards_owed) << 64) + u128::from(position.reward_fraction);
            shares += if live { position.shares } else { 0 };
            let requests = &position.unbonding[..usize::from(position.unbonding_count)];
            leaving += requests.iter().map(|request| request.shares).sum::<u128>();
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
            return ensure(op.name() == "expire_assignment", || {
                format!("law 5: {} slashed pool {who}", op.name())
            });
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
