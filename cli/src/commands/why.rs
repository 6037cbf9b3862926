//! Why an open job is not matched.

use crate::{
    context::Context,
    output::{count, table},
};
use anyhow::Result;
use gantry_sdk::{
    Pubkey,
    core::{billing, bond},
    market::accounts::{Job, MarketParams, PaymentMint},
    pda,
    registry::accounts::{Network, Node},
    staking::accounts::{Pool, StakingParams},
    state::{JobExt, JobStatus, NodeExt, NodeStatus, PoolExt},
};
use serde_json::json;
use std::collections::{BTreeMap, HashMap};

/// Network pause bit for assignments.
const PAUSED_ASSIGNMENTS: u8 = 2;

/// What the market would check a node against, beside the job.
struct Rules {
    mint: PaymentMint,
    market: MarketParams,
    staking: StakingParams,
}

pub(crate) async fn explain(context: &Context, address: &Pubkey, job: &Job) -> Result<()> {
    let status = JobExt::status(job);
    if status != Some(JobStatus::Open) {
        let text = format!(
            "Job {address} is {}: only an open job waits for a match",
            super::view::job_status(job)
        );
        return context.show(
            json!({ "job": address.to_string(), "open": false, "reasons": [] }),
            || text,
        );
    }
    let now = context.gantry.clock().await?;
    let nodes = context.gantry.nodes().await?;
    let pools: HashMap<Pubkey, Pool> = context.gantry.pools().await?.into_iter().collect();
    let missing = |what: &'static str, address: Pubkey| gantry_sdk::ClientError::NotFound {
        what,
        address: address.to_string(),
    };
    let rules = Rules {
        mint: context
            .gantry
            .payment_mint(&job.mint)
            .await?
            .ok_or_else(|| missing("payment mint", job.mint))?,
        market: context
            .gantry
            .market_params()
            .await?
            .ok_or_else(|| missing("market set-up at", pda::market_params()))?,
        staking: context
            .gantry
            .staking_params()
            .await?
            .ok_or_else(|| missing("staking set-up at", pda::staking_params()))?,
    };
    let network = context
        .gantry
        .network()
        .await?
        .ok_or_else(|| missing("network at", pda::network()))?;
    let mut reasons: BTreeMap<String, Vec<Pubkey>> = BTreeMap::new();
    let mut fitting = Vec::new();
    for (node_address, node) in &nodes {
        match obstacle(
            job,
            node_address,
            node,
            pools.get(&pda::pool(&node.provider)),
            &rules,
            now,
        ) {
            Some(reason) => reasons.entry(reason).or_default().push(*node_address),
            None => fitting.push(*node_address),
        }
    }
    show(context, address, job, &network, nodes.len(), &fitting, reasons)
}

/// The first thing that keeps the market from assigning `job` to `node`, in the words that follow "the node".
fn obstacle(job: &Job, address: &Pubkey, node: &Node, pool: Option<&Pool>, rules: &Rules, now: i64) -> Option<String> {
    if job.fixed_node().is_some_and(|fixed| fixed != *address) {
        return Some("is not the node that the job names".to_owned());
    }
    if let Err(mismatch) = job.requirements().check(&node.offer(), now) {
        return Some(mismatch.to_string());
    }
    if job.barred(address) {
        return Some("was assigned before and did not start the job".to_owned());
    }
    let status = NodeExt::status(node);
    if status != Some(NodeStatus::Available) {
        return Some(format!("is {}", super::view::node_status(node)));
    }
    let Some(pool) = pool else {
        return Some("has no stake behind it".to_owned());
    };
    if pool.reward_mint != job.mint {
        return Some("has a pool that shares revenue in another mint".to_owned());
    }
    if pool.active < rules.staking.minimum_pool_stake {
        return Some("has less stake behind it than the network's minimum".to_owned());
    }
    let ratio = rules.market.terms.bond_ratio_bps;
    let needed = billing::deposit(node.price_per_hour, job.max_duration)
        .and_then(|bill| bond::bond(bill, rules.mint.stake_rate, ratio));
    match needed {
        Some(needed) if pool.free() >= needed => None,
        _ => Some("has too little free stake behind it for a job of this size".to_owned()),
    }
}

fn show(
    context: &Context,
    address: &Pubkey,
    job: &Job,
    network: &Network,
    total: usize,
    fitting: &[Pubkey],
    reasons: BTreeMap<String, Vec<Pubkey>>,
) -> Result<()> {
    let mut ordered: Vec<(String, Vec<Pubkey>)> = reasons.into_iter().collect();
    ordered.sort_by_key(|(_, nodes)| std::cmp::Reverse(nodes.len()));
    let paused = network.paused & PAUSED_ASSIGNMENTS != 0;
    let value = json!({
        "job": address.to_string(),
        "open": true,
        "nodes": total,
        "fitting": fitting.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "assignments_paused": paused,
        "matcher": job.fixed_matcher().map(|matcher| matcher.to_string()),
        "reasons": ordered.iter().map(|(reason, nodes)| json!({
            "reason": reason,
            "count": nodes.len(),
            "nodes": nodes.iter().map(ToString::to_string).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
    });
    context.show(value, || {
        let mut text = match (total, fitting.len()) {
            (0, _) => "No node is listed on this network: the job stays open.".to_owned(),
            (_, 0) => format!(
                "None of {} can take job {}: it stays open.",
                count(total, "node"),
                job.id
            ),
            (_, fit) => {
                format!(
                    "{} of {} can take job {}: a matcher should assign it soon.",
                    fit,
                    count(total, "node"),
                    job.id
                )
            }
        };
        if paused {
            text += "\nThe network has paused assignments.";
        }
        if let Some(matcher) = job.fixed_matcher() {
            text += &format!("\nOnly the matcher {matcher} may assign it.");
        }
        if !ordered.is_empty() {
            let rows = ordered
                .iter()
                .map(|(reason, nodes)| vec![nodes.len().to_string(), reason.clone()]);
            text += &format!("\n{}", table(&["Nodes", "The node …"], rows));
        }
        text
    })
}
