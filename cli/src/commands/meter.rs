//! What a job has cost so far, what it costs a second, and how long its escrow lasts.

use crate::context::Token;
use gantry_sdk::{
    core::SECONDS_PER_HOUR,
    market::accounts::Job,
    state::{JobExt, JobStatus},
};
use serde_json::{Value, json};

/// Earliest and latest warning before the escrow runs dry, seconds, and the share of the whole time in between.
const WARNING: (i64, i64, i64) = (10, 300, 10);

/// A job's money at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Meter {
    /// Seconds since it started, or that it ran.
    elapsed: i64,
    /// Seconds that its node has signed for.
    proven: u32,
    /// Base units billed for those.
    spent: u64,
    /// Thousandths of a base unit per second.
    milli_per_second: u64,
    /// Base units of the deposit that nothing is proven against.
    escrow_left: u64,
    /// Seconds until a running job has had all the time that is paid for.
    runs_dry_in: Option<i64>,
    /// All that time.
    whole: i64,
}

impl Meter {
    /// Of `job` at the chain's time `now`.
    pub(crate) fn of(job: &Job, now: i64) -> Self {
        let until = JobExt::ended_at(job).unwrap_or(now);
        let elapsed = JobExt::started_at(job).map_or(0, |started| (until - started).max(0));
        let running = JobExt::status(job) == Some(JobStatus::Running);
        Self {
            elapsed,
            proven: job.served_seconds,
            spent: job.billed(),
            // Prices are per hour: what is left of a base unit is told, not rounded away.
            milli_per_second: job.price_per_hour.saturating_mul(1_000) / u64::from(SECONDS_PER_HOUR),
            escrow_left: job.escrow_left(),
            runs_dry_in: running
                .then(|| JobExt::expires_at(job).map(|at| (at - now).max(0)))
                .flatten(),
            whole: job.max_duration.into(),
        }
    }

    /// Seconds left, where that is little.
    pub(crate) fn runs_dry_soon(&self) -> Option<i64> {
        let (least, most, share) = WARNING;
        let little = (self.whole / share).clamp(least, most);
        self.runs_dry_in.filter(|left| *left <= little)
    }

    /// For people.
    pub(crate) fn text(&self, token: &Token) -> String {
        let mut text = format!("{} s elapsed, {} s proven", self.elapsed, self.proven);
        text.push_str(&format!(", {} spent", token.show(self.spent)));
        if self.runs_dry_in.is_some() {
            // Three more digits than the token has: prices are per hour.
            let rate = gantry_sdk::amount::format(self.milli_per_second, token.decimals.saturating_add(3));
            text.push_str(&format!(" at {rate} a second"));
        }
        text.push_str(&format!(", {} left in escrow", token.show(self.escrow_left)));
        if let Some(left) = self.runs_dry_in {
            text.push_str(&format!(", dry in {left} s"));
        }
        text
    }

    /// For scripts.
    pub(crate) fn json(&self) -> Value {
        json!({
            "elapsed_seconds": self.elapsed,
            "proven_seconds": self.proven,
            "spent": self.spent.to_string(),
            "milli_units_per_second": self.milli_per_second.to_string(),
            "escrow_left": self.escrow_left.to_string(),
            "runs_dry_in_seconds": self.runs_dry_in,
            "runs_dry_soon": self.runs_dry_soon().is_some(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gantry_sdk::Pubkey;

    fn meter(left: Option<i64>, whole: i64) -> Meter {
        Meter {
            elapsed: 12,
            proven: 10,
            spent: 2_500,
            milli_per_second: 250_500,
            escrow_left: 64_167,
            runs_dry_in: left,
            whole,
        }
    }

    #[test]
    fn a_job_that_runs_tells_its_rate_and_its_end() {
        let token = Token {
            mint: Pubkey::default(),
            decimals: 6,
            symbol: "USDC".into(),
        };
        assert_eq!(
            meter(Some(108), 120).text(&token),
            "12 s elapsed, 10 s proven, 0.0025 USDC spent at 0.0002505 a second, 0.064167 USDC left in escrow, dry in 108 s"
        );
        assert_eq!(
            meter(None, 120).text(&token),
            "12 s elapsed, 10 s proven, 0.0025 USDC spent, 0.064167 USDC left in escrow"
        );
    }

    #[test]
    fn the_warning_comes_in_time_for_short_and_long_jobs() {
        for (whole, left, soon) in [
            (60, 11, false),
            (60, 10, true),
            (1_200, 121, false),
            (1_200, 120, true),
            (86_400, 301, false),
            (86_400, 300, true),
        ] {
            assert_eq!(
                meter(Some(left), whole).runs_dry_soon().is_some(),
                soon,
                "{left} of {whole}"
            );
        }
        assert_eq!(meter(None, 60).runs_dry_soon(), None);
    }
}
