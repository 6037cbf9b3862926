//! Compute units, rent and program sizes.

mod docs;
mod idl;
mod meter;
mod scenarios;
mod table;

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Result, bail};
use comfy_table::{Table, presets};
use serde_json::json;

use meter::{Meter, Units};
use table::{CHECKED_IN, DRIFT_PERCENT, Figures, LIFECYCLE};

/// How sure a mean must be before it is written: its standard error, percent. What `--check` measures is a little less
/// sure; five percent are then four standard errors of the difference, and chance does not get there.
const MOST_ERROR_PERCENT: f64 = 1.0;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Print one JSON object instead of tables
    #[arg(long)]
    json: bool,
    /// Histories to average over, each with many keys of its own
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Fail if a figure is more than 5 % away from the checked-in table or missing in it, or the documentation says others
    #[arg(long, conflicts_with = "write")]
    check: bool,
    /// Write the checked-in table, and the parts of the documentation that are made from it
    #[arg(long)]
    write: bool,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let mut meter = Meter::default();
    scenarios::all(&mut meter, options.runs)?;
    complete(&meter)?;
    let figures = Figures::measured(&meter)?;
    if options.json {
        let Figures {
            instructions,
            lifecycle,
            rent_lamports,
            program_bytes,
            ..
        } = &figures;
        println!(
            "{}",
            json!({
                "instructions": instructions,
                "lifecycle": lifecycle,
                "rent_lamports": rent_lamports,
                "program_bytes": program_bytes,
            })
        );
    } else {
        print_tables(&meter, &figures, options.runs);
    }
    if options.write {
        write(&meter, &figures)?;
    }
    if options.check {
        return check(&figures);
    }
    Ok(ExitCode::SUCCESS)
}

/// Every instruction that there is must have been measured, and nothing else.
fn complete(meter: &Meter) -> Result<()> {
    let units = meter.units();
    let programs = idl::programs()?;
    let keys: Vec<_> = programs.iter().flat_map(|program| &program.instructions).collect();
    let missing: Vec<_> = keys
        .iter()
        .filter(|instruction| !units.contains_key(&instruction.key))
        .map(|instruction| instruction.key.as_str())
        .collect();
    if !missing.is_empty() {
        bail!("nothing measures {missing:?}: add them to bench/src/cu/scenarios");
    }
    let known = |name: &str| {
        let plain = name.split(" (").next().unwrap_or_default();
        keys.iter().any(|instruction| instruction.key == plain)
    };
    let unknown: Vec<_> = units.keys().filter(|name| !known(name)).collect();
    if !unknown.is_empty() {
        bail!("no IDL has {unknown:?}");
    }
    Ok(())
}

fn print_tables(meter: &Meter, figures: &Figures, runs: u32) {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_HORIZONTAL_ONLY).set_header([
        "instruction",
        "compute units, mean",
        "± %",
        "least",
        "most",
    ]);
    for (name, units) in meter.units() {
        table.add_row([
            name,
            units.mean.to_string(),
            format!("{:.2}", units.error_percent()),
            units.least.to_string(),
            units.most.to_string(),
        ]);
    }
    println!("{table}");
    println!(
        "whole life of a job ({}): {} compute units, mean of {runs} histories",
        LIFECYCLE.join(", "),
        figures.lifecycle
    );
    println!("rent held by a running job: {} lamports", figures.rent_lamports);
    for (name, bytes) in &figures.program_bytes {
        println!("{name}: {bytes} bytes");
    }
}

/// Writes the checked-in table, and what is made from it.
fn write(meter: &Meter, figures: &Figures) -> Result<()> {
    let unsure = |(name, units): (String, Units)| {
        let error = units.error_percent();
        (error > MOST_ERROR_PERCENT).then(|| format!("{name} ± {error:.1} %"))
    };
    let unsure: Vec<_> = meter.units().into_iter().filter_map(unsure).collect();
    if !unsure.is_empty() {
        bail!("too few runs for {}: give more with --runs", unsure.join(", "));
    }
    figures.write()?;
    eprintln!("{CHECKED_IN} is new");
    for file in docs::write(figures)? {
        eprintln!("{file} is new");
    }
    Ok(())
}

/// Compares with the checked-in table, and that with the documentation.
fn check(figures: &Figures) -> Result<ExitCode> {
    let before = Figures::checked_in()?;
    let mut wrong = before.drift(figures);
    for file in docs::outdated(&before)? {
        wrong.push(format!("{file} does not say what {CHECKED_IN} and the IDLs say"));
    }
    if wrong.is_empty() {
        eprintln!(
            "compute units: {} instructions within {DRIFT_PERCENT} % of {CHECKED_IN}",
            figures.instructions.len()
        );
        return Ok(ExitCode::SUCCESS);
    }
    for line in &wrong {
        eprintln!("{line}");
    }
    eprintln!("if that is meant: cargo xtask bench cu --write, and commit what it changes");
    Ok(ExitCode::FAILURE)
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}
