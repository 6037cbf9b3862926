//! Every action of everyone, through the built `gantry` on a network that it has set up itself: no matcher and no
//! indexer does anything on the way, and only the modules below start a node.

#[path = "cli/containers.rs"]
mod containers;
#[path = "cli/daemon.rs"]
mod daemon;
#[path = "cli/gantry.rs"]
mod gantry;
#[path = "cli/logs.rs"]
mod logs;
#[path = "cli/once.rs"]
mod once;
#[path = "../../node/tests/podman/mod.rs"]
mod podman;
#[path = "cli/sealed.rs"]
mod sealed;
#[path = "cli/several.rs"]
mod several;
#[path = "cli/storing.rs"]
mod storing;

use anyhow::{Context as _, ensure};
use gantry::{Network, finish};
use gantry_sdk::receipt::ReceiptStatus;
use gantry_tests::market::repository;
use serde_json::Value;

/// Exit codes.
const USAGE: i32 = 2;
const NOT_FOUND: i32 = 3;
const REFUSED: i32 = 4;
const UNREACHABLE: i32 = 5;

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_actor_does_everything_from_the_command_line() -> anyhow::Result<()> {
    let network = Network::start().await?;
    let councils = authority_and_guardian(&network).await?;
    let node = provider(&network)?;
    attestor(&network, &node)?;
    a_job_that_is_given_back_and_cancelled(&network, &node)?;
    a_job_that_is_served_and_settled(&network, &node).await?;
    delegator(&network)?;
    a_dispute(&network, &node).await?;
    a_node_that_does_not_start(&network, &node).await?;
    a_node_that_goes_silent(&network, &node).await?;
    a_node_that_gives_notice(&network, &node).await?;
    a_node_that_contradicts_itself(&network, &node).await?;
    leaving(&network, &node)?;
    announced_changes(&network, councils).await?;
    settings(&network)?;
    network.stop().await;
    Ok(())
}

/// Gives when the announced council may come into force.
async fn authority_and_guardian(network: &Network) -> anyhow::Result<i64> {
    let again = network.ok("authority", &["network", "init", "net", "--yes"])?;
    ensure!(text(&again["authority"]) == network.address("authority")?, "{again}");
    network.ok(
        "authority",
        &["network", "set-guardian", &network.address("guardian")?, "--yes"],
    )?;
    let paused = network.ok("guardian", &["network", "pause", "--jobs", "--yes"])?;
    ensure!(paused.to_string().contains("jobs"), "{paused}");
    network.refused(
        "customer",
        REFUSED,
        "paused",
        &["job", "open", &network.spec("a", &[])?],
    )?;
    network.refused("guardian", REFUSED, "", &["network", "unpause"])?;
    network.ok("authority", &["network", "unpause"])?;
    network.ok(
        "authority",
        &["network", "propose-authority", &network.address("successor")?, "--yes"],
    )?;
    network.refused("customer", REFUSED, "", &["network", "accept-authority", "--yes"])?;
    network.ok("authority", &["network", "cancel-authority"])?;
    let attestor = network.address("second-attestor")?;
    network.ok(
        "authority",
        &[
            "network",
            "attestor",
            "add",
            &attestor,
            "--max-tier",
            "1",
            "--flag",
            "EEA",
            "--yes",
        ],
    )?;
    network.ok(
        "authority",
        &[
            "network",
            "attestor",
            "update",
            &attestor,
            "--max-tier",
            "2",
            "--inactive",
            "--yes",
        ],
    )?;
    let all = network.ok("authority", &["network", "attestor", "list"])?;
    ensure!(all.as_array().is_some_and(|all| all.len() == 2), "{all}");
    network.ok("authority", &["network", "attestor", "remove", &attestor, "--yes"])?;
    let mints = network.ok("authority", &["network", "mint", "list"])?;
    let mint = text(&mints[0]["mint"]).to_owned();
    network.ok(
        "authority",
        &["network", "mint", "update", &mint, "--minimum-price", "0.02", "--yes"],
    )?;
    let terms = network.raw("authority", &["network", "terms", "show", "--file"])?;
    network.write("terms.json", &terms)?;
    network.ok("authority", &["network", "terms", "propose", "terms.json", "--yes"])?;
    network.ok("authority", &["network", "terms", "cancel", "--yes"])?;
    network.ok("authority", &["network", "terms", "propose", "terms.json", "--yes"])?;
    let (one, other) = (network.address("authority")?, network.address("arbiter")?);
    let council = ["--arbiter", &one, "--arbiter", &other, "--threshold", "2", "--yes"];
    let propose = [&["network", "council", "propose"][..], &council[..]].concat();
    network.ok("authority", &propose)?;
    network.ok("authority", &["network", "council", "cancel", "--yes"])?;
    network.ok("authority", &propose)?;
    network.refused("authority", REFUSED, "", &["network", "council", "apply"])?;
    Ok(network.clock().await? + 61)
}

