//! The network's own settings.

pub(crate) mod attestor;
mod council;
mod mint;
mod terms;

use crate::{
    context::{Context, optional},
    output::fields,
};
use anyhow::Result;
use clap::{Args, Subcommand};
use gantry_sdk::{ClientError, Pubkey, Signer, ix, pda, registry::accounts::Network};
use serde_json::json;

/// Pause bit for new jobs.
const JOBS: u8 = 1;
/// Pause bit for new assignments.
const ASSIGNMENTS: u8 = 2;

/// The network's own settings.
#[derive(Debug, Subcommand)]
pub(crate) enum NetworkCommand {
    /// Set up a network of one's own on a cluster that has the programs and a faucet: mints, rules, terms, an attestor
    #[command(
        after_help = "Terms and rules are those of a local network, where everything is over in seconds; `gantry network terms \
                      propose` changes them. Running it again finishes what was cut off.\n\nExample: gantry network init my-network"
    )]
    Init {
        /// Folder for its keys and deployment.json, to be named by --run-dir from then on
        folder: std::path::PathBuf,
    },
    /// Show authority, guardian, pauses, council and what is announced
    Show,
    /// Stop new jobs, new assignments or both (authority or guardian); what runs goes on, is paid and settled
    #[command(after_help = "Example: gantry network pause --jobs")]
    Pause(Which),
    /// Lift a pause (authority)
    #[command(after_help = "Example: gantry network unpause")]
    Unpause(Which),
    /// Offer the network to another authority, who has to accept it
    #[command(after_help = "Example: gantry network propose-authority WALLET")]
    ProposeAuthority {
        /// Its wallet
        wallet: Pubkey,
    },
    /// Become the network's authority, as proposed
    AcceptAuthority,
    /// Take a proposed authority back
    CancelAuthority,
    /// Name the wallet that may pause beside the authority
    SetGuardian {
        /// The wallet
        wallet: Pubkey,
    },
    /// The council that decides disputes
    #[command(subcommand)]
    Council(council::CouncilCommand),
    /// Who may vouch for nodes
    #[command(subcommand)]
    Attestor(attestor::AttestorCommand),
    /// The market's terms
    #[command(subcommand)]
    Terms(terms::TermsCommand),
    /// The mints that jobs may be paid in
    #[command(subcommand)]
    Mint(mint::MintCommand),
}

/// What is paused; both where none is named.
#[derive(Debug, Args)]
pub(crate) struct Which {
    /// New jobs
    #[arg(long)]
    jobs: bool,
    /// New assignments
    #[arg(long)]
    assignments: bool,
}

impl Which {
    fn flags(&self) -> u8 {
        match (self.jobs, self.assignments) {
            (true, false) => JOBS,
            (false, true) => ASSIGNMENTS,
            _ => JOBS | ASSIGNMENTS,
        }
    }
}

impl NetworkCommand {
    pub(crate) async fn run(self, context: &Context) -> Result<()> {
        let confirm = |what: String| context.reviewer.confirm(&what);
        match self {
            Self::Init { folder } => return init(context, &folder).await,
            Self::Show => return show(context).await,
            Self::Council(command) => return command.run(context).await,
            Self::Attestor(command) => return command.run(context).await,
            Self::Terms(command) => return command.run(context).await,
            Self::Mint(command) => return command.run(context).await,
            _ => {}
        }
        let wallet = context.wallet()?.pubkey();
        let instruction = match self {
            Self::Pause(which) => {
                confirm(format!("This pauses {} for everybody", paused(which.flags())))?;
                ix::pause(&wallet, which.flags())
            }
            Self::Unpause(which) => ix::unpause(&wallet, which.flags()),
            Self::ProposeAuthority { wallet: proposed } => {
                confirm(format!("This offers the whole network to {proposed}"))?;
                ix::propose_authority(&wallet, &proposed)
            }
            Self::CancelAuthority => ix::cancel_authority(&wallet),
            Self::SetGuardian { wallet: guardian } => {
                confirm(format!("From now on {guardian} may pause the network"))?;
                ix::set_guardian(&wallet, &guardian)
            }
            // Those that are not an instruction of their own have returned above.
            _ => {
                confirm(format!("This makes {wallet} the network's authority"))?;
                ix::accept_authority(&wallet)
            }
        };
        context.send(&[instruction]).await?;
        show(context).await
    }
}

