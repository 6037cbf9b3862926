//! The figures, and whether they are what they should be.

use std::time::Duration;

use anyhow::Result;
use gantry_bench_ingest::script::Plan;
use serde::Serialize;

use crate::database::Databases;
use crate::measure::{Frozen, Latency, Spread, Throughput};
use crate::per_s;

/// What the design asks for.
const RATIO_TO_CEILING: f64 = 0.5;
const TIMES_ROW_AT_A_TIME: f64 = 10.0;
const P99_MS: f64 = 50.0;
const FROZEN_MIB: u64 = 256;

#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    pub(crate) ceiling_rows_per_s: f64,
    pub(crate) gantry_rows_per_s: f64,
    pub(crate) row_at_a_time_rows_per_s: f64,
    pub(crate) ratio_to_ceiling: f64,
    pub(crate) times_row_at_a_time: f64,
    pub(crate) latency_ms: Option<Spread>,
    pub(crate) latency_from_update_ms: Option<Spread>,
    pub(crate) sse_ms: Option<Spread>,
    pub(crate) frozen_db: Option<Frozen>,
    pub(crate) latency_run: Option<LatencyRun>,
    pub(crate) whole_workload: Option<Whole>,
    pub(crate) rounds: Rounds,
    pub(crate) workload: Option<Plan>,
    pub(crate) machine: Machine,
}

#[derive(Debug, Default, Serialize)]
pub(crate) struct LatencyRun {
    pub(crate) updates_per_s: f64,
    pub(crate) indexer_cpu_share: f64,
}

/// Account updates with a transaction and an event for every four of them.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Whole {
    pub(crate) rows_per_s: f64,
    pub(crate) events_per_s: f64,
}

/// Every run, rows per second, in the order in which they were made.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Rounds {
    pub(crate) ceiling_one_slot_a_transaction: Vec<f64>,
    pub(crate) ceiling_eight_slots_a_transaction: Vec<f64>,
    pub(crate) gantry: Vec<f64>,
    pub(crate) row_at_a_time: Vec<f64>,
    /// Of the indexer's process alone.
    pub(crate) gantry_cpu_s: Vec<f64>,
    pub(crate) gantry_max_rss_mib: Vec<u64>,
}

#[derive(Debug, Default, Serialize)]
pub(crate) struct Machine {
    pub(crate) cpu: String,
    pub(crate) cores: usize,
    pub(crate) memory_gib: u64,
    pub(crate) kernel: String,
    pub(crate) postgres: String,
    pub(crate) fsync: String,
    pub(crate) synchronous_commit: String,
    pub(crate) full_page_writes: String,
    pub(crate) date: String,
}

