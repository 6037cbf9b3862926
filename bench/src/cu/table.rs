//! The table that is checked in, and how far what is measured may be from it.

use std::{collections::BTreeMap, fs};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::{idl::PROGRAMS, meter::Meter, root};

/// Where the table that CI compares with is kept.
pub(crate) const CHECKED_IN: &str = "bench/compute_units.json";
/// How far a figure may move from that table before it must be written again, percent.
pub(crate) const DRIFT_PERCENT: u64 = 5;
/// What a job's life is made of.
pub(crate) const LIFECYCLE: [&str; 5] = ["open_job", "assign_job", "start_job", "submit_proof", "settle_job"];

/// What everything costs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Figures {
    /// Compute units of each instruction, mean.
    pub instructions: BTreeMap<String, u64>,
    /// The least that each took, and the most.
    pub least: BTreeMap<String, u64>,
    pub most: BTreeMap<String, u64>,
    /// Compute units of the five instructions of a job's life together, mean.
    pub lifecycle: u64,
    /// Rent that a running job holds.
    pub rent_lamports: u64,
    pub program_bytes: BTreeMap<String, u64>,
}

impl Figures {
    pub(crate) fn measured(meter: &Meter) -> Result<Self> {
        let units = meter.units();
        let of = |pick: fn(&super::meter::Units) -> u64| {
            let pick = |(name, units): (&String, _)| (name.clone(), pick(units));
            units.iter().map(pick).collect::<BTreeMap<_, _>>()
        };
        let instructions = of(|units| units.mean);
        Ok(Self {
            lifecycle: LIFECYCLE.iter().filter_map(|name| instructions.get(*name)).sum(),
            instructions,
            least: of(|units| units.least),
            most: of(|units| units.most),
            rent_lamports: meter.rent_lamports(),
            program_bytes: program_bytes()?,
        })
    }

    /// The table that is checked in.
    pub(crate) fn checked_in() -> Result<Self> {
        let text = fs::read_to_string(root().join(CHECKED_IN)).context(CHECKED_IN)?;
        serde_json::from_str(&text).context(CHECKED_IN)
    }

    pub(crate) fn write(&self) -> Result<()> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        fs::write(root().join(CHECKED_IN), text).context(CHECKED_IN)
    }

    /// Every figure that is compared, by its name.
    fn compared(&self) -> BTreeMap<String, u64> {
        let units = self.instructions.iter().map(|(name, units)| (name.clone(), *units));
        let sizes = self.program_bytes.iter();
        let sizes = sizes.map(|(name, bytes)| (format!("bytes of {name}"), *bytes));
        let others = [
            ("the whole life of a job".to_owned(), self.lifecycle),
            ("rent of a running job".to_owned(), self.rent_lamports),
        ];
        units.chain(sizes).chain(others).collect()
    }

    /// What has moved too far from `self`, is not in it, or is in it alone.
    pub(crate) fn drift(&self, now: &Self) -> Vec<String> {
        let (before, now) = (self.compared(), now.compared());
        let mut moved = Vec::new();
        for (name, now) in &now {
            match before.get(name) {
                Some(was) if was.abs_diff(*now) * 100 <= was * DRIFT_PERCENT => {}
                Some(was) => moved.push(format!("{name}: {was} in the table, {now} now")),
                None => moved.push(format!("{name} is not in the table")),
            }
        }
        let gone = before.keys().filter(|name| !now.contains_key(*name));
        moved.extend(gone.map(|name| format!("{name} is in the table and was not measured")));
        moved
    }
}

fn program_bytes() -> Result<BTreeMap<String, u64>> {
    PROGRAMS
        .iter()
        .map(|name| {
            let file = root().join("target/deploy").join(format!("{name}.so"));
            let bytes = fs::metadata(&file)
                .with_context(|| format!("{}: cargo xtask programs build makes it", file.display()))?
                .len();
            Ok(((*name).to_owned(), bytes))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures() -> Figures {
        let map = |value| BTreeMap::from([("stake".to_owned(), value)]);
        Figures {
            instructions: map(1_000),
            least: map(900),
            most: map(1_200),
            lifecycle: 40_000,
            rent_lamports: 6_000_000,
            program_bytes: map(80_000),
        }
    }

    #[test]
    fn five_percent_is_no_drift_and_more_is() {
        let table = figures();
        for (units, drifts) in [(950, false), (1_050, false), (949, true), (1_051, true)] {
            let mut now = figures();
            now.instructions.insert("stake".to_owned(), units);
            assert_eq!(!table.drift(&now).is_empty(), drifts, "{units}");
        }
        let mut now = figures();
        now.lifecycle = 43_000;
        now.rent_lamports = 1;
        now.program_bytes.clear();
        assert_eq!(table.drift(&now).len(), 3);
    }

    #[test]
    fn an_instruction_too_many_or_too_few_is_drift() {
        let (table, mut now) = (figures(), figures());
        now.instructions.insert("unstake".to_owned(), 1);
        assert_eq!(table.drift(&now), ["unstake is not in the table"]);
        assert_eq!(now.drift(&table), ["unstake is in the table and was not measured"]);
    }
}
