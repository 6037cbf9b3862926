//! What was measured.

use std::collections::BTreeMap;

use anyhow::{Result, anyhow};
use gantry_tests::world::{Outcome, Refusal};

/// Compute units by instruction, over all runs.
#[derive(Default)]
pub(crate) struct Meter {
    units: BTreeMap<String, Vec<u64>>,
    rent_lamports: u64,
}

impl Meter {
    /// Notes what an instruction took, which was alone in its transaction but for what the runtime verifies for it.
    ///
    /// # Errors
    /// If it was refused.
    pub(crate) fn note(&mut self, instruction: &str, result: Result<Outcome, Refusal>) -> Result<()> {
        let outcome = result.map_err(|refusal| anyhow!("{instruction}: {refusal:?}"))?;
        self.units
            .entry(instruction.to_owned())
            .or_default()
            .push(outcome.compute_units);
        Ok(())
    }

    /// Notes the rent that a running job holds.
    pub(crate) fn note_rent(&mut self, lamports: u64) {
        self.rent_lamports = self.rent_lamports.max(lamports);
    }

    /// The most rent that a running job held.
    pub(crate) fn rent_lamports(&self) -> u64 {
        self.rent_lamports
    }

    /// What each instruction took.
    pub(crate) fn units(&self) -> BTreeMap<String, Units> {
        let units = |(name, all): (&String, &Vec<u64>)| (name.clone(), Units::of(all));
        self.units.iter().map(units).collect()
    }
}

/// What an instruction took.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Units {
    pub mean: u64,
    pub least: u64,
    pub most: u64,
    /// Standard error of the mean, compute units.
    pub error: f64,
}

impl Units {
    fn of(all: &[u64]) -> Self {
        let count = all.len().max(1) as f64;
        let mean = all.iter().sum::<u64>() as f64 / count;
        let squares: f64 = all.iter().map(|units| (*units as f64 - mean).powi(2)).sum();
        let deviation = (squares / (count - 1.0).max(1.0)).sqrt();
        Self {
            mean: mean.round() as u64,
            least: all.iter().min().copied().unwrap_or_default(),
            most: all.iter().max().copied().unwrap_or_default(),
            error: deviation / count.sqrt(),
        }
    }

    /// Standard error as a share of the mean, percent.
    pub(crate) fn error_percent(&self) -> f64 {
        100.0 * self.error / self.mean.max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_shrinks_with_the_root_of_the_count() {
        let few = Units::of(&[90, 110]);
        let many = Units::of(&[90, 110].repeat(50));
        assert_eq!((few.mean, few.least, few.most), (100, 90, 110));
        assert!((few.error - 10.0).abs() < 0.01, "{few:?}");
        assert!((many.error - 1.0).abs() < 0.01, "{many:?}");
        assert_eq!(Units::of(&[7]).error, 0.0);
    }
}
