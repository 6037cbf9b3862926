//! Histories of a pool with three stakers, as the instructions drive it: what each act may change for the others, and
//! what adds up to the base unit however long it goes on.

use super::*;
use crate::state::{
    MAX_UNBONDING, Position,
    tranche::properties::{amount, number, price_did_not_fall},
};
use num_bigint::BigUint;
use proptest::{collection::vec, prelude::*};

const STAKERS: usize = 3;

#[derive(Clone, Copy, Debug)]
enum Act {
    Stake(usize, u64),
    /// So many parts of 255 of the shares.
    RequestUnstake(usize, u8),
    CancelUnstake(usize, usize),
    Withdraw(usize, usize),
    Claim(usize),
    Revenue(u64),
    /// So many parts of 255 of the free stake.
    Bond(u8),
    Release(u8),
    /// So many parts of 255 of what is bonded make the job's bond, and so many of that are taken.
    Slash(u8, u8),
}

impl Act {
    /// Who does it; none where the market does.
    fn by(self) -> Option<usize> {
        match self {
            Self::Stake(who, _)
            | Self::RequestUnstake(who, _)
            | Self::CancelUnstake(who, _)
            | Self::Withdraw(who, _)
            | Self::Claim(who) => Some(who),
            Self::Revenue(_) | Self::Bond(_) | Self::Release(_) | Self::Slash(..) => None,
        }
    }
}

fn act(bits: u32) -> impl Strategy<Value = Act> {
    let who = || 0..STAKERS;
    let part = || prop_oneof![3 => any::<u8>(), 1 => Just(u8::MAX)];
    let sized = move || number(bits).prop_map(|number| number as u64);
    prop_oneof![
        5 => (who(), sized()).prop_map(|(who, amount)| Act::Stake(who, amount)),
        3 => (who(), part()).prop_map(|(who, part)| Act::RequestUnstake(who, part)),
        1 => (who(), 0..MAX_UNBONDING).prop_map(|(who, place)| Act::CancelUnstake(who, place)),
        2 => (who(), 0..MAX_UNBONDING).prop_map(|(who, place)| Act::Withdraw(who, place)),
        1 => who().prop_map(Act::Claim),
        3 => sized().prop_map(Act::Revenue),
        2 => part().prop_map(Act::Bond),
        1 => part().prop_map(Act::Release),
        2 => (part(), part()).prop_map(|(bond, taken)| Act::Slash(bond, taken)),
    ]
}

/// Small, ordinary and largest numbers, each kind for a whole history.
fn history() -> impl Strategy<Value = Vec<Act>> {
    prop_oneof![Just(4u32), Just(20), Just(45), Just(63)].prop_flat_map(|bits| vec(act(bits), 1..60))
}

/// The ends, and the same again, as often as any other.
fn commission() -> impl Strategy<Value = u16> {
    prop_oneof![3 => 0u16..=10_001, 1 => Just(0), 1 => Just(BPS), 1 => Just(BPS + 1)]
}

/// `part` of 255 of `whole`.
fn part_of(whole: u128, part: u8) -> u128 {
    if part == u8::MAX {
        whole
    } else {
        whole / 255 * u128::from(part) + whole % 255 * u128::from(part) / 255
    }
}

#[derive(Clone, Copy)]
struct World {
    pool: Pool,
    positions: [Position; STAKERS],
    /// What the stake vault holds.
    vault: u128,
    claimed: u128,
    revenue: u128,
}

impl World {
    fn new() -> Self {
        Self {
            pool: bytemuck::Zeroable::zeroed(),
            positions: bytemuck::Zeroable::zeroed(),
            vault: 0,
            claimed: 0,
            revenue: 0,
        }
    }

