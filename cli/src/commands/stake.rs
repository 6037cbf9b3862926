//! Stake behind providers.

use super::{
    pool::provider_name,
    provider::{show, stake_token},
};
use crate::{
    context::{Context, Token, token_of},
    exit::Usage,
    output::{count, table},
};
use anyhow::Result;
use clap::{Args, Subcommand};
use gantry_sdk::{
    ClientError, Pubkey, Signer, pda,
    staking::accounts::{Pool, Position},
    state::PositionExt,
};
use serde_json::{Value, json};
use std::collections::HashMap;

/// Stake behind a provider.
#[derive(Debug, Args)]
#[command(subcommand_negates_reqs = true)]
pub(crate) struct Stake {
    #[command(subcommand)]
    action: Option<StakeAction>,
    /// How much, in stake tokens, such as 500 or 0.5
    #[arg(required = true)]
    amount: Option<String>,
    #[command(flatten)]
    whose: Whose,
}

/// Whose pool.
#[derive(Debug, Args)]
pub(crate) struct Whose {
    /// Wallet of the provider [default: the wallet]
    #[arg(long, value_name = "WALLET", value_parser = crate::context::key_or_file)]
    provider: Option<Pubkey>,
}

/// What a staker does.
#[derive(Debug, Subcommand)]
enum StakeAction {
    /// Stake behind a provider
    #[command(after_help = "Example: gantry stake deposit 500 --provider WALLET")]
    Deposit {
        /// How much, in stake tokens, such as 500 or 0.5
        amount: String,
        #[command(flatten)]
        whose: Whose,
    },
    /// Ask stake back; it can be withdrawn when the unbonding time is over, and can be slashed until then
    #[command(after_help = "Example: gantry stake unstake all --provider WALLET")]
    Unstake {
        /// How much, in stake tokens, or `all`
        amount: String,
        #[command(flatten)]
        whose: Whose,
    },
    /// Take a request to unstake back
    #[command(after_help = "Example: gantry stake cancel 0 --provider WALLET")]
    Cancel {
        /// Which: 0 is the oldest, as `gantry stake list` shows them
        #[arg(value_parser = clap::value_parser!(u8).range(0..8))]
        request: u8,
        #[command(flatten)]
        whose: Whose,
    },
    /// Withdraw every request to unstake that is due
    Withdraw {
        #[command(flatten)]
        whose: Whose,
    },
    /// Claim what the stake has earned
    Rewards {
        #[command(flatten)]
        whose: Whose,
    },
    /// Show the wallet's stake: what it is worth, what it earned, what is on its way out
    List {
        /// Wallet of the staker [default: the wallet]
        wallet: Option<Pubkey>,
    },
    /// Close a position that holds nothing any more; its rent comes back
    Close {
        #[command(flatten)]
        whose: Whose,
    },
}

impl Stake {
    /// Whether it is the short form, `gantry stake AMOUNT`.
    pub(crate) fn is_short(&self) -> bool {
        self.action.is_none()
    }

    pub(crate) async fn run(self, context: &Context) -> Result<()> {
        match (self.action, self.amount) {
            (None, Some(amount)) => deposit(context, &amount, &self.whose).await,
            (Some(action), None) if self.whose.provider.is_none() => action.run(context).await,
            _ => {
                let message =
                    "`gantry stake` takes either an amount or a subcommand: write options after the subcommand";
                Err(Usage(message.into()).into())
            }
        }
    }
}

impl Whose {
    /// The provider's wallet.
    fn wallet(&self, context: &Context) -> Result<Pubkey> {
        Ok(match self.provider {
            Some(wallet) => wallet,
            None => context.wallet()?.pubkey(),
        })
    }

    fn pool(&self, context: &Context) -> Result<Pubkey> {
        Ok(pda::pool(&pda::provider(&self.wallet(context)?)))
    }
}

impl StakeAction {
    async fn run(self, context: &Context) -> Result<()> {
        match self {
            Self::Deposit { amount, whose } => deposit(context, &amount, &whose).await,
            Self::Unstake { amount, whose } => unstake(context, &amount, &whose).await,
            Self::Cancel { request, whose } => {
                let pool = whose.pool(context)?;
                context
                    .gantry
                    .cancel_unstake(&context.wallet()?, &pool, request)
                    .await?;
                list(context, None).await
            }
            Self::Withdraw { whose } => {
                let pool = whose.pool(context)?;
                let signature = context.gantry.withdraw(&context.wallet()?, &pool).await?;
                context.done("What was due is withdrawn", signature)
            }
            Self::Rewards { whose } => {
                let pool = whose.pool(context)?;
                let signature = context.gantry.claim_rewards(&context.wallet()?, &pool).await?;
                context.done("The rewards are claimed", signature)
            }
            Self::List { wallet } => list(context, wallet).await,
            Self::Close { whose } => {
                let pool = whose.pool(context)?;
                let signature = context.gantry.close_position(&context.wallet()?, &pool).await?;
                context.done("The position is closed, its rent is back", signature)
            }
        }
    }
}

