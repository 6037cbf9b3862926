//! How jobs and nodes are shown.

use super::provider::percent;
use crate::{
    context::{Token, optional},
    output::fields,
};
use gantry_sdk::{
    Hash32, Pubkey, amount, gpu,
    market::{accounts::Job, events::JobSettled},
    registry::accounts::Node,
    state::{JobExt, JobOutcome, JobStatus, NodeExt, flag_names},
};
use serde_json::{Value, json};

fn token_amount(token: &Token, base_units: u64) -> Value {
    json!({ "amount": base_units.to_string(), "decimals": token.decimals, "mint": token.mint.to_string() })
}

/// Name of a node's status.
pub(crate) fn node_status(node: &Node) -> String {
    NodeExt::status(node).map_or_else(|| format!("status {}", node.status), |status| status.to_string())
}

/// Name of a job's status.
pub(crate) fn job_status(job: &Job) -> String {
    JobExt::status(job).map_or_else(|| format!("status {}", job.status), |status| status.to_string())
}

/// Name of a job's outcome; nothing while there is none.
pub(crate) fn job_outcome(job: &Job) -> Option<String> {
    match JobExt::outcome(job) {
        Some(JobOutcome::None) => None,
        Some(outcome) => Some(outcome.to_string()),
        None => Some(format!("outcome {}", job.outcome)),
    }
}

/// Everything about a node, for scripts.
pub(crate) fn node_json(address: &Pubkey, node: &Node, token: &Token) -> Value {
    json!({
        "address": address.to_string(),
        "provider": node.provider.to_string(),
        "node_key": node.node_key.to_string(),
        "status": node_status(node),
        "price_per_hour": token_amount(token, node.price_per_hour),
        "country": node.country_code(),
        "gpu": { "model": gpu::label(node.gpu_model), "count": node.gpu_count, "vram_gib": node.vram_gib },
        "cpu_cores": node.cpu_cores,
        "ram_gib": node.ram_gib,
        "disk_gib": node.disk_gib,
        "mbps": node.mbps,
        "tier": node.tier,
        "flags": flag_names(node.flags),
        "attestor": optional(&node.attestor),
        "attestation_expires_at": (node.attestation_expires_at > 0).then_some(node.attestation_expires_at),
        "reputation_bps": NodeExt::reputation_bps(node),
        "jobs_completed": node.jobs_completed,
        "jobs_failed": node.jobs_failed,
        "current_job": optional(&node.current_job),
    })
}

/// Everything about a node, for people.
pub(crate) fn node_fields(address: &Pubkey, node: &Node, token: &Token) -> String {
    let attested = match optional(&node.attestor) {
        Some(attestor) => format!("tier {} {} by {attestor}", node.tier, flag_names(node.flags).join(" ")),
        None => "by nobody".to_owned(),
    };
    fields([
        ("Node", address.to_string()),
        ("Status", node_status(node)),
        ("Job", optional(&node.current_job).unwrap_or_else(|| "none".to_owned())),
        ("Price", format!("{} per hour", token.show(node.price_per_hour))),
        ("Country", node.country_code()),
        (
            "GPU",
            format!(
                "{} × {}, {} GiB each",
                node.gpu_count,
                gpu::label(node.gpu_model),
                node.vram_gib
            ),
        ),
        ("CPU", format!("{} cores", node.cpu_cores)),
        ("Memory", format!("{} GiB", node.ram_gib)),
        ("Disk", format!("{} GiB", node.disk_gib)),
        ("Network", format!("{} Mbit/s", node.mbps)),
        ("Attested", attested),
        ("Reputation", percent(NodeExt::reputation_bps(node))),
        (
            "Jobs",
            format!("{} completed, {} failed", node.jobs_completed, node.jobs_failed),
        ),
        ("Provider", node.provider.to_string()),
        ("Key", node.node_key.to_string()),
    ])
}

fn digest(bytes: [u8; 32]) -> Option<String> {
    (bytes != [0; 32]).then(|| Hash32(bytes).to_string())
}

/// Everything about a job, for scripts.
pub(crate) fn job_json(address: &Pubkey, job: &Job, token: &Token) -> Value {
    json!({
        "address": address.to_string(),
        "id": job.id,
        "customer": job.customer.to_string(),
        "status": job_status(job),
        "outcome": job_outcome(job),
        "accepted": job.accepted(),
        "deposited": token_amount(token, job.deposited),
        "max_price_per_hour": token_amount(token, job.max_price_per_hour),
        "price_per_hour": (job.price_per_hour > 0).then(|| token_amount(token, job.price_per_hour)),
        "billed": token_amount(token, job.billed()),
        "escrow_left": token_amount(token, job.escrow_left()),
        "node": optional(&job.node),
        "provider": optional(&job.provider),
        "matcher": optional(&job.matcher),
        "assignment": job.assignment,
        "sequence": job.sequence.to_string(),
        "served_seconds": job.served_seconds,
        "max_duration_seconds": job.max_duration,
        "created_at": job.created_at,
        "started_at": JobExt::started_at(job),
        "ended_at": JobExt::ended_at(job),
        "exit_code": ended_by_receipt(job).then_some(job.exit_code),
        "spec_hash": Hash32(job.spec_hash).to_string(),
        "output_digest": digest(job.output_digest),
    })
}

