//! Disputes, and the council's votes on them.

use crate::{
    context::{Context, short, token_of},
    output::{count, fields, table},
};
use anyhow::Result;
use clap::Subcommand;
use gantry_sdk::{
    ClientError, Hash32, Pubkey, ix, market::accounts::Dispute, pda, registry::accounts::Network, state::DisputeExt,
};
use serde_json::{Value, json};

/// Look at disputes, and vote on them.
#[derive(Debug, Subcommand)]
pub(crate) enum DisputeCommand {
    /// Show the disputes that are not resolved
    List {
        /// Only those that the wallet, an arbiter, has not voted on
        #[arg(long)]
        mine: bool,
    },
    /// Show a dispute: the reason's hash, every vote, what comes next
    Show {
        /// The job's address, or its number with the wallet
        job: String,
    },
    /// Vote: which share of what the job earned the provider keeps, and which share of its bond is slashed
    #[command(
        after_help = "A vote cannot be changed. As many equal votes as the council's threshold are the verdict, which \
                      `gantry job resolve` executes.\n\nExample: gantry dispute vote JOB --provider-share-bps 0 --slash-bps 10000"
    )]
    Vote {
        /// The job's address
        job: Pubkey,
        /// Share of what the job earned that the provider keeps, basis points
        #[arg(long, value_parser = clap::value_parser!(u16).range(0..=10_000))]
        provider_share_bps: u16,
        /// Share of the job's bond that is slashed, basis points
        #[arg(long, value_parser = clap::value_parser!(u16).range(0..=10_000))]
        slash_bps: u16,
    },
}

impl DisputeCommand {
    pub(crate) async fn run(self, context: &Context) -> Result<()> {
        match self {
            Self::List { mine } => list(context, mine).await,
            Self::Show { job } => show(context, &context.job_address(&job)?).await,
            Self::Vote {
                job,
                provider_share_bps,
                slash_bps,
            } => {
                require(context, &job).await?;
                let shares = format!(
                    "the provider keeps {} and {} of the bond are slashed",
                    super::provider::percent(provider_share_bps),
                    super::provider::percent(slash_bps)
                );
                context
                    .reviewer
                    .confirm(&format!("This votes on job {job} for good: {shares}"))?;
                let arbiter = gantry_sdk::Signer::pubkey(&context.wallet()?);
                context
                    .send(&[ix::vote(&arbiter, &job, provider_share_bps, slash_bps)])
                    .await?;
                show(context, &job).await
            }
        }
    }
}

async fn require(context: &Context, job: &Pubkey) -> Result<Dispute> {
    let missing = || ClientError::NotFound {
        what: "dispute over job",
        address: job.to_string(),
    };
    Ok(context.gantry.dispute(job).await?.ok_or_else(missing)?)
}

async fn list(context: &Context, mine: bool) -> Result<()> {
    let council = super::network::account(context).await?;
    let mut disputes = context.gantry.disputes().await?;
    if mine {
        let arbiter = gantry_sdk::Signer::pubkey(&context.wallet()?);
        disputes.retain(|(_, dispute)| !has_voted(dispute, &council, &arbiter));
    }
    disputes.sort_by_key(|(_, dispute)| (dispute.deadline, dispute.job));
    let now = context.gantry.clock().await?;
    let mut rows = Vec::new();
    let mut mints = Vec::new();
    for (_, dispute) in &disputes {
        mints.push(context.gantry.require_job(&dispute.job).await?.mint);
    }
    let tokens = context.tokens(mints.iter().copied()).await?;
    for ((_, dispute), mint) in disputes.iter().zip(&mints) {
        rows.push(vec![
            dispute.job.to_string(),
            short(&dispute.opener),
            token_of(&tokens, mint).show(dispute.bond),
            format!("{} of {}", votes(dispute, &council).len(), council.arbiter_count),
            next(dispute, &council, now),
        ]);
    }
    let value: Vec<Value> = disputes
        .iter()
        .map(|(_, dispute)| dispute_json(dispute, &council, now))
        .collect();
    context.show(value.into(), || {
        let header = ["Job", "Opened by", "Bond", "Votes", "Next"];
        format!("{}\n{}", table(&header, rows), count(disputes.len(), "dispute"))
    })
}

async fn show(context: &Context, job: &Pubkey) -> Result<()> {
    let dispute = require(context, job).await?;
    let council = super::network::account(context).await?;
    let now = context.gantry.clock().await?;
    let token = context.token(&context.gantry.require_job(job).await?.mint).await?;
    context.show(dispute_json(&dispute, &council, now), || {
        let mut rows = vec![
            ("Job", job.to_string()),
            ("Dispute", pda::dispute(job).to_string()),
            ("Opened by", dispute.opener.to_string()),
            ("SHA-256 of the reason", Hash32(dispute.reason_hash).to_string()),
            ("Bond", token.show(dispute.bond)),
        ];
        rows.extend(votes(&dispute, &council).into_iter().map(|(arbiter, share, slash)| {
            let share = super::provider::percent(share);
            let slash = super::provider::percent(slash);
            (
                "Vote",
                format!("{arbiter}: provider keeps {share}, {slash} of the bond slashed"),
            )
        }));
        rows.push(("Next", next(&dispute, &council, now)));
        fields(rows)
    })
}

