//! The mints that jobs may be paid in.

use super::super::provider::stake_token;
use crate::{
    context::{Context, Token},
    exit::Usage,
    output::{count, table},
};
use anyhow::Result;
use clap::{ArgGroup, Args, Subcommand};
use gantry_sdk::{ClientError, Pubkey, Signer, amount, ix, market::accounts::PaymentMint, pda};
use serde_json::{Value, json};

/// Digits after the point that an exchange rate may have.
const RATE_DECIMALS: u8 = 9;

/// The mints that jobs may be paid in.
#[derive(Debug, Subcommand)]
pub(crate) enum MintCommand {
    /// Show every mint that was ever admitted
    List,
    /// Admit a mint
    #[command(after_help = "Example: gantry network mint enable MINT --minimum-price 0.01 --stake-rate 2.5")]
    Enable {
        /// The mint
        mint: Pubkey,
        /// Least price per hour that a job may offer, in the mint's token
        #[arg(long)]
        minimum_price: String,
        /// Stake tokens that answer for one token of this mint
        #[arg(long)]
        stake_rate: String,
        /// Token account that the network's fees go to [default: the wallet's, made where it is missing]
        #[arg(long, value_name = "ACCOUNT")]
        treasury: Option<Pubkey>,
    },
    /// Change what new jobs in a mint must pay, or whether there may be any; what is not named stays
    #[command(after_help = "Example: gantry network mint update MINT --disable")]
    Update {
        /// The mint
        mint: Pubkey,
        #[command(flatten)]
        change: Change,
    },
}

/// What changes about a mint.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("change").required(true).multiple(true).args(["enable", "disable", "minimum_price", "stake_rate"]))]
pub(crate) struct Change {
    /// New jobs may be paid in it
    #[arg(long, conflicts_with = "disable")]
    enable: bool,
    /// New jobs may not be paid in it
    #[arg(long)]
    disable: bool,
    /// Least price per hour that a job may offer, in the mint's token
    #[arg(long)]
    minimum_price: Option<String>,
    /// Stake tokens that answer for one token of this mint
    #[arg(long)]
    stake_rate: Option<String>,
}

impl MintCommand {
    pub(crate) async fn run(self, context: &Context) -> Result<()> {
        match self {
            Self::List => {}
            Self::Enable {
                mint,
                minimum_price,
                stake_rate,
                treasury,
            } => {
                let authority = context.wallet()?.pubkey();
                let info = context.gantry.mint(&mint).await?;
                let price = amount::parse(&minimum_price, info.decimals)?;
                let rate = rate(&stake_rate, stake_token(context).await?.decimals, info.decimals)?;
                let mut instructions = Vec::new();
                let treasury = match treasury {
                    Some(account) => account,
                    None => {
                        let owners = [authority];
                        let missing = context.gantry.missing_accounts(&authority, &owners, info.mint);
                        instructions.extend(missing.await?);
                        pda::associated_token(&authority, &mint, &info.mint.token_program)
                    }
                };
                context.reviewer.confirm(&format!(
                    "This admits mint {mint}, whose fees go to {treasury} for good"
                ))?;
                instructions.push(ix::enable_mint(
                    &authority, &authority, info.mint, &treasury, price, rate,
                ));
                context.send(&instructions).await?;
            }
            Self::Update { mint, change } => {
                let missing = || ClientError::NotFound {
                    what: "payment mint",
                    address: mint.to_string(),
                };
                let current = context.gantry.payment_mint(&mint).await?.ok_or_else(missing)?;
                let stake = stake_token(context).await?;
                let (enabled, price, rate) = change.over(&current, &stake)?;
                let authority = context.wallet()?.pubkey();
                context
                    .reviewer
                    .confirm(&format!("This changes at once what new jobs in mint {mint} must pay"))?;
                context
                    .send(&[ix::update_mint(&authority, &mint, enabled, price, rate)])
                    .await?;
            }
        }
        list(context).await
    }
}

impl Change {
    /// Whether the mint is enabled, its least price and its rate with this change.
    fn over(&self, current: &PaymentMint, stake: &Token) -> Result<(bool, u64, u64)> {
        let enabled = match (self.enable, self.disable) {
            (true, _) => true,
            (_, true) => false,
            _ => current.enabled == 1,
        };
        let price = match &self.minimum_price {
            Some(text) => amount::parse(text, current.decimals)?,
            None => current.minimum_price,
        };
        let rate = match &self.stake_rate {
            Some(text) => rate(text, stake.decimals, current.decimals)?,
            None => current.stake_rate,
        };
        Ok((enabled, price, rate))
    }
}

