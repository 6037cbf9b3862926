//! How many seconds a node may say that it served.

/// Seconds after its start on the chain in which a node that waited for it has seen it. Longer, and it was not at work.
const SEEN: i64 = 5;

/// Counts the served seconds of one run of a job, by the chain's clock alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meter {
    /// When the job started, Unix seconds on the chain.
    pub started_at: i64,
    /// Most seconds that the job pays for.
    pub max_duration: u64,
    /// Seconds proven before this run: by an earlier life of the daemon.
    pub before: u64,
    /// When this run began, Unix seconds on the chain.
    pub since: i64,
}

impl Meter {
    /// When a run began that the start of its job at `started_at` set off, with the chain's clock at `now`: with the
    /// start, as how long a transaction takes to be confirmed is not the node's doing.
    pub fn set_off(started_at: i64, now: i64) -> i64 {
        if now.saturating_sub(started_at) <= SEEN {
            started_at
        } else {
            now
        }
    }

    /// Seconds served when the chain's clock shows `now`. What lies between two runs is not served.
    ///
    /// Never more than passed since the job's start, than the job pays for, or, once it has ended, than passed until
    /// `ended_at`; never less than was proven before.
    pub fn served(&self, now: i64, ended_at: Option<i64>) -> u64 {
        let now = ended_at.map_or(now, |end| now.min(end));
        let seconds = |from: i64| u64::try_from(now.saturating_sub(from)).unwrap_or(0);
        let served = self.before.saturating_add(seconds(self.since));
        served
            .min(seconds(self.started_at))
            .min(self.max_duration)
            .max(self.before)
    }

    /// Seconds left at `now` until the job is paid out.
    pub fn left(&self, now: i64) -> u64 {
        let end = self.started_at.saturating_add_unsigned(self.max_duration);
        u64::try_from(end.saturating_sub(now)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const METER: Meter = Meter {
        started_at: 100,
        max_duration: 60,
        before: 0,
        since: 100,
    };

    #[test]
    fn an_undisturbed_run_serves_every_second_up_to_the_maximum() {
        assert_eq!(METER.served(100, None), 0);
        assert_eq!(METER.served(130, None), 30);
        assert_eq!(METER.served(161, None), 60);
        assert_eq!(METER.left(130), 30);
        assert_eq!(METER.left(161), 0);
    }

    #[test]
    fn the_gap_between_two_runs_is_not_served() {
        let second = Meter {
            before: 10,
            since: 130,
            ..METER
        };
        assert_eq!(second.served(130, None), 10);
        assert_eq!(second.served(135, None), 15);
    }

    #[test]
    fn a_confirmation_is_served_and_a_cut_is_not() {
        assert_eq!(Meter::set_off(100, 100), 100);
        assert_eq!(Meter::set_off(100, 100 + SEEN), 100);
        assert_eq!(Meter::set_off(100, 101 + SEEN), 101 + SEEN);
    }

    #[test]
    fn nothing_is_served_after_the_end() {
        assert_eq!(METER.served(140, Some(120)), 20);
    }

    #[test]
    fn a_clock_behind_the_start_serves_nothing() {
        assert_eq!(METER.served(90, None), 0);
    }

    proptest! {
        #[test]
        fn served_seconds_grow_and_never_pass_any_bound(
            max_duration in 0u64..1_000, before in 0u64..500, gap in 0i64..500, a in 0i64..2_000, b in 0i64..2_000,
        ) {
            // What was proven before had passed, and was paid for.
            let before = before.min(max_duration);
            let since = 100 + before as i64 + gap;
            let meter = Meter { started_at: 100, max_duration, before, since };
            let (early, late) = (since + a.min(b), since + a.max(b));
            prop_assert!(meter.served(early, None) <= meter.served(late, None));
            prop_assert!(meter.served(late, None) <= max_duration);
            prop_assert!(meter.served(late, None) <= (late - 100) as u64);
            prop_assert!(meter.served(late, None) >= before);
        }
    }
}