async fn announced_changes(network: &Network, due: i64) -> anyhow::Result<()> {
    network.until(due).await?;
    let council = network.ok("keeper", &["network", "council", "apply"])?;
    ensure!(council.to_string().contains(&network.address("arbiter")?), "{council}");
    network.ok("keeper", &["network", "terms", "apply"])?;
    let successor = network.address("successor")?;
    network.ok("authority", &["network", "propose-authority", &successor, "--yes"])?;
    let after = network.ok("successor", &["network", "accept-authority", "--yes"])?;
    ensure!(after.to_string().contains(&successor), "{after}");
    Ok(())
}

/// Gives the node's account.
fn provider(network: &Network) -> anyhow::Result<String> {
    network.refused("provider", NOT_FOUND, "no provider", &["provider", "show"])?;
    network.write("about.json", "{}")?;
    network.ok("provider", &["provider", "register", "--metadata", "about.json"])?;
    network.ok("provider", &["pool", "create", "--commission-bps", "1000"])?;
    let dry = network.ok("provider", &["stake", "1000", "--dry-run"])?;
    ensure!(
        dry["transactions"][0]["tokens"]
            .as_array()
            .is_some_and(|t| t.len() == 2),
        "{dry}"
    );
    network.ok("provider", &["stake", "1000"])?;
    network.ok("provider", &["stake", "deposit", "100", "--yes"])?;
    network.ok("provider", &["pool", "commission", "800"])?;
    let payout = network.address("provider")?;
    network.ok("provider", &["provider", "update", "--payout-owner", &payout, "--yes"])?;
    let listing = [
        "--price",
        "0.50",
        "--country",
        "DE",
        "--cpu-cores",
        "2",
        "--ram-gib",
        "4",
    ];
    let register = [&["node", "register", "--node-key", "node.json"][..], &listing[..]].concat();
    let node = text(&network.ok("provider", &register)?["address"]).to_owned();
    network.refused("provider", REFUSED, "listed already", &register)?;
    network.ok("provider", &["node", "price", &node, "0.60"])?;
    let changed = network.ok("provider", &["node", "hardware", &node, "--ram-gib", "8"])?;
    ensure!(changed["ram_gib"] == 8, "{changed}");
    network.ok("provider", &["node", "drain", &node])?;
    network.ok("provider", &["node", "resume", &node])?;
    let all = network.ok("customer", &["node", "list", "--country", "DE", "--available"])?;
    ensure!(text(&all[0]["address"]) == node, "{all}");
    network.ok("customer", &["node", "show", &node])?;
    let providers = network.ok("customer", &["provider", "list"])?;
    ensure!(text(&providers[0]["staked"]) == "1100000000", "{providers}");
    Ok(node)
}

fn attestor(network: &Network, node: &str) -> anyhow::Result<()> {
    let device = "01".repeat(32);
    let attest = [
        "attest",
        node,
        "--tier",
        "1",
        "--flag",
        "EEA",
        "--days",
        "30",
        "--device-hash",
        &device,
    ];
    network.refused("customer", REFUSED, "not admitted", &attest)?;
    network.ok("attestor", &["attest", "show"])?;
    network.ok("attestor", &attest)?;
    network.ok("attestor", &["attest", "revoke", node, "--yes"])?;
    let attested = network.ok("attestor", &attest)?;
    ensure!(attested["tier"] == 1, "{attested}");
    Ok(())
}

