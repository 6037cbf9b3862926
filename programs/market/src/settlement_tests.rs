//! What a job comes to, whatever it went through: against the same in words of 128 bits, and where each part may lie.

use super::*;
use gantry_core::billing::{claim, deposit};
use proptest::prelude::*;

/// A price and a rate of every size.
fn amount() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => (any::<u64>(), 0u32..64).prop_map(|(number, shift)| number >> shift),
        1 => (0u64..4).prop_map(|below| u64::MAX - below),
    ]
}

fn bps() -> impl Strategy<Value = u16> {
    prop_oneof![4 => 0u16..=10_000, 1 => Just(0), 1 => Just(10_000)]
}

/// The numbers of a job that has ended.
#[derive(Clone, Debug)]
struct Case {
    fee: u16,
    matcher: u16,
    /// Shortfalls and credits.
    sla: [(u16, u16); 3],
    started: u32,
    proven_for: u32,
    silent_for: u32,
    served: u32,
    max_duration: u32,
    claimed_seconds: u32,
    price: u64,
    max_price: u64,
    bond: u64,
    target: u16,
    lapsed: bool,
}

prop_compose! {
    fn case()(
        (fee, matcher) in (bps(), bps()),
        sla in prop::array::uniform3((1u16..=10_000, bps())),
        (started, proven_for, silent_for) in (0u32..1_000, 0u32..5_000, 0u32..5_000),
        (served, max_duration, claimed_seconds) in (0u32..5_000, 1u32..5_000, 0u32..5_000),
        (price, dearer, bond) in (amount(), amount(), amount()),
        (target, lapsed) in (bps(), any::<bool>()),
    ) -> Case {
        Case {
            fee,
            matcher: matcher.min(10_000 - fee),
            sla, started, proven_for, silent_for, served, max_duration, claimed_seconds,
            // The deposit for the longest job here has to fit.
            price: price.min(dearer) >> 2,
            max_price: price.max(dearer) >> 2,
            bond, target, lapsed,
        }
    }
}

impl Case {
    fn terms(&self) -> Terms {
        Terms {
            fee_bps: self.fee.into(),
            matcher_fee_bps: self.matcher.into(),
            sla: self.sla.map(|(shortfall, credit)| SlaCredit {
                shortfall_bps: shortfall.into(),
                credit_bps: credit.into(),
            }),
            ..Terms::default()
        }
    }

    /// With a deposit for its highest bill, and a claim under the same terms on its way, of no more than it had proven
    /// and than had passed.
    fn job(&self) -> Job {
        let mut job: Job = bytemuck::Zeroable::zeroed();
        let (status, outcome) = if self.lapsed {
            (JobStatus::Lapsed, JobOutcome::Lapsed)
        } else {
            (JobStatus::Finished, JobOutcome::Completed)
        };
        (job.status, job.outcome) = (status as u8, outcome as u8);
        let (proven_at, elapsed) = (self.started + self.proven_for, self.proven_for + self.silent_for);
        job.started_at = self.started.into();
        job.active_at = proven_at.into();
        job.ended_at = (self.started + elapsed).into();
        job.served_seconds = self.served.into();
        job.max_duration = self.max_duration.into();
        job.sla_uptime_bps = self.target.into();
        job.price_per_hour = self.price.into();
        job.deposited = deposit(self.max_price, self.max_duration).expect("fits").into();
        job.bond = self.bond.into();
        let seconds = self
            .claimed_seconds
            .min(self.served)
            .min(elapsed)
            .min(self.max_duration);
        let billed = billing::bill(self.price, seconds).expect("fits");
        job.paid_out = claim(billed, self.fee, self.matcher, 0, 0)
            .expect("within bounds")
            .due
            .into();
        job
    }
}