/// Each arbiter's vote: the provider's share and the slash, basis points.
fn votes(dispute: &Dispute, council: &Network) -> Vec<(Pubkey, u16, u16)> {
    let places = council.arbiters.iter().zip(&dispute.votes);
    places
        .take(council.arbiter_count.into())
        .filter(|(_, vote)| vote.cast == 1)
        .map(|(arbiter, vote)| (*arbiter, vote.provider_share_bps, vote.slash_bps))
        .collect()
}

fn has_voted(dispute: &Dispute, council: &Network, arbiter: &Pubkey) -> bool {
    votes(dispute, council).iter().any(|(voter, _, _)| voter == arbiter)
}

fn next(dispute: &Dispute, council: &Network, now: i64) -> String {
    match dispute.verdict(council) {
        Some(_) => "decided: gantry job resolve".to_owned(),
        None if dispute.is_due(council, now) => "out of time: gantry job resolve".to_owned(),
        None => format!(
            "{} equal votes decide, within {} s",
            council.arbiter_threshold,
            dispute.deadline - now
        ),
    }
}

fn dispute_json(dispute: &Dispute, council: &Network, now: i64) -> Value {
    let verdict = dispute.verdict(council);
    json!({
        "job": dispute.job.to_string(),
        "opener": dispute.opener.to_string(),
        "reason_hash": Hash32(dispute.reason_hash).to_string(),
        "bond": dispute.bond.to_string(),
        "opened_at": dispute.opened_at,
        "deadline": dispute.deadline,
        "votes": votes(dispute, council).into_iter().map(|(arbiter, share, slash)| json!({
            "arbiter": arbiter.to_string(),
            "provider_share_bps": share,
            "slash_bps": slash,
        })).collect::<Vec<_>>(),
        "threshold": council.arbiter_threshold,
        "verdict": verdict.map(|(share, slash)| json!({ "provider_share_bps": share, "slash_bps": slash })),
        "may_be_resolved": dispute.is_due(council, now),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use gantry_sdk::market::types::Vote;

    fn key(byte: u8) -> Pubkey {
        Pubkey::from([byte; 32])
    }

    fn council() -> Network {
        let mut arbiters = [Pubkey::default(); 9];
        for (place, byte) in [1, 2, 3].into_iter().enumerate() {
            arbiters[place] = key(byte);
        }
        Network {
            authority: key(9),
            pending_authority: key(0),
            guardian: key(9),
            market_authority: key(9),
            rent_payer: key(9),
            arbiters,
            pending_arbiters: [Pubkey::default(); 9],
            council_change_at: 0,
            timelock_seconds: 60,
            arbiter_count: 3,
            arbiter_threshold: 2,
            pending_arbiter_count: 0,
            pending_arbiter_threshold: 0,
            paused: 0,
            bump: 255,
        }
    }

    /// A dispute until 100 on which these members of the council have voted, each for its share.
    fn dispute(cast: &[(usize, u16)]) -> Dispute {
        let vote = |place: usize| {
            let share = cast.iter().find(|(voter, _)| *voter == place).map(|(_, share)| *share);
            Vote {
                cast: share.is_some().into(),
                provider_share_bps: share.unwrap_or(0),
                slash_bps: 0,
            }
        };
        Dispute {
            job: key(4),
            opener: key(5),
            rent_payer: key(5),
            reason_hash: [6; 32],
            bond: 7,
            opened_at: 0,
            deadline: 100,
            votes: std::array::from_fn(vote),
            bump: 255,
        }
    }

    #[test]
    fn a_vote_is_its_arbiter_s() {
        let (council, dispute) = (council(), dispute(&[(1, 5_000)]));
        assert_eq!(votes(&dispute, &council), [(key(2), 5_000, 0)]);
        assert!(has_voted(&dispute, &council, &key(2)) && !has_voted(&dispute, &council, &key(1)));
    }

    #[test]
    fn what_comes_next_depends_on_equal_votes_and_time() {
        let council = council();
        let split = dispute(&[(0, 0), (1, 5_000)]);
        assert_eq!(next(&split, &council, 40), "2 equal votes decide, within 60 s");
        assert!(next(&split, &council, 100).starts_with("out of time"));
        let decided = dispute(&[(0, 5_000), (2, 5_000)]);
        assert!(next(&decided, &council, 40).starts_with("decided"));
        let value = dispute_json(&decided, &council, 40);
        assert_eq!(value["verdict"]["provider_share_bps"], 5_000);
        assert_eq!(value["may_be_resolved"], true);
    }
}