async fn deposit(context: &Context, amount: &str, whose: &Whose) -> Result<()> {
    let amount = stake_token(context).await?.parse(amount)?;
    let provider = whose.wallet(context)?;
    let pool = pda::pool(&pda::provider(&provider));
    context.gantry.stake(&context.wallet()?, &pool, amount).await?;
    show(context, &provider).await
}

async fn unstake(context: &Context, amount: &str, whose: &Whose) -> Result<()> {
    let wallet = context.wallet()?;
    let address = whose.pool(context)?;
    let pool = context.gantry.require_pool(&address).await?;
    let position = context.gantry.require_position(&address, &wallet.pubkey()).await?;
    let token = stake_token(context).await?;
    let shares = shares(amount, &position, &pool, &token)?;
    context.gantry.request_unstake(&wallet, &address, shares).await?;
    list(context, None).await
}

/// How many shares `amount` of the stake token stands for.
fn shares(amount: &str, position: &Position, pool: &Pool, token: &Token) -> Result<u128> {
    let held = position.active_shares(pool);
    let refused = |problem: String| ClientError::OutOfBounds {
        field: "amount",
        problem,
    };
    if held == 0 {
        return Err(refused("nothing of this wallet's is staked there".to_owned()).into());
    }
    if amount == "all" {
        return Ok(held);
    }
    let units = token.parse(amount)?;
    if units == 0 {
        return Err(refused("name more than nothing, or `all`".to_owned()).into());
    }
    let staked = token.show(position.staked(pool));
    let shares = position.shares_for(pool, units);
    Ok(shares.ok_or_else(|| {
        refused(format!(
            "only {staked} of this wallet's are staked there: `all` takes them"
        ))
    })?)
}

async fn list(context: &Context, wallet: Option<Pubkey>) -> Result<()> {
    let wallet = wallet.map_or_else(|| context.wallet().map(|key| key.pubkey()), Ok)?;
    let positions = context.gantry.positions_of(&wallet).await?;
    let pools: HashMap<Pubkey, Pool> = context.gantry.pools().await?.into_iter().collect();
    let providers: HashMap<Pubkey, Pubkey> = context
        .gantry
        .providers()
        .await?
        .into_iter()
        .map(|(address, provider)| (address, provider.authority))
        .collect();
    let now = context.gantry.clock().await?;
    let stake = stake_token(context).await?;
    let held: Vec<(&Position, &Pool)> = positions
        .iter()
        .filter_map(|(_, position)| Some((position, pools.get(&position.pool)?)))
        .collect();
    let rewards = context.tokens(held.iter().map(|(_, pool)| pool.reward_mint)).await?;
    let value: Vec<Value> = held
        .iter()
        .map(|(position, pool)| position_json(position, pool, providers.get(&pool.provider)))
        .collect();
    context.show(value.into(), || {
        let rows = held.iter().map(|(position, pool)| {
            vec![
                provider_name(providers.get(&pool.provider), &pool.provider),
                stake.show(position.staked(pool)),
                token_of(&rewards, &pool.reward_mint).show(position.rewards(pool)),
                requests(position, pool, &stake, now),
            ]
        });
        let header = ["Provider", "Staked", "Earned", "On its way out"];
        format!("{}\n{}", table(&header, rows), count(held.len(), "position"))
    })
}

fn position_json(position: &Position, pool: &Pool, provider: Option<&Pubkey>) -> Value {
    let requests = position.requests(pool).into_iter().enumerate();
    json!({
        "pool": position.pool.to_string(),
        "provider": pool.provider.to_string(),
        "provider_wallet": provider.map(ToString::to_string),
        "shares": position.active_shares(pool).to_string(),
        "staked": position.staked(pool).to_string(),
        "rewards": position.rewards(pool).to_string(),
        "reward_mint": pool.reward_mint.to_string(),
        "requests": requests.map(|(place, (amount, unlocks_at))| json!({
            "request": place,
            "amount": amount.to_string(),
            "unlocks_at": unlocks_at,
        })).collect::<Vec<_>>(),
    })
}

fn requests(position: &Position, pool: &Pool, token: &Token, now: i64) -> String {
    let requests = position.requests(pool).into_iter().enumerate();
    let lines: Vec<String> = requests
        .map(|(place, (amount, unlocks_at))| {
            let amount = token.show(amount);
            match unlocks_at - now {
                ..=0 => format!("{place}: {amount}, may be withdrawn"),
                left => format!("{place}: {amount} in {left} s"),
            }
        })
        .collect();
    lines.join("\n")
}
