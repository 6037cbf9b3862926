//! Before anything is sent: what it costs, and whether that is wanted.

use crate::{context::short, exit::Usage, output::fields};
use anyhow::Result;
use gantry_sdk::{Pubkey, amount, client::Preview, mints::MintNames};
use serde_json::{Value, json};
use std::{
    io::{self, IsTerminal},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

const SOL_DECIMALS: u8 = 9;

/// What the options say about sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// `--dry-run`: nothing is sent.
    DryRun,
    /// `--yes`: nothing is asked.
    Yes,
    /// Somebody is asked before money moves.
    Ask,
}

/// What comes of a question before it is asked.
#[derive(Debug, PartialEq, Eq)]
enum Decision {
    Go,
    Ask,
    Refuse,
}

/// Decides over what this run sends.
#[derive(Debug)]
pub(crate) struct Reviewer {
    pub(crate) mode: Mode,
    /// Whether this command is refused where there is nobody to ask. Those that scripts have always called are not.
    pub(crate) strict: bool,
    pub(crate) names: MintNames,
    /// Somebody has agreed to this command.
    agreed: AtomicBool,
    previews: Mutex<Vec<Preview>>,
}

impl Reviewer {
    pub(crate) fn new(mode: Mode, strict: bool, names: MintNames) -> Self {
        Self {
            mode,
            strict,
            names,
            agreed: AtomicBool::new(false),
            previews: Mutex::new(Vec::new()),
        }
    }

    /// Whether a simulated transaction is sent; `Err` says why not.
    pub(crate) fn review(&self, preview: &Preview) -> Result<(), String> {
        if self.mode == Mode::DryRun {
            let mut previews = self.previews.lock().unwrap_or_else(PoisonError::into_inner);
            previews.push(preview.clone());
            return Ok(());
        }
        let spent = preview.spent();
        if spent.is_empty() {
            return Ok(());
        }
        let amounts: Vec<String> = spent
            .iter()
            .map(|(mint, decimals, units)| self.amount(mint, *decimals, *units))
            .collect();
        self.agree(&format!("This takes {} from the wallet", amounts.join(" and ")))
    }

    /// Whether something that cannot be taken back is wanted; `what` says what it is.
    pub(crate) fn confirm(&self, what: &str) -> Result<()> {
        if self.mode == Mode::DryRun {
            return Ok(());
        }
        self.agree(what)
            .map_err(|reason| gantry_sdk::ClientError::HeldBack(reason).into())
    }