/// Stake tokens per token, as stake units per payment unit in Q32.32, rounded down.
fn rate(text: &str, stake_decimals: u8, decimals: u8) -> Result<u64> {
    let odd = || {
        Usage(format!(
            "--stake-rate {text}: is too small or too large for these two mints"
        ))
    };
    let parts = u128::from(amount::parse(text, RATE_DECIMALS)?);
    let power = |digits: u8| 10u128.checked_pow(digits.into());
    let above = power(stake_decimals)
        .and_then(|power| power.checked_mul(parts))
        .and_then(|product| product.checked_mul(1 << 32));
    let below = power(decimals).and_then(|units| units.checked_mul(power(RATE_DECIMALS)?));
    let rate = above.zip(below).map(|(above, below)| above / below);
    let rate = rate.and_then(|rate| u64::try_from(rate).ok()).filter(|rate| *rate > 0);
    Ok(rate.ok_or_else(odd)?)
}

/// A rate as stake tokens per token, for people.
fn rate_text(rate: u64, stake_decimals: u8, decimals: u8) -> String {
    let shift = i32::from(decimals) - i32::from(stake_decimals);
    let tokens = rate as f64 / 2f64.powi(32) * 10f64.powi(shift);
    format!("{}", (tokens * 1e9).round() / 1e9)
}

async fn list(context: &Context) -> Result<()> {
    let mints = context.gantry.payment_mints().await?;
    let tokens = context.tokens(mints.iter().map(|(_, mint)| mint.mint)).await?;
    let stake = stake_token(context).await?;
    let value: Vec<Value> = mints
        .iter()
        .map(|(_, mint)| {
            json!({
                "mint": mint.mint.to_string(),
                "symbol": context.symbol(&mint.mint),
                "decimals": mint.decimals,
                "enabled": mint.enabled == 1,
                "minimum_price": mint.minimum_price.to_string(),
                "stake_rate_q32": mint.stake_rate.to_string(),
                "treasury": mint.treasury.to_string(),
            })
        })
        .collect();
    context.show(value.into(), || {
        let rows = mints.iter().map(|(_, mint)| {
            let token = crate::context::token_of(&tokens, &mint.mint);
            vec![
                mint.mint.to_string(),
                token.symbol.clone(),
                (if mint.enabled == 1 { "yes" } else { "no" }).to_owned(),
                format!("{}/h", token.show(mint.minimum_price)),
                format!(
                    "{} {}",
                    rate_text(mint.stake_rate, stake.decimals, mint.decimals),
                    stake.symbol
                ),
            ]
        });
        let header = ["Mint", "Name", "Enabled", "Least price", "Stake per token"];
        format!("{}\n{}", table(&header, rows), count(mints.len(), "mint"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_change_does_not_name_stays() {
        let key = Pubkey::default();
        let current = PaymentMint {
            mint: key,
            token_program: key,
            treasury: key,
            rent_payer: key,
            minimum_price: 7,
            stake_rate: 8,
            enabled: 1,
            decimals: 6,
            bump: 255,
        };
        let stake = Token {
            mint: key,
            decimals: 6,
            symbol: "STAKE".to_owned(),
        };
        let change = |disable, minimum_price: Option<&str>, stake_rate: Option<&str>| {
            let change = Change {
                enable: false,
                disable,
                minimum_price: minimum_price.map(str::to_owned),
                stake_rate: stake_rate.map(str::to_owned),
            };
            change.over(&current, &stake).expect("a change")
        };
        assert_eq!(change(true, None, None), (false, 7, 8));
        assert_eq!(change(false, Some("0.01"), None), (true, 10_000, 8));
        assert_eq!(change(false, None, Some("2")), (true, 7, 2 << 32));
    }

    #[test]
    fn a_rate_is_per_token_whatever_the_decimals() {
        assert_eq!(rate("1", 6, 6).expect("a rate"), 1 << 32);
        assert_eq!(rate("2.5", 6, 6).expect("a rate"), (1 << 33) + (1 << 31));
        assert_eq!(rate("1", 9, 6).expect("a rate"), 1_000 << 32);
        assert_eq!(rate("1", 6, 9).expect("a rate"), (1 << 32) / 1_000);
        for odd in ["0", "0.000000001", "-1", "x", "99999999999"] {
            assert!(rate(odd, 6, 9).is_err(), "{odd}");
        }
        assert_eq!(rate_text(rate("2.5", 9, 6).expect("a rate"), 9, 6), "2.5");
    }
}
