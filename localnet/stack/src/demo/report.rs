//! What must hold when the demo is over.

use super::{Market, Say, job::Outcome};
use anyhow::{Context as _, ensure};
use gantry_sdk::{client::JobHistory, market, state::AnyEvent};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Seconds that the indexer gets to have the settlement in Postgres.
const INDEXER_PATIENCE: Duration = Duration::from_secs(30);

/// The demo in numbers. Amounts are base units of the payment mint; provider, matcher, treasury and customer sum to
/// `deposited`.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// Always true: anything else is an error instead.
    pub ok: bool,
    /// The job account, base58.
    pub job: String,
    /// What the customer put in.
    pub deposited: u64,
    /// To the provider and its stakers.
    pub provider: u64,
    /// To the matcher.
    pub matcher: u64,
    /// To the treasury.
    pub treasury: u64,
    /// Back to the customer.
    pub customer: u64,
    /// Seconds paid for.
    pub served_seconds: u32,
    /// What the market's instructions used, with the calls they made.
    pub compute_units: ComputeUnits,
    /// The indexer's rows against the chain.
    pub verify: VerifyReport,
}

/// Compute units of the job's life. Of several proofs the last counts: the final one, which frees the node.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct ComputeUnits {
    /// `open_job`.
    pub open: u64,
    /// `assign_job`.
    pub assign: u64,
    /// `start_job`.
    pub start: u64,
    /// `submit_proof`.
    pub proof: u64,
    /// `settle_job`.
    pub settle: u64,
    /// Their sum.
    pub total: u64,
}

/// What `gantry-indexer verify` found.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct VerifyReport {
    /// Rows compared.
    pub rows: u64,
    /// Rows that differ.
    pub differences: u64,
}

/// The part of the indexer's own report that the demo needs.
#[derive(Deserialize)]
struct IndexerReport {
    rows: u64,
    differences: Vec<serde_json::Value>,
}

/// Checks money, API and rows, and sums up.
pub(super) async fn check(market: &Market, outcome: &Outcome, say: &Say) -> anyhow::Result<Summary> {
    let settled = &outcome.settled;
    let parts = [
        settled.to_provider,
        settled.to_delegators,
        settled.to_matcher,
        settled.to_treasury,
        settled.to_customer,
    ];
    let paid: u64 = parts.iter().sum();
    ensure!(
        paid == outcome.deposited && settled.deposited == outcome.deposited,
        "{paid} base units were paid out of {} deposited",
        outcome.deposited
    );
    say.step(&format!("money: {paid} base units deposited, {paid} paid out"));
    for file in &outcome.files {
        ensure!(file.metadata()?.len() > 0, "{} is empty", file.display());
    }

    let history = market.gantry.job_history(&outcome.job).await?;
    let compute_units = compute_units(&history)?;
    say.step(&format!(
        "compute units: open {}, assign {}, start {}, last proof {}, settle {}",
        compute_units.open, compute_units.assign, compute_units.start, compute_units.proof, compute_units.settle
    ));
    let slot = history
        .transactions
        .iter()
        .map(|transaction| transaction.slot)
        .max()
        .context("no transactions")?;
    let events = timeline(market, outcome, slot).await?;
    say.step(&format!("API: the job's timeline has {events} events"));
    let verify = verify(market).await?;
    say.step(&format!(
        "verify: {} rows compared with the chain, {} differences",
        verify.rows, verify.differences
    ));
    Ok(Summary {
        ok: true,
        job: outcome.job.to_string(),
        deposited: outcome.deposited,
        provider: settled.to_provider + settled.to_delegators,
        matcher: settled.to_matcher,
        treasury: settled.to_treasury,
        customer: settled.to_customer,
        served_seconds: settled.paid_seconds,
        compute_units,
        verify,
    })
}

/// Reads the job's timeline back from the API, as of `slot`.
async fn timeline(market: &Market, outcome: &Outcome, slot: u64) -> anyhow::Result<usize> {
    let api = market.stack.api_url().context("the demo needs the indexer")?;
    let url = format!("{api}/v1/jobs/{}/timeline?min_slot={slot}", outcome.job);
    let answer = reqwest::Client::new()
        .get(&url)
        .timeout(INDEXER_PATIENCE)
        .send()
        .await?
        .error_for_status()?;
    let body: serde_json::Value = answer.json().await?;
    let text = body.to_string();
    ensure!(
        text.contains("JobSettled"),
        "the timeline at {url} lacks the settlement: {text}"
    );
    let list = body
        .as_array()
        .or_else(|| body.as_object()?.values().find_map(serde_json::Value::as_array));
    Ok(list.map_or(0, Vec::len))
}

/// Runs the indexer's own comparison of its rows with the chain.
pub(super) async fn verify(market: &Market) -> anyhow::Result<VerifyReport> {
    let indexer = market.stack.binaries().find("gantry-indexer")?;
    let output = tokio::process::Command::new(indexer)
        .args(["verify", "--json", "--rpc-url", &market.stack.chain().rpc])
        .env(
            "DATABASE_URL",
            market.stack.database_url().context("the demo needs Postgres")?,
        )
        .kill_on_drop(true)
        .output()
        .await?;
    let report: IndexerReport = serde_json::from_slice(&output.stdout).with_context(|| {
        format!(
            "gantry-indexer verify did not report: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        )
    })?;
    for difference in &report.differences {
        eprintln!("{difference}");
    }
    Ok(VerifyReport {
        rows: report.rows,
        differences: report.differences.len() as u64,
    })
}

fn compute_units(history: &JobHistory) -> anyhow::Result<ComputeUnits> {
    let mut units = ComputeUnits::default();
    for transaction in history
        .transactions
        .iter()
        .filter(|transaction| transaction.error.is_none())
    {
        let used = market_units(&transaction.logs);
        for emitted in &transaction.events {
            match emitted.event {
                AnyEvent::JobOpened(_) => units.open = used,
                AnyEvent::JobAssigned(_) => units.assign = used,
                AnyEvent::JobStarted(_) => units.start = used,
                AnyEvent::ProofSubmitted(_) => units.proof = used,
                AnyEvent::JobSettled(_) => units.settle = used,
                _ => {}
            }
        }
    }
    units.total = units.open + units.assign + units.start + units.proof + units.settle;
    let all = [units.open, units.assign, units.start, units.proof, units.settle];
    ensure!(
        all.iter().all(|used| *used > 0),
        "the chain's logs lack compute units: {units:?}"
    );
    Ok(units)
}

/// Units that the market's own instructions used, as the runtime logged them; calls they made are included.
fn market_units(logs: &[String]) -> u64 {
    let prefix = format!("Program {} consumed ", market::ID);
    let used = logs
        .iter()
        .filter_map(|line| line.strip_prefix(&prefix)?.split(' ').next()?.parse::<u64>().ok());
    used.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_market_used_counts() {
        let logs = [
            "Program ComputeBudget111111111111111111111111111111 invoke [1]".to_owned(),
            format!("Program {} invoke [1]", market::ID),
            "Program 11111111111111111111111111111111 consumed 150 of 200000 compute units".to_owned(),
            format!("Program {} consumed 1234 of 200000 compute units", market::ID),
            format!("Program {} success", market::ID),
        ];
        assert_eq!(market_units(&logs), 1234);
    }
}