fn pool(shares: u128, commission: u16) -> Pool {
    let mut pool: Pool = bytemuck::Zeroable::zeroed();
    pool.active_shares = shares.into();
    pool.commission_bps = commission.into();
    pool
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_024))]

    #[test]
    fn a_job_comes_to_what_the_rules_say(case in case(), rate in amount(), share in bps(), commission in bps()) {
        let (terms, job, pool) = (case.terms(), case.job(), pool(1, commission));
        let outcome = weigh(&job, &terms, rate, Some(&pool), share, 0).expect("within bounds");

        let paid_seconds = job
            .served_seconds
            .get()
            .min(job.ended_at.get() - job.started_at.get())
            .min(job.max_duration.get());
        let wide = |number: u64| u128::from(number);
        let bill = wide(job.price_per_hour.get()) * u128::from(paid_seconds) / 3_600;
        // Measured to the last receipt, or to the end where it lapsed; never over more than was bought.
        let measured = if job.outcome == JobOutcome::Lapsed as u8 { job.ended_at } else { job.active_at };
        let measured = (measured.get() - job.started_at.get()).min(job.max_duration.get());
        let uptime = (job.served_seconds.get() * 10_000).checked_div(measured).unwrap_or(10_000).min(10_000);
        let shortfall = u32::from(job.sla_uptime_bps.get()).saturating_sub(uptime);
        let reached = terms.sla.iter().filter(|step| shortfall >= u32::from(step.shortfall_bps.get()));
        let credit = bill * u128::from(reached.map(|step| step.credit_bps.get()).max().unwrap_or(0)) / 10_000;
        let earned = (bill - credit) * u128::from(share) / 10_000;

        prop_assert_eq!((outcome.paid_seconds, wide(outcome.bill), wide(outcome.credit)), (paid_seconds, bill, credit));
        let deposited = wide(job.deposited.get());
        let earned = u64::try_from(earned).unwrap();
        let whole = billing::settle(job.deposited.get(), earned, terms.fee_bps.get(), terms.matcher_fee_bps.get()).unwrap();
        let parts = outcome.parts;
        // What is paid, now and before, is what came in.
        let paid = [parts.provider, parts.matcher, parts.treasury, parts.customer, job.paid_out.get()];
        prop_assert_eq!(paid.into_iter().map(wide).sum::<u128>(), deposited);
        prop_assert_eq!(parts.provider, whole.provider.saturating_sub(job.paid_out.get()));
        // What the claims took of the refund, up to what was not earned after all, the bond makes up for.
        let excess = job.paid_out.get().saturating_sub(whole.provider);
        let missing = excess.min(whole.customer).min(u64::try_from(bill).unwrap() - earned);
        prop_assert!(parts.customer + missing <= whole.customer);
        let owed = (wide(missing) * wide(rate)).div_ceil(1 << 32);
        prop_assert_eq!(wide(outcome.slash), owed.min(wide(job.bond.get())));
        let kept = wide(parts.provider) * u128::from(10_000 - commission) / 10_000;
        prop_assert_eq!(wide(outcome.delegators), kept);
    }

    #[test]
    fn without_stakers_the_provider_keeps_all_of_it(case in case(), commission in bps()) {
        let (terms, job, empty) = (case.terms(), case.job(), pool(0, commission));
        for pool in [None, Some(&empty)] {
            let outcome = weigh(&job, &terms, 1 << 32, pool, 10_000, 0).expect("within bounds");
            prop_assert_eq!(outcome.delegators, 0);
        }
    }

    #[test]
    fn a_smaller_share_never_earns_the_provider_more(case in case(), one in bps(), other in bps()) {
        let (terms, job) = (case.terms(), case.job());
        let part = |share| weigh(&job, &terms, 1 << 32, None, share, 0).expect("within bounds").parts;
        let (less, more) = (part(one.min(other)), part(one.max(other)));
        // The others' roundings meet in the provider's part: a unit.
        prop_assert!(less.provider <= more.provider + 1);
        prop_assert!(less.treasury <= more.treasury && less.matcher <= more.matcher);
        prop_assert!(less.customer + 1 >= more.customer);
    }
}

#[test]
fn a_commission_that_was_announced_counts_from_its_time() {
    let mut job: Job = bytemuck::Zeroable::zeroed();
    job.status = JobStatus::Finished as u8;
    (job.ended_at, job.active_at, job.max_duration) = (3_600u32.into(), 3_600u32.into(), 3_600u32.into());
    (job.served_seconds, job.price_per_hour, job.deposited) = (3_600u32.into(), 1_000u64.into(), 1_000u64.into());
    let mut pool = pool(5, 1_000);
    (pool.pending_commission_bps, pool.commission_change_at) = (2_000u16.into(), 50i64.into());
    let delegators = |now| {
        weigh(&job, &Terms::default(), 0, Some(&pool), 10_000, now)
            .expect("small")
            .delegators
    };
    assert_eq!((delegators(49), delegators(50)), (900, 800));
}

#[test]
fn more_paid_out_than_deposited_is_refused() {
    let mut job: Job = bytemuck::Zeroable::zeroed();
    (job.deposited, job.paid_out) = (10u64.into(), 10u64.into());
    assert!(weigh(&job, &Terms::default(), 0, None, 10_000, 0).is_some());
    job.paid_out = 11u64.into();
    assert!(weigh(&job, &Terms::default(), 0, None, 10_000, 0).is_none());
}