fn ended_by_receipt(job: &Job) -> bool {
    matches!(JobExt::outcome(job), Some(JobOutcome::Completed | JobOutcome::Failed))
        || digest(job.output_digest).is_some()
}

/// Everything about a job, for people.
pub(crate) fn job_fields(address: &Pubkey, job: &Job, token: &Token, now: i64) -> String {
    let mut rows = vec![
        ("Job", format!("{} ({address})", job.id)),
        ("Status", status_line(job, now)),
        ("Deposit", token.show(job.deposited)),
        (
            "Highest price",
            format!("{} per hour", token.show(job.max_price_per_hour)),
        ),
    ];
    if job.price_per_hour > 0 {
        rows.push(("Price", format!("{} per hour", token.show(job.price_per_hour))));
        rows.push((
            "Served",
            format!(
                "{} of {} s, receipt {}",
                job.served_seconds, job.max_duration, job.sequence
            ),
        ));
        rows.push((
            "Billed",
            format!(
                "{}, {} left in escrow",
                token.show(job.billed()),
                token.show(job.escrow_left())
            ),
        ));
    }
    for (name, key) in [
        ("Node", &job.node),
        ("Provider", &job.provider),
        ("Matcher", &job.matcher),
    ] {
        rows.extend(optional(key).map(|key| (name, key)));
    }
    if ended_by_receipt(job) {
        rows.push(("Exit code", job.exit_code.to_string()));
    }
    rows.push(("Spec", Hash32(job.spec_hash).to_string()));
    rows.extend(digest(job.output_digest).map(|digest| ("Result", digest)));
    rows.push(("Customer", job.customer.to_string()));
    fields(rows)
}

/// The status with what comes next.
pub(crate) fn status_line(job: &Job, now: i64) -> String {
    let status = job_status(job);
    let left = |at: Option<i64>| at.map_or(0, |at| (at - now).max(0));
    match JobExt::status(job) {
        Some(JobStatus::Open) => format!("{status} for {} s: waits for a node", (now - job.created_at).max(0)),
        Some(JobStatus::Assigned) => format!("{status}: the node has {} s to start", left(job.start_deadline_at())),
        Some(JobStatus::Running) => format!("{status}: the next proof is due in {} s", left(job.lapse_at())),
        _ => match job_outcome(job) {
            Some(outcome) if job.accepted() => format!("{status} ({outcome}), accepted: may be settled"),
            Some(outcome) => format!("{status} ({outcome})"),
            None => status,
        },
    }
}

/// What the job has cost its customer: all that did not come back.
fn cost(settled: &JobSettled) -> u64 {
    settled.deposited.saturating_sub(settled.to_customer)
}

/// Who was paid what, for scripts.
pub(crate) fn settled_json(settled: &JobSettled, token: &Token) -> Value {
    json!({
        "job": settled.job.to_string(),
        "status": "settled",
        "mint": token.mint.to_string(),
        "decimals": token.decimals,
        "deposited": settled.deposited.to_string(),
        "paid_seconds": settled.paid_seconds,
        "bill": settled.bill.to_string(),
        "cost": cost(settled).to_string(),
        "claimed": settled.claimed.to_string(),
        "credit": settled.credit.to_string(),
        "to_provider": settled.to_provider.to_string(),
        "to_delegators": settled.to_delegators.to_string(),
        "to_matcher": settled.to_matcher.to_string(),
        "to_treasury": settled.to_treasury.to_string(),
        "to_customer": settled.to_customer.to_string(),
    })
}

/// Who was paid what, for people.
pub(crate) fn settled_fields(settled: &JobSettled, token: &Token) -> String {
    let part = |units: u64| format!("{:>14} {}", amount::format(units, token.decimals), token.symbol);
    let mut rows = vec![
        ("Job", settled.job.to_string()),
        ("Status", format!("settled: {} s paid for", settled.paid_seconds)),
        ("Deposited", part(settled.deposited)),
        ("Cost", part(cost(settled))),
        ("Provider", part(settled.to_provider)),
        ("Stakers", part(settled.to_delegators)),
        ("Matcher", part(settled.to_matcher)),
        ("Treasury", part(settled.to_treasury)),
        ("Came back", part(settled.to_customer)),
    ];
    if settled.claimed > 0 {
        rows.push(("Claimed before", part(settled.claimed)));
    }
    if settled.credit > 0 {
        rows.push((
            "SLA credit",
            format!("{} (part of the customer's)", part(settled.credit)),
        ));
    }
    fields(rows)
}