fn a_job_that_is_given_back_and_cancelled(network: &Network, node: &str) -> anyhow::Result<()> {
    let job = network.open("given-back", &[])?;
    let why = network.ok("customer", &["job", "why", &job])?;
    ensure!(!why.is_null(), "{why}");
    network.ok("keeper", &["keeper", "assign", &job, node])?;
    network.refused("customer", REFUSED, "", &["job", "cancel", &job])?;
    network.ok(
        "operator",
        &["node", "decline", &job, "--node-key", "node.json", "--yes"],
    )?;
    network.refused("keeper", REFUSED, "barred", &["keeper", "assign", &job, node])?;
    let cancelled = network.ok("customer", &["job", "cancel", &job])?;
    ensure!(text(&cancelled["status"]) == "cancelled", "{cancelled}");
    let shown = network.ok("customer", &["job", "show", &job])?;
    ensure!(shown["refunded"] == cancelled["refunded"], "{shown}");
    Ok(())
}

async fn a_job_that_is_served_and_settled(network: &Network, node: &str) -> anyhow::Result<()> {
    let job = network.open("served", &[])?;
    network.ok("keeper", &["keeper", "assign", &job, node])?;
    network.start_job(&job).await?;
    let watched = network.raw("customer", &["job", "watch", &job, "--until", "running"])?;
    let line: Value = serde_json::from_str(watched.lines().next().context("a line")?)?;
    ensure!(
        line["event"] == "state" && line["meter"]["escrow_left"].is_string(),
        "{line}"
    );
    network.ok("customer", &["job", "top-up", &job, "60s", "--yes"])?;
    let started = network.clock().await?;
    network.until(started + 3).await?;
    network.carry(&job, 1, 2, ReceiptStatus::Running).await?;
    network.ok("customer", &["job", "acknowledge", &job, "1s"])?;
    network.ok("provider", &["pool", "claim"])?;
    network.ok("customer", &["job", "acknowledge", &job])?;
    network.ok("keeper", &["keeper", "claim", &job])?;
    network.refused("keeper", REFUSED, "NothingDue", &["keeper", "claim", &job])?;
    network.carry(&job, 2, 3, ReceiptStatus::Completed).await?;
    network.refused("keeper", REFUSED, "DisputeWindowOpen", &["keeper", "settle", &job])?;
    let dry = network.ok("keeper", &["keeper", "settle", &job, "--dry-run"]);
    ensure!(dry.is_err(), "what is refused is refused in a dry run, too: {dry:?}");
    network.ok("customer", &["job", "accept", &job])?;
    let dry = network.ok("keeper", &["keeper", "settle", &job, "--dry-run"])?;
    ensure!(
        dry["transactions"].as_array().is_some_and(|all| all.len() == 1),
        "{dry}"
    );
    let settled = network.ok("keeper", &["keeper", "settle", &job])?;
    network.conserved(&settled)?;
    let shown = network.ok("customer", &["job", "show", &job])?;
    ensure!(shown == settled, "{shown} {settled}");
    let watched = network.raw("customer", &["job", "watch", &job])?;
    let last: Value = serde_json::from_str(watched.lines().last().context("a line")?)?;
    ensure!(last["event"] == "closed" && last["cost"] == settled["cost"], "{last}");
    let provider = network.ok("provider", &["provider", "show"])?;
    ensure!(provider["jobs_completed"] == 1, "{provider}");
    network.ok("provider", &["stake", "rewards", "--yes"])?;
    // No blob of a result was ever written.
    ensure!(
        network.run("customer", &["job", "result", &job, "--out", "out"])?.0 != 0,
        "a result of nothing"
    );
    Ok(())
}

fn delegator(network: &Network) -> anyhow::Result<()> {
    let provider = network.address("provider")?;
    let at = ["--provider", provider.as_str()];
    let stake = |action: &[&str]| network.ok("delegator", &[&["stake"], action, &at[..]].concat());
    stake(&["200"])?;
    let positions = network.ok("delegator", &["stake", "list"])?;
    ensure!(text(&positions[0]["staked"]) == "200000000", "{positions}");
    stake(&["unstake", "50"])?;
    stake(&["cancel", "0"])?;
    let asked = stake(&["unstake", "all"])?;
    ensure!(
        asked[0]["requests"].as_array().is_some_and(|all| all.len() == 1),
        "{asked}"
    );
    network.refused(
        "delegator",
        REFUSED,
        "",
        &["stake", "withdraw", "--provider", &provider],
    )?;
    network.refused("delegator", REFUSED, "", &["stake", "close", "--provider", &provider])?;
    network.refused(
        "stranger",
        NOT_FOUND,
        "",
        &["stake", "rewards", "--provider", &provider],
    )?;
    Ok(())
}