    fn act(&mut self, act: Act) -> core::result::Result<(), StakingError> {
        let pool = &mut self.pool;
        match act {
            Act::Stake(who, amount) => {
                self.positions[who].settle(pool)?;
                let minted = pool.deposit(amount)?;
                self.positions[who].add_shares(minted)?;
                self.vault += u128::from(amount);
                // No mint has more than that, and of the very last unit no tranche has room.
                if self.vault >= u128::from(u64::MAX) {
                    return Err(StakingError::Overflow);
                }
            }
            Act::RequestUnstake(who, part) => {
                self.positions[who].settle(pool)?;
                let shares = part_of(self.positions[who].shares.get(), part);
                self.positions[who].take_shares(shares)?;
                let (_, minted) = pool.unbond(shares)?;
                if minted > 0 {
                    self.positions[who].push_request(minted, 0)?;
                }
            }
            Act::CancelUnstake(who, place) => {
                self.positions[who].settle(pool)?;
                let (_, minted) = pool.rebond(self.positions[who].remove_request(place)?)?;
                self.positions[who].add_shares(minted)?;
            }
            Act::Withdraw(who, place) => {
                let paid = pool.withdraw(self.positions[who].remove_request(place)?)?;
                self.vault -= u128::from(paid);
            }
            Act::Claim(who) => {
                self.positions[who].settle(pool)?;
                let paid = self.positions[who].rewards_owed.get();
                self.positions[who].rewards_owed = 0u64.into();
                let left = pool.rewards_unclaimed.checked_sub(paid).expect("what is owed is there");
                pool.rewards_unclaimed = left;
                self.claimed += u128::from(paid);
            }
            Act::Revenue(amount) => {
                pool.add_rewards(amount)?;
                self.revenue += u128::from(amount);
            }
            Act::Bond(part) => {
                let free = pool.active.get() - pool.bonded.get();
                pool.bond(part_of(free.into(), part) as u64, 0)?;
            }
            Act::Release(part) => pool.release(part_of(pool.bonded.get().into(), part) as u64)?,
            Act::Slash(bond, taken) => {
                let bond = part_of(pool.bonded.get().into(), bond) as u64;
                let source = pool.slash(bond, part_of(bond.into(), taken) as u64)?;
                self.vault -= u128::from(source.active) + u128::from(source.unbonding);
            }
        }
        Ok(())
    }

    /// The active shares of one that count.
    fn shares(&self, who: usize) -> u128 {
        let position = &self.positions[who];
        if position.wipes == self.pool.wipes {
            position.shares.get()
        } else {
            0
        }
    }

    fn unbonding_shares(&self, who: usize) -> u128 {
        self.positions[who]
            .unbonding
            .iter()
            .map(|request| request.shares.get())
            .sum()
    }

    /// What one's active and unbonding shares are worth.
    fn worth(&self, who: usize) -> [u64; 2] {
        [
            self.pool.active_tranche().value(self.shares(who)).unwrap(),
            self.pool.unbonding_tranche().value(self.unbonding_shares(who)).unwrap(),
        ]
    }

    /// What one could claim, in 1/2⁶⁴ of a base unit.
    fn owed(&self, who: usize) -> u128 {
        let mut position = self.positions[who];
        position
            .settle(&self.pool)
            .expect("never on accounts that the program wrote");
        (u128::from(position.rewards_owed.get()) << 64) + u128::from(position.reward_fraction.get())
    }

    /// What one holds once everything of it has been withdrawn; none where the pool refuses.
    fn exit(mut self, who: usize) -> Option<u128> {
        self.pool.bonded = 0u64.into();
        self.positions[who].settle(&self.pool).ok()?;
        let shares = self.positions[who].shares.get();
        let (_, minted) = self.pool.unbond(shares).ok()?;
        let paid = self.pool.withdraw(minted + self.unbonding_shares(who)).ok()?;
        Some(paid.into())
    }

