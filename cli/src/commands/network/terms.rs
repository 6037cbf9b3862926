//! The market's terms.

use crate::{context::Context, exit::Usage};
use anyhow::{Context as _, Result};
use clap::Subcommand;
use gantry_sdk::{
    ClientError, Signer, ix,
    market::{
        accounts::MarketParams,
        types::{SlaCreditArgs, Terms, TermsArgs},
    },
    pda,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::path::{Path, PathBuf};

/// The market's terms.
#[derive(Debug, Subcommand)]
pub(crate) enum TermsCommand {
    /// Show the terms in force, and those announced
    Show {
        /// Only the terms in force, as a file that `propose` reads
        #[arg(long)]
        file: bool,
    },
    /// Announce terms, which come into force after the network's timelock
    #[command(
        after_help = "Example: gantry network terms show --file > terms.json, change it, and\n         \
                            gantry network terms propose terms.json"
    )]
    Propose {
        /// The terms: all of them, as `show --file` writes them
        file: PathBuf,
    },
    /// Put the announced terms in force once they are due (anyone may)
    Apply,
    /// Take the announced terms back
    Cancel,
}

/// Terms as they lie in a file. Times are seconds, shares are basis points, the dispute bond is in base units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TermsFile {
    dispute_bond: u64,
    bond_ratio_bps: u32,
    dispute_window: u32,
    min_start_deadline: u32,
    max_start_deadline: u32,
    min_proof_timeout: u32,
    max_proof_timeout: u32,
    arbitration_timeout: u32,
    max_duration: u32,
    open_timeout: u32,
    fee_bps: u16,
    matcher_fee_bps: u16,
    sla: [SlaStep; 3],
}

/// A step of the SLA's credit table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SlaStep {
    shortfall_bps: u16,
    credit_bps: u16,
}

impl From<&Terms> for TermsFile {
    fn from(terms: &Terms) -> Self {
        Self {
            dispute_bond: terms.dispute_bond,
            bond_ratio_bps: terms.bond_ratio_bps,
            dispute_window: terms.dispute_window,
            min_start_deadline: terms.min_start_deadline,
            max_start_deadline: terms.max_start_deadline,
            min_proof_timeout: terms.min_proof_timeout,
            max_proof_timeout: terms.max_proof_timeout,
            arbitration_timeout: terms.arbitration_timeout,
            max_duration: terms.max_duration,
            open_timeout: terms.open_timeout,
            fee_bps: terms.fee_bps,
            matcher_fee_bps: terms.matcher_fee_bps,
            sla: terms.sla.each_ref().map(|step| SlaStep {
                shortfall_bps: step.shortfall_bps,
                credit_bps: step.credit_bps,
            }),
        }
    }
}

impl From<TermsFile> for TermsArgs {
    fn from(file: TermsFile) -> Self {
        Self {
            dispute_bond: file.dispute_bond,
            bond_ratio_bps: file.bond_ratio_bps,
            dispute_window: file.dispute_window,
            min_start_deadline: file.min_start_deadline,
            max_start_deadline: file.max_start_deadline,
            min_proof_timeout: file.min_proof_timeout,
            max_proof_timeout: file.max_proof_timeout,
            arbitration_timeout: file.arbitration_timeout,
            max_duration: file.max_duration,
            open_timeout: file.open_timeout,
            fee_bps: file.fee_bps,
            matcher_fee_bps: file.matcher_fee_bps,
            sla: file.sla.map(|step| SlaCreditArgs {
                shortfall_bps: step.shortfall_bps,
                credit_bps: step.credit_bps,
            }),
        }
    }
}

impl TermsCommand {
    pub(crate) async fn run(self, context: &Context) -> Result<()> {
        match self {
            Self::Show { file: true } => {
                let terms = TermsFile::from(&params(context).await?.terms);
                return crate::output::line(serde_json::to_string_pretty(&terms)?);
            }
            Self::Show { file: false } => {}
            Self::Propose { file } => {
                let terms = read(&file)?;
                context
                    .reviewer
                    .confirm("This announces other terms for every job that is opened then")?;
                let authority = context.wallet()?.pubkey();
                context.send(&[ix::propose_terms(&authority, terms.into())]).await?;
            }
            Self::Apply => {
                context.send(&[ix::apply_terms()]).await?;
            }
            Self::Cancel => {
                let authority = context.wallet()?.pubkey();
                context.send(&[ix::cancel_terms(&authority)]).await?;
            }
        }
        show(context).await
    }
}

fn read(file: &Path) -> Result<TermsFile> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let terms = serde_json::from_str(&text);
    terms.map_err(|error| {
        let hint = "`gantry network terms show --file` writes what is in force";
        Usage(format!("{}: {error}; {hint}", file.display())).into()
    })
}

async fn params(context: &Context) -> Result<MarketParams> {
    let missing = || ClientError::NotFound {
        what: "market set-up at",
        address: pda::market_params().to_string(),
    };
    Ok(context.gantry.market_params().await?.ok_or_else(missing)?)
}

async fn show(context: &Context) -> Result<()> {
    let params = params(context).await?;
    let now = context.gantry.clock().await?;
    let terms = serde_json::to_value(TermsFile::from(&params.terms))?;
    let announced = (params.terms_change_at != 0).then(|| TermsFile::from(&params.pending_terms));
    let announced = announced.map(serde_json::to_value).transpose()?;
    let value = json!({
        "terms": terms,
        "announced": announced.as_ref().map(|terms| json!({ "terms": terms, "due_at": params.terms_change_at })),
    });
    context.show(value, || {
        let rows = terms.as_object().into_iter().flatten().map(|(name, value)| {
            let changed = announced
                .as_ref()
                .map(|terms| &terms[name])
                .filter(|then| *then != value);
            let changed = changed.map(ToString::to_string).unwrap_or_default();
            vec![name.clone(), value.to_string(), changed]
        });
        let mut text = crate::output::table(&["Term", "In force", "Announced"], rows);
        if announced.is_some() {
            let when = super::due(params.terms_change_at, now, "gantry network terms apply");
            text += &format!("\nThe announced terms: {when}");
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> TermsFile {
        TermsFile {
            dispute_bond: 1,
            bond_ratio_bps: 2,
            dispute_window: 3,
            min_start_deadline: 4,
            max_start_deadline: 5,
            min_proof_timeout: 6,
            max_proof_timeout: 7,
            arbitration_timeout: 8,
            max_duration: 9,
            open_timeout: 10,
            fee_bps: 11,
            matcher_fee_bps: 12,
            sla: [13, 14, 15].map(|bps| SlaStep {
                shortfall_bps: bps,
                credit_bps: bps + 10,
            }),
        }
    }

    #[test]
    fn a_file_is_read_whole_or_not_at_all() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("terms.json");
        let write = |value: &serde_json::Value| std::fs::write(&path, value.to_string()).expect("written");
        let mut value = serde_json::to_value(example()).expect("JSON");
        write(&value);
        assert_eq!(read(&path).expect("read"), example());
        let args = TermsArgs::from(example());
        assert_eq!(
            (args.dispute_bond, args.matcher_fee_bps, args.sla[2].credit_bps),
            (1, 12, 25)
        );
        value["fee"] = json!(1);
        write(&value);
        assert!(read(&path).expect_err("unknown").to_string().contains("unknown field"));
        value.as_object_mut().expect("an object").remove("fee");
        value.as_object_mut().expect("an object").remove("fee_bps");
        write(&value);
        assert!(read(&path).expect_err("missing").to_string().contains("fee_bps"));
    }
}