fn first_line(file: &str, name: &str) -> String {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .unwrap_or_default();
    line.trim_start_matches([':', '\t', ' ']).to_owned()
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

impl Report {
    pub(crate) async fn begin(databases: &Databases) -> Result<Self> {
        let memory = first_line("/proc/meminfo", "MemTotal");
        let kib: u64 = memory.split(' ').next().unwrap_or_default().parse().unwrap_or_default();
        let machine = Machine {
            cpu: first_line("/proc/cpuinfo", "model name"),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_gib: kib >> 20,
            kernel: first_line("/proc/sys/kernel/osrelease", ""),
            postgres: databases.ask("select current_setting('server_version')").await?,
            fsync: databases.ask("select current_setting('fsync')").await?,
            synchronous_commit: databases.ask("select current_setting('synchronous_commit')").await?,
            full_page_writes: databases.ask("select current_setting('full_page_writes')").await?,
            date: databases.ask("select current_date::text").await?,
        };
        Ok(Self {
            machine,
            ..Self::default()
        })
    }

    pub(crate) fn plan(&mut self, plan: Plan) {
        self.workload = Some(plan);
    }

    pub(crate) fn ceiling(&mut self, plan: Plan, together: usize, took: Duration) {
        let rate = per_s(plan.updates(), took).round();
        if together == 1 {
            self.rounds.ceiling_one_slot_a_transaction.push(rate);
        } else {
            self.rounds.ceiling_eight_slots_a_transaction.push(rate);
        }
        self.compare();
    }

    pub(crate) fn gantry(&mut self, plan: Plan, run: &Throughput) {
        self.rounds.gantry.push(per_s(plan.updates(), run.took).round());
        self.rounds.gantry_cpu_s.push(run.taken.cpu.as_secs_f64());
        self.rounds.gantry_max_rss_mib.push(run.taken.peak_mib);
        self.compare();
    }

    pub(crate) fn row_at_a_time(&mut self, rows: usize, took: Duration) {
        self.rounds.row_at_a_time.push(per_s(rows as u64, took).round());
        self.compare();
    }

    fn compare(&mut self) {
        // The better of the two ways is the ceiling.
        let rounds = &self.rounds;
        self.ceiling_rows_per_s =
            median(&rounds.ceiling_one_slot_a_transaction).max(median(&rounds.ceiling_eight_slots_a_transaction));
        self.gantry_rows_per_s = median(&rounds.gantry);
        self.row_at_a_time_rows_per_s = median(&rounds.row_at_a_time);
        let share = |of: f64| {
            if of > 0.0 {
                (self.gantry_rows_per_s / of * 1_000.0).round() / 1_000.0
            } else {
                0.0
            }
        };
        self.ratio_to_ceiling = share(self.ceiling_rows_per_s);
        self.times_row_at_a_time = share(self.row_at_a_time_rows_per_s);
    }

    pub(crate) fn whole(&mut self, plan: Plan, run: &Throughput) {
        let events = (plan.slots * plan.transactions) as u64;
        self.whole_workload = Some(Whole {
            rows_per_s: per_s(plan.updates(), run.took).round(),
            events_per_s: per_s(events, run.took).round(),
        });
    }

    pub(crate) fn latency(&mut self, latency: Latency) {
        self.latency_ms = Some(latency.row);
        self.sse_ms = Some(latency.message);
        self.latency_from_update_ms = Some(latency.row_from_update);
        self.latency_run = Some(LatencyRun {
            updates_per_s: latency.updates_per_s.round(),
            indexer_cpu_share: (latency.indexer_cpu_share * 100.0).round() / 100.0,
        });
    }

    pub(crate) fn frozen(&mut self, frozen: Frozen) {
        self.frozen_db = Some(frozen);
    }

    /// What was measured and is not what the design asks for.
    pub(crate) fn missed(&self) -> Vec<String> {
        let mut missed = Vec::new();
        if self.gantry_rows_per_s > 0.0 {
            if self.ratio_to_ceiling < RATIO_TO_CEILING {
                missed.push(format!(
                    "{} of the ceiling, not {RATIO_TO_CEILING}",
                    self.ratio_to_ceiling
                ));
            }
            if self.times_row_at_a_time < TIMES_ROW_AT_A_TIME {
                let times = self.times_row_at_a_time;
                missed.push(format!("{times} times one row at a time, not {TIMES_ROW_AT_A_TIME}"));
            }
        }
        for (what, spread) in [("row", self.latency_ms), ("message", self.sse_ms)] {
            if let Some(spread) = spread.filter(|spread| spread.p99 > P99_MS) {
                missed.push(format!("p99 to the {what} {} ms, not {P99_MS}", spread.p99));
            }
        }
        if let Some(frozen) = self.frozen_db {
            if frozen.max_rss_mib > FROZEN_MIB {
                missed.push(format!(
                    "{} MiB while the database is frozen, not {FROZEN_MIB}",
                    frozen.max_rss_mib
                ));
            }
            if frozen.lost > 0 {
                missed.push(format!("{} accounts lost", frozen.lost));
            }
        }
        missed
    }

    /// The figures as a table of Markdown.
    pub(crate) fn table(&self) -> String {
        let mut lines = vec!["| | measured | aim |".to_owned(), "| --- | ---: | ---: |".to_owned()];
        let mut line =
            |what: &str, measured: String, aim: String| lines.push(format!("| {what} | {measured} | {aim} |"));
        if self.gantry_rows_per_s > 0.0 {
            line(
                "psql, guarded `UNNEST` upsert: the ceiling",
                rows(self.ceiling_rows_per_s),
                String::new(),
            );
            line(
                "one upsert and one commit per row",
                rows(self.row_at_a_time_rows_per_s),
                String::new(),
            );
            line(
                "the indexer, everything on",
                rows(self.gantry_rows_per_s),
                String::new(),
            );
            let ratio = format!("{:.0} %", self.ratio_to_ceiling * 100.0);
            line("the indexer, of the ceiling", ratio, "≥ 50 %".to_owned());
            let times = format!("{:.0} ×", self.times_row_at_a_time);
            line("the indexer, to one row at a time", times, "≥ 10 ×".to_owned());
        }
        if let Some(whole) = &self.whole_workload {
            let measured = format!("{}, and {:.0} events/s", rows(whole.rows_per_s), whole.events_per_s);
            line(
                "with a transaction and an event for every four updates",
                measured,
                String::new(),
            );
        }
        let spread = |spread: Spread| format!("p50 {:.1} ms, p99 {:.1} ms", spread.p50, spread.p99);
        if let (Some(row), Some(message), Some(update)) = (self.latency_ms, self.sse_ms, self.latency_from_update_ms) {
            let aim = || format!("p99 ≤ {P99_MS:.0} ms");
            line("confirmation sent → row can be read", spread(row), aim());
            line("confirmation sent → event at an SSE client", spread(message), aim());
            line("account update sent → row can be read", spread(update), String::new());
        }
        if let Some(frozen) = self.frozen_db {
            let what = format!("most memory of the indexer, database frozen for {} s", frozen.frozen_s);
            line(
                &what,
                format!("{} MiB", frozen.max_rss_mib),
                format!("≤ {FROZEN_MIB} MiB"),
            );
            line("updates lost by it", frozen.lost.to_string(), "0".to_owned());
            line(
                "caught up after it",
                format!("{:.1} s", frozen.caught_up_s),
                String::new(),
            );
        }
        lines.join("\n")
    }
}

fn rows(per_s: f64) -> String {
    let digits = format!("{per_s:.0}");
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{grouped} rows/s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_that_is_not_what_it_should_be_is_named() {
        let mut report = Report {
            gantry_rows_per_s: 10.0,
            ratio_to_ceiling: 0.49,
            times_row_at_a_time: 10.0,
            ..Report::default()
        };
        assert_eq!(report.missed().len(), 1);
        report.sse_ms = Some(Spread {
            p99: 50.1,
            ..Spread::default()
        });
        assert_eq!(report.missed().len(), 2);
    }

    #[test]
    fn the_median_is_in_the_middle_and_thousands_are_grouped() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[]), 0.0);
        assert_eq!(rows(1_234_567.0), "1,234,567 rows/s");
        assert_eq!(rows(999.0), "999 rows/s");
    }
}
