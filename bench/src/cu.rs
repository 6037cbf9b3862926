//! Compute units, rent and program sizes.

mod scenarios;

use std::{collections::BTreeMap, fs, path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use comfy_table::{Table, presets};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Where the table that CI compares with is kept.
const CHECKED_IN: &str = "bench/compute_units.json";
/// How far a mean may move from that table before it must be written again, percent.
const DRIFT_PERCENT: u64 = 5;
/// What a job's life is made of.
const LIFECYCLE: [&str; 5] = ["open_job", "assign_job", "start_job", "submit_proof", "settle_job"];

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Print one JSON object instead of tables
    #[arg(long)]
    json: bool,
    /// Histories to average over, each with keys of its own
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Fail if an instruction's mean is more than 5 % away from the checked-in table, or missing in it
    #[arg(long, conflicts_with = "write")]
    check: bool,
    /// Write the checked-in table
    #[arg(long)]
    write: bool,
}

/// Compute units by instruction, over all runs.
#[derive(Default)]
pub(crate) struct Meter {
    units: BTreeMap<String, Vec<u64>>,
    rent_lamports: u64,
}

impl Meter {
    /// Notes what one instruction took.
    pub(crate) fn note(&mut self, instruction: &str, units: u64) {
        self.units.entry(instruction.to_owned()).or_default().push(units);
    }

    /// Notes the rent that a running job holds.
    pub(crate) fn note_rent(&mut self, lamports: u64) {
        self.rent_lamports = self.rent_lamports.max(lamports);
    }
}

/// What an instruction took.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Units {
    mean: u64,
    least: u64,
    most: u64,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let mut meter = Meter::default();
    for _ in 0..options.runs {
        scenarios::all(&mut meter)?;
    }
    let units: BTreeMap<String, Units> = meter
        .units
        .iter()
        .map(|(name, all)| {
            let mean = all.iter().sum::<u64>() / all.len() as u64;
            let (least, most) = (all.iter().min(), all.iter().max());
            let units = Units {
                mean,
                least: *least.unwrap_or(&0),
                most: *most.unwrap_or(&0),
            };
            (name.clone(), units)
        })
        .collect();
    let lifecycle: u64 = LIFECYCLE
        .iter()
        .filter_map(|name| units.get(*name))
        .map(|u| u.mean)
        .sum();
    let bytes = program_bytes()?;
    if options.json {
        let means: BTreeMap<&String, u64> = units.iter().map(|(name, units)| (name, units.mean)).collect();
        println!(
            "{}",
            json!({
                "instructions": means,
                "lifecycle": lifecycle,
                "rent_lamports": meter.rent_lamports,
                "program_bytes": bytes,
            })
        );
    } else {
        print_tables(&units, lifecycle, meter.rent_lamports, &bytes, options.runs);
    }
    if options.write {
        let mut text = serde_json::to_string_pretty(&units)?;
        text.push('\n');
        fs::write(root().join(CHECKED_IN), text).context(CHECKED_IN)?;
        eprintln!("{CHECKED_IN} is new");
    }
    if options.check {
        return check(&units);
    }
    Ok(ExitCode::SUCCESS)
}

fn print_tables(
    units: &BTreeMap<String, Units>,
    lifecycle: u64,
    rent_lamports: u64,
    bytes: &BTreeMap<String, u64>,
    runs: u32,
) {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_HORIZONTAL_ONLY).set_header([
        "instruction",
        "compute units, mean",
        "least",
        "most",
    ]);
    for (name, units) in units {
        table.add_row([
            name.clone(),
            units.mean.to_string(),
            units.least.to_string(),
            units.most.to_string(),
        ]);
    }
    println!("{table}");
    println!(
        "whole life of a job ({}): {lifecycle} compute units, mean of {runs} runs",
        LIFECYCLE.join(", ")
    );
    println!("rent held by a running job: {rent_lamports} lamports");
    for (name, bytes) in bytes {
        println!("{name}: {bytes} bytes");
    }
}

/// Compares with the checked-in table.
fn check(units: &BTreeMap<String, Units>) -> Result<ExitCode> {
    let text = fs::read_to_string(root().join(CHECKED_IN)).context(CHECKED_IN)?;
    let before: BTreeMap<String, Units> = serde_json::from_str(&text).context(CHECKED_IN)?;
    let mut moved = Vec::new();
    for (name, now) in units {
        match before.get(name) {
            Some(was) if was.mean.abs_diff(now.mean) * 100 <= was.mean * DRIFT_PERCENT => {}
            Some(was) => moved.push(format!("{name}: {} in the table, {} now", was.mean, now.mean)),
            None => moved.push(format!("{name} is not in the table")),
        }
    }
    moved.extend(
        before
            .keys()
            .filter(|name| !units.contains_key(*name))
            .map(|name| format!("{name} is in the table and was not measured")),
    );
    if moved.is_empty() {
        eprintln!(
            "compute units: {} instructions within {DRIFT_PERCENT} % of {CHECKED_IN}",
            units.len()
        );
        return Ok(ExitCode::SUCCESS);
    }
    for line in &moved {
        eprintln!("{line}");
    }
    eprintln!("if that is meant: cargo xtask bench cu --write, and commit {CHECKED_IN}");
    Ok(ExitCode::FAILURE)
}

fn program_bytes() -> Result<BTreeMap<String, u64>> {
    ["registry", "staking", "market"]
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

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}