    fn check(&self) {
        let pool = &self.pool;
        let (active, unbonding) = (pool.active_tranche(), pool.unbonding_tranche());
        assert!(pool.bonded.get() <= pool.active.get(), "a bond without stake behind it");
        assert!(
            u128::from(active.stake) + u128::from(unbonding.stake) <= self.vault,
            "stake that is not there"
        );
        assert_eq!((0..STAKERS).map(|who| self.shares(who)).sum::<u128>(), active.shares);
        assert_eq!(
            (0..STAKERS).map(|who| self.unbonding_shares(who)).sum::<u128>(),
            unbonding.shares
        );
        assert!(active.shares > 0 || active.stake == 0, "stake without shares");
        assert!(
            u128::from(active.stake) <= active.shares,
            "a share costs more than it did at first"
        );
        // Revenue: paid, owed and waiting are all of it, to 2⁻⁶⁴ of a base unit.
        let owed = (0..STAKERS).map(|who| BigUint::from(self.owed(who))).sum::<BigUint>();
        let all = owed + self.pool.reward_remainder.get() + (BigUint::from(self.claimed) << 64);
        assert_eq!(all, BigUint::from(self.revenue) << 64);
        assert_eq!(u128::from(pool.rewards_unclaimed.get()) + self.claimed, self.revenue);
    }
}

/// What `act` did to the others and to the prices.
fn check_step(before: &World, after: &World, act: Act) {
    let slashed = matches!(act, Act::Slash(..));
    let tranches = |world: &World| [world.pool.active_tranche(), world.pool.unbonding_tranche()];
    for (was, is) in tranches(before).into_iter().zip(tranches(after)) {
        assert!(
            slashed || is.shares == 0 || price_did_not_fall(was, is),
            "{act:?}: {was:?} {is:?}"
        );
    }
    for who in (0..STAKERS).filter(|who| act.by() != Some(*who)) {
        assert!(after.owed(who) >= before.owed(who), "{act:?} took revenue of {who}");
        if slashed {
            continue;
        }
        let (was, is) = (before.worth(who), after.worth(who));
        assert!(
            is[0] >= was[0] && is[1] >= was[1],
            "{act:?} took stake of {who}: {was:?} {is:?}"
        );
        if let Some(was) = before.exit(who) {
            let is = after.exit(who).expect("who could leave still can");
            // Less than one unbonding share, which is what rounding costs whoever leaves, and the unit of its value.
            let unbonding = after.pool.unbonding_tranche();
            let dust = u128::from(unbonding.stake) / (unbonding.shares + 1) + 2;
            assert!(is + dust >= was, "{act:?} cost {who} {was} - {is}, above {dust}");
        }
    }
}