async fn init(context: &Context, folder: &std::path::Path) -> Result<()> {
    crate::review::refuse_dry_run(context.reviewer.mode, "network init")?;
    context
        .reviewer
        .confirm(&format!("This sets up a network on {}", context.config.rpc_url.value))?;
    // Agreed to as a whole: each transaction spends only what its own faucet gave.
    let commitment = crate::commands::settings::commitment(&context.config.commitment.value)?;
    let gantry = gantry_sdk::Gantry::with_commitment(&context.config.rpc_url.value, commitment);
    let deployment = gantry_sdk::bootstrap::bootstrap(&gantry, folder).await?;
    let names = gantry_sdk::mints::MintNames::of(&deployment)?;
    let value = json!({
        "folder": folder.display().to_string(),
        "authority": deployment.authority.to_string(),
        "authority_key": deployment.authority_key.display().to_string(),
        "attestor": deployment.attestor.to_string(),
        "attestor_key": deployment.attestor_key.display().to_string(),
        "payment_mint": deployment.payment.mint.to_string(),
        "stake_mint": deployment.stake.mint.to_string(),
        "mints": names.to_string(),
    });
    context.show(value, || {
        fields([
            (
                "Network",
                format!("set up, its keys are in {}", folder.join("keys").display()),
            ),
            ("Authority", deployment.authority.to_string()),
            ("Attestor", deployment.attestor.to_string()),
            ("Payment mint", deployment.payment.mint.to_string()),
            ("Stake mint", deployment.stake.mint.to_string()),
            ("Next", format!("export GANTRY_RUN_DIR={}", folder.display())),
        ])
    })
}

/// The network's account.
pub(super) async fn account(context: &Context) -> Result<Network> {
    let missing = || ClientError::NotFound {
        what: "network at",
        address: pda::network().to_string(),
    };
    Ok(context.gantry.network().await?.ok_or_else(missing)?)
}

/// What the pause bits stand for.
fn paused(flags: u8) -> &'static str {
    match flags & (JOBS | ASSIGNMENTS) {
        0 => "nothing",
        JOBS => "new jobs",
        ASSIGNMENTS => "new assignments",
        _ => "new jobs and new assignments",
    }
}

/// The wallets in the first `count` places.
fn members(arbiters: &[Pubkey], count: u8) -> Vec<String> {
    arbiters.iter().take(count.into()).map(ToString::to_string).collect()
}

async fn show(context: &Context) -> Result<()> {
    let network = account(context).await?;
    let council = members(&network.arbiters, network.arbiter_count);
    let announced = members(&network.pending_arbiters, network.pending_arbiter_count);
    let value = json!({
        "address": pda::network().to_string(),
        "authority": network.authority.to_string(),
        "proposed_authority": optional(&network.pending_authority),
        "guardian": optional(&network.guardian),
        "market_authority": network.market_authority.to_string(),
        "paused": { "jobs": network.paused & JOBS != 0, "assignments": network.paused & ASSIGNMENTS != 0 },
        "timelock_seconds": network.timelock_seconds,
        "council": { "arbiters": council, "threshold": network.arbiter_threshold },
        "announced_council": (!announced.is_empty()).then(|| json!({
            "arbiters": announced,
            "threshold": network.pending_arbiter_threshold,
            "due_at": network.council_change_at,
        })),
    });
    let now = context.gantry.clock().await?;
    context.show(value, || {
        let mut rows = vec![
            ("Network", pda::network().to_string()),
            ("Authority", network.authority.to_string()),
        ];
        rows.extend(optional(&network.pending_authority).map(|key| ("Proposed", key)));
        rows.push(("Guardian", optional(&network.guardian).unwrap_or_else(|| "none".into())));
        rows.push(("Paused", paused(network.paused).to_owned()));
        rows.push(("Timelock", format!("{} s", network.timelock_seconds)));
        let threshold = format!("{} equal votes of {} decide", network.arbiter_threshold, council.len());
        rows.push(("Council", threshold));
        rows.extend(council.iter().map(|member| ("Arbiter", member.clone())));
        if !announced.is_empty() {
            let when = due(network.council_change_at, now, "gantry network council apply");
            rows.push(("Announced council", format!("{}; {when}", announced.join(" "))));
        }
        fields(rows)
    })
}

/// When something that was announced comes into force.
fn due(at: i64, now: i64, command: &str) -> String {
    match at - now {
        ..=0 => format!("due: {command}"),
        left => format!("may be applied in {left} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_of_nothing_named_is_of_both() {
        let which = |jobs, assignments| Which { jobs, assignments }.flags();
        assert_eq!((which(true, false), which(false, true)), (1, 2));
        assert_eq!((which(false, false), which(true, true)), (3, 3));
        assert_eq!(paused(2), "new assignments");
        assert_eq!(paused(0), "nothing");
    }
}