    fn agree(&self, what: &str) -> Result<(), String> {
        if self.agreed.load(Ordering::Relaxed) {
            return Ok(());
        }
        let terminal = io::stdin().is_terminal() && io::stderr().is_terminal();
        match decide(self.mode, terminal, self.strict) {
            Decision::Go => {}
            Decision::Refuse => {
                return Err(format!(
                    "{what}, and nobody is at a terminal to agree: pass --yes, or --dry-run to see what it would do"
                ));
            }
            Decision::Ask => {
                eprint!("{what}. Go on? [y/N] ");
                let mut answer = String::new();
                let read = io::stdin().read_line(&mut answer);
                if read.is_err() || !is_yes(&answer) {
                    return Err("nothing was sent: you did not agree".to_owned());
                }
            }
        }
        self.agreed.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// What `--dry-run` would have sent.
    pub(crate) fn previews(&self) -> Vec<Preview> {
        std::mem::take(&mut *self.previews.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether `--dry-run` has seen a transaction.
    pub(crate) fn has_previews(&self) -> bool {
        let previews = self.previews.lock();
        !previews.unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    fn amount(&self, mint: &Pubkey, decimals: u8, units: u64) -> String {
        let symbol = self.names.symbol(mint).map_or_else(|| short(mint), str::to_owned);
        format!("{} {symbol}", amount::format(units, decimals))
    }

    /// One transaction for scripts.
    pub(crate) fn json(&self, preview: &Preview) -> Value {
        let tokens = preview.tokens.iter().map(|token| {
            json!({
                "account": token.account.to_string(),
                "owner": token.owner.to_string(),
                "mint": token.mint.to_string(),
                "symbol": self.names.symbol(&token.mint),
                "decimals": token.decimals,
                "change": token.change.to_string(),
            })
        });
        json!({
            "payer": preview.signers.first().map(ToString::to_string),
            "fee_lamports": preview.fee.to_string(),
            "rent_lamports": preview.rent.to_string(),
            "compute_units": preview.compute_units,
            "tokens": tokens.collect::<Vec<_>>(),
        })
    }

    /// One transaction for people.
    pub(crate) fn text(&self, preview: &Preview) -> String {
        let mut rows = vec![
            ("Simulated", "it would go through; nothing was sent".to_owned()),
            ("Fee", format!("{} SOL", amount::format(preview.fee, SOL_DECIMALS))),
            ("Rent", rent(preview.rent)),
            ("Compute units", preview.compute_units.to_string()),
        ];
        let mut tokens: Vec<_> = preview.tokens.iter().collect();
        // What goes out before what comes in, whatever the addresses are.
        tokens.sort_by_key(|token| token.change);
        for token in tokens {
            let units = u64::try_from(token.change.unsigned_abs()).unwrap_or(u64::MAX);
            let sign = if token.change < 0 { '-' } else { '+' };
            let whose = if preview.signers.contains(&token.owner) {
                "the wallet".to_owned()
            } else {
                token.owner.to_string()
            };
            let what = self.amount(&token.mint, token.decimals, units);
            rows.push((
                "Tokens",
                format!("{sign}{what} in account {} of {whose}", token.account),
            ));
        }
        fields(rows)
    }
}

fn rent(lamports: i128) -> String {
    let units = u64::try_from(lamports.unsigned_abs()).unwrap_or(u64::MAX);
    let sol = amount::format(units, SOL_DECIMALS);
    match lamports {
        0 => "none".to_owned(),
        1.. => format!("{sol} SOL, back when the accounts close"),
        _ => format!("{sol} SOL come back"),
    }
}

fn decide(mode: Mode, terminal: bool, strict: bool) -> Decision {
    match (mode, terminal) {
        (Mode::Yes, _) => Decision::Go,
        (Mode::DryRun, _) => Decision::Refuse,
        (Mode::Ask, true) => Decision::Ask,
        (Mode::Ask, false) if strict => Decision::Refuse,
        (Mode::Ask, false) => Decision::Go,
    }
}

fn is_yes(answer: &str) -> bool {
    ["y", "yes"].iter().any(|yes| answer.trim().eq_ignore_ascii_case(yes))
}

/// For commands of which a simulation would say nothing.
pub(crate) fn refuse_dry_run(mode: Mode, what: &str) -> Result<()> {
    match mode {
        Mode::DryRun => Err(Usage(format!(
            "--dry-run: `{what}` sends no transaction that could be simulated"
        ))
        .into()),
        _ => Ok(()),
    }
}

/// Writes what a dry run found: for scripts a list of transactions.
pub(crate) fn show(context: &crate::context::Context, previews: &[Preview], held_back: Option<&str>) -> Result<()> {
    let reviewer = &context.reviewer;
    let value = json!({
        "dry_run": true,
        "transactions": previews.iter().map(|preview| reviewer.json(preview)).collect::<Vec<_>>(),
        "not_simulated": held_back,
    });
    context.show(value, || {
        let mut parts: Vec<String> = previews.iter().map(|preview| reviewer.text(preview)).collect();
        if let [_, _, ..] = parts.as_slice() {
            for (place, part) in parts.iter_mut().enumerate() {
                *part = format!("Transaction {}\n{part}", place + 1);
            }
        }
        parts.extend(held_back.map(|reason| format!("Not simulated: {reason}")));
        parts.join("\n\n")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use gantry_sdk::client::TokenChange;

    fn preview(change: i128) -> Preview {
        let wallet = Pubkey::from([1; 32]);
        Preview {
            signers: vec![wallet],
            fee: 5_000,
            compute_units: 9_000,
            rent: -2_039_280,
            tokens: vec![TokenChange {
                account: Pubkey::from([2; 32]),
                owner: wallet,
                mint: Pubkey::from([3; 32]),
                decimals: 6,
                change,
            }],
        }
    }

    fn reviewer(mode: Mode) -> Reviewer {
        let mint = Pubkey::from([3; 32]);
        let names = format!("TEST={mint}").parse().expect("a name");
        Reviewer::new(mode, true, names)
    }

    #[test]
    fn who_is_asked_and_who_is_refused() {
        for strict in [false, true] {
            assert_eq!(decide(Mode::Yes, false, strict), Decision::Go);
            assert_eq!(decide(Mode::Ask, true, strict), Decision::Ask);
            assert_eq!(decide(Mode::DryRun, true, strict), Decision::Refuse);
        }
        assert_eq!(decide(Mode::Ask, false, true), Decision::Refuse);
        assert_eq!(decide(Mode::Ask, false, false), Decision::Go);
    }

    #[test]
    fn only_a_clear_yes_is_one() {
        assert!(is_yes("y\n") && is_yes(" YES \n"));
        assert!(!is_yes("\n") && !is_yes("no\n") && !is_yes("yesterday\n") && !is_yes(""));
    }

    #[test]
    fn a_dry_run_keeps_what_it_saw_and_sends_nothing() {
        let reviewer = reviewer(Mode::DryRun);
        assert!(reviewer.review(&preview(-1_500_000)).is_ok());
        assert!(reviewer.has_previews());
        assert_eq!(reviewer.previews(), [preview(-1_500_000)]);
        assert!(!reviewer.has_previews());
        assert!(reviewer.confirm("Something grave").is_ok());
    }

    #[test]
    fn with_yes_and_without_money_nothing_is_asked() {
        assert_eq!(reviewer(Mode::Yes).review(&preview(-1)), Ok(()));
        assert_eq!(reviewer(Mode::Ask).review(&preview(1)), Ok(()));
    }

    #[test]
    fn costs_are_written_out() {
        let reviewer = reviewer(Mode::DryRun);
        let text = reviewer.text(&preview(-1_500_000));
        for part in [
            "0.000005 SOL",
            "0.00203928 SOL come back",
            "-1.50 TEST in account",
            "of the wallet",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let value = reviewer.json(&preview(-1_500_000));
        assert_eq!(value["rent_lamports"], "-2039280");
        assert_eq!(value["tokens"][0]["change"], "-1500000");
        assert_eq!(rent(0), "none");
    }
}