/// What a slash took: in proportion, of the stake that was there, and with the prices of all alike.
fn check_slash(before: &World, after: &World) {
    let [was, is] = [before, after].map(|world| &world.pool);
    let taken = is.slashed_total.get() - was.slashed_total.get();
    assert_eq!(before.vault - after.vault, u128::from(taken));
    if is.wipes > was.wipes {
        assert_eq!(is.active_tranche(), Tranche::default());
        assert!(is.unbonding.get() > 0 || was.unbonding_shares.is_zero());
        return;
    }
    let (active, unbonding) = (was.active.get(), was.unbonding.get());
    let (from_active, from_unbonding) = (active - is.active.get(), unbonding - is.unbonding.get());
    assert_eq!(from_active + from_unbonding, taken);
    // The odd unit is the active stake's.
    let total = u128::from(active) + u128::from(unbonding);
    let exact = u128::from(taken) * u128::from(unbonding);
    assert_eq!(u128::from(from_unbonding), exact.checked_div(total).unwrap_or(0));
    assert!(
        is.unbonding.get() > 0 || unbonding == 0,
        "unbonding stake cannot be wiped out"
    );
    assert_eq!(
        (is.active_shares.get(), is.unbonding_shares.get()),
        (was.active_shares.get(), was.unbonding_shares.get())
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn no_act_of_one_takes_from_another_and_everything_adds_up(acts in history()) {
        let mut world = World::new();
        for act in acts {
            let before = world;
            if world.act(act).is_err() {
                // An instruction that fails changes nothing.
                world = before;
                continue;
            }
            world.check();
            check_step(&before, &world, act);
            if let Act::Slash(..) = act {
                check_slash(&before, &world);
            }
        }
    }

    /// Without a slash every share costs one unit for good, so everybody gets back what they put in, exactly.
    #[test]
    fn without_slashes_everybody_leaves_with_what_they_brought(acts in history()) {
        let mut world = World::new();
        let mut brought = [0u128; STAKERS];
        for act in acts {
            let before = world;
            if matches!(act, Act::Slash(..) | Act::Withdraw(..)) || world.act(act).is_err() {
                world = before;
                continue;
            }
            if let Act::Stake(who, amount) = act {
                brought[who] += u128::from(amount);
            }
        }
        for (who, brought) in brought.into_iter().enumerate() {
            prop_assert_eq!(world.worth(who).map(u128::from).iter().sum::<u128>(), brought);
            prop_assert_eq!(world.exit(who), Some(brought));
        }
    }

    #[test]
    fn revenue_is_shared_in_proportion_to_the_last_fraction(
        stakes in prop::array::uniform3(1u64..=u64::MAX / 4), revenue in amount(),
    ) {
        let mut world = World::new();
        for (who, stake) in stakes.into_iter().enumerate() {
            world.act(Act::Stake(who, stake)).unwrap();
        }
        world.act(Act::Revenue(revenue)).unwrap();
        let all = stakes.map(BigUint::from).iter().sum::<BigUint>();
        for (who, stake) in stakes.into_iter().enumerate() {
            // One rounding per share, of 2⁻⁶⁴ units each: less than a unit for any number of shares.
            let exact = (BigUint::from(revenue) << 64) * stake / &all;
            let owed = BigUint::from(world.owed(who));
            prop_assert!(owed <= exact && exact - owed <= BigUint::from(stake));
        }
    }

    #[test]
    fn a_commission_is_in_force_from_its_time_and_never_rises_unannounced(
        changes in vec((commission(), 0i64..100, 0u32..100), 1..12),
    ) {
        let mut pool: Pool = bytemuck::Zeroable::zeroed();
        let mut now = 1_000;
        for (bps, passed, notice) in changes {
            now += passed;
            let before = pool;
            let current = pool.commission_at(now);
            let changed = pool.set_commission(bps, now, notice);
            if bps > BPS {
                prop_assert_eq!(changed, Err(StakingError::InvalidCommission));
                prop_assert_eq!(bytemuck::bytes_of(&pool), bytemuck::bytes_of(&before));
                continue;
            }
            changed.unwrap();
            let at = now + i64::from(notice);
            prop_assert!(pool.commission_at(now) <= current || notice == 0);
            if bps <= current {
                prop_assert_eq!((pool.commission_at(now), pool.commission_at(i64::MAX)), (bps, bps));
                prop_assert_eq!(pool.commission_change_at.get(), 0, "nothing is announced");
            } else {
                prop_assert_eq!(pool.commission_at(at), bps);
                prop_assert!(notice == 0 || pool.commission_at(at - 1) == current);
            }
        }
    }
}

/// A provider that has its own jobs slashed, again and again, with a little of its own stake on its way out: the price of
/// unbonding shares falls, but never so far that those of another could not be counted.
#[test]
fn no_row_of_slashes_keeps_anybody_from_leaving() {
    for size in [22, 30, 40, 50] {
        let mut pool: Pool = bytemuck::Zeroable::zeroed();
        let shares = pool.deposit(1 << 21).unwrap();
        pool.unbond(shares).unwrap();
        for round in 0..40 {
            pool.deposit(1 << size).unwrap();
            // As much as is no full slash, so that the pool is not retired.
            let active = pool.active.get();
            let bond = active - (active >> 20) - 1;
            pool.bond(bond, 0).unwrap();
            pool.slash(bond, bond).unwrap();
            pool.unbond(pool.active_shares.get()).unwrap();

            let mut other = pool;
            let shares = other.deposit(1 << 50).unwrap();
            let left = other.unbond(shares);
            assert!(left.is_ok(), "{left:?} in round {round} of 2^{size}");
        }
    }
}