async fn a_dispute(network: &Network, node: &str) -> anyhow::Result<()> {
    let job = network.open("disputed", &[])?;
    network.ok("keeper", &["keeper", "assign", &job, node])?;
    network.start_job(&job).await?;
    let stopped = network.ok("customer", &["job", "stop", &job])?;
    ensure!(text(&stopped["status"]) == "finished", "{stopped}");
    let dispute = ["job", "dispute", &job, "It is not what was asked for.", "--yes"];
    network.ok("customer", &dispute)?;
    let mine = network.ok("authority", &["dispute", "list", "--mine"])?;
    ensure!(text(&mine[0]["job"]) == job, "{mine}");
    network.refused("keeper", REFUSED, "", &["keeper", "resolve", &job])?;
    let verdict = ["--provider-share-bps", "0", "--slash-bps", "5000", "--yes"];
    let vote = [&["dispute", "vote", &job][..], &verdict[..]].concat();
    network.refused("customer", REFUSED, "", &vote)?;
    let voted = network.ok("authority", &vote)?;
    ensure!(voted["may_be_resolved"] == true, "{voted}");
    network.ok("customer", &["dispute", "show", &job])?;
    let resolved = network.ok("keeper", &["keeper", "resolve", &job])?;
    ensure!(text(&resolved["status"]) == "settled", "{resolved}");
    Ok(())
}

async fn a_node_that_does_not_start(network: &Network, node: &str) -> anyhow::Result<()> {
    let job = network.open("not-started", &[("start_deadline_seconds", 5)])?;
    network.ok("keeper", &["keeper", "assign", &job, node])?;
    network.refused("keeper", REFUSED, "StartDeadlineNotPassed", &["keeper", "expire", &job])?;
    network.until(network.clock().await? + 6).await?;
    network.ok("keeper", &["keeper", "expire", &job])?;
    network.ok("customer", &["job", "cancel", &job])?;
    Ok(())
}

async fn a_node_that_goes_silent(network: &Network, node: &str) -> anyhow::Result<()> {
    let job = network.open("silent", &[("proof_timeout_seconds", 2)])?;
    network.ok("keeper", &["keeper", "assign", &job, node])?;
    network.start_job(&job).await?;
    network.until(network.clock().await? + 3).await?;
    network.ok("keeper", &["keeper", "lapse", &job])?;
    network.until(network.clock().await? + 4).await?;
    let settled = network.ok("customer", &["job", "settle", &job])?;
    network.conserved(&settled)
}

async fn a_node_that_gives_notice(network: &Network, node: &str) -> anyhow::Result<()> {
    let job = network.open("notice", &[("max_duration_seconds", 3_600)])?;
    network.ok("keeper", &["keeper", "assign", &job, node])?;
    network.start_job(&job).await?;
    network.ok("operator", &["node", "end", &job, "--node-key", "node.json", "--yes"])?;
    network.refused("customer", REFUSED, "notice", &["job", "top-up", &job, "60s", "--yes"])?;
    network.ok("customer", &["job", "stop", &job])?;
    network.until(network.clock().await? + 4).await?;
    let settled = network.ok("keeper", &["keeper", "settle", &job])?;
    network.conserved(&settled)
}

async fn a_node_that_contradicts_itself(network: &Network, node: &str) -> anyhow::Result<()> {
    // Three failures in a row have suspended it; a new attestation lifts that.
    attestor(network, node)?;
    let job = network.open("contradicted", &[])?;
    network.ok("keeper", &["keeper", "assign", &job, node])?;
    network.start_job(&job).await?;
    let one = network.receipt(&job, 1, 0, ReceiptStatus::Running).await?;
    let other = network.receipt(&job, 1, 0, ReceiptStatus::Failed).await?;
    let convict = |other: &str| {
        let words = [
            "keeper",
            "convict",
            &job,
            "--receipt",
            &one,
            "--receipt",
            other,
            "--yes",
        ];
        words.map(str::to_owned)
    };
    let same = convict(&one);
    network.refused("keeper", REFUSED, "same receipt", &same.each_ref().map(String::as_str))?;
    let wrong = [
        "keeper",
        "convict",
        &job,
        "--receipt",
        "about.json",
        "--receipt",
        &one,
        "--yes",
    ];
    network.refused("keeper", USAGE, "no receipt", &wrong)?;
    let words = convict(&other);
    network.ok("keeper", &words.each_ref().map(String::as_str))?;
    let suspended = network.ok("customer", &["node", "show", node])?;
    ensure!(text(&suspended["status"]) == "suspended", "{suspended}");
    Ok(())
}

fn leaving(network: &Network, node: &str) -> anyhow::Result<()> {
    let resume = ["node", "resume", node];
    network.refused("provider", REFUSED, "", &resume)?;
    network.refused("customer", REFUSED, "sign with", &["node", "close", node])?;
    network.refused("provider", REFUSED, "", &["provider", "close"])?;
    network.ok("provider", &["stake", "unstake", "100"])?;
    network.refused("provider", REFUSED, "", &["pool", "close"])?;
    Ok(())
}

fn doctor_knows_programs_and_host(network: &Network, health: &Value) -> anyhow::Result<()> {
    let checks = health["checks"].as_array().context("checks")?;
    let check = |name: &str| {
        let found = checks.iter().find(|check| check["check"] == name);
        found.with_context(|| format!("no check of {name}: {health}"))
    };
    for name in ["registry", "staking", "market"] {
        let (check, details) = (check(name)?, &check(name)?["details"]);
        let found = text(&check["found"]);
        ensure!(
            found.contains(text(&details["program"])) && found.contains("in slot"),
            "{check}"
        );
        ensure!(found.contains("IDL 0.") && details["slot"].is_u64(), "{check}");
        let authority = details["authority"].as_str();
        ensure!(authority.is_none_or(|key| found.contains(key)), "{check}");
        // What is deployed is what was built, byte for byte.
        let built = std::fs::read(repository().join(format!("target/deploy/{name}.so")))?;
        let end = built.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        let code = gantry_sdk::Hash32::of(&built[..end]).to_string();
        ensure!(text(&details["code_sha256"]) == code, "{check}");
    }
    for name in ["node", "GPU", "runner"] {
        let found = text(&check(name)?["found"]);
        ensure!(
            !found.is_empty() && !found.contains(['{', '[']),
            "{name}: no text for people: {found}"
        );
    }
    ensure!(text(&check("runner")?["found"]).contains("containers: "), "{health}");
    let (_, shown, _) = finish(network.command("customer").arg("doctor"))?;
    ensure!(shown.contains("market") && !shown.contains('{'), "{shown}");
    Ok(())
}

fn settings(network: &Network) -> anyhow::Result<()> {
    let rpc = network.rpc();
    network.ok(
        "customer",
        &[
            "profile",
            "add",
            "here",
            "--rpc",
            rpc,
            "--key",
            "customer.json",
            "--use",
        ],
    )?;
    network.ok(
        "customer",
        &[
            "profile",
            "add",
            "gone",
            "--rpc",
            "http://127.0.0.1:1",
            "--key",
            "customer.json",
        ],
    )?;
    network.refused("customer", USAGE, "here", &["balance", "--profile", "nowhere"])?;
    let shown = network.ok("customer", &["config", "show", "--profile", "gone"])?;
    // The environment goes before the profile.
    ensure!(
        text(&shown["settings"]["rpc_url"]["source"]) == "environment",
        "{shown}"
    );
    let bare = network.without_environment(&["balance", "--output", "json"])?;
    ensure!(text(&bare["wallet"]) == network.address("customer")?, "{bare}");
    let (code, _, said) = network.run_without_environment(&["balance", "--profile", "gone"])?;
    ensure!(code == UNREACHABLE, "{said}");
    network.ok("customer", &["profile", "remove", "gone"])?;
    network.ok("customer", &["profile", "unuse"])?;
    let health = network.ok("customer", &["doctor"])?;
    ensure!(health["healthy"] == true, "{health}");
    doctor_knows_programs_and_host(network, &health)?;
    let (code, ..) = network.run("customer", &["doctor", "--rpc-url", "http://127.0.0.1:1"])?;
    ensure!(code == 1, "a doctor that finds nothing wrong with nothing");
    let by_command = network.signing_command("customer")?;
    let signed = network.ok("customer", &["keys", "show", "--keypair", &by_command])?;
    ensure!(text(&signed["public_key"]) == network.address("customer")?, "{signed}");
    Ok(())
}
