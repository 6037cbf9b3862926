//! The council that decides disputes.

use crate::{context::Context, exit::Usage};
use anyhow::Result;
use clap::Subcommand;
use gantry_sdk::{Pubkey, Signer, ix};

/// Most arbiters of a council.
const PLACES: usize = 9;

/// The council that decides disputes.
#[derive(Debug, Subcommand)]
pub(crate) enum CouncilCommand {
    /// Announce a council, which comes into force after the network's timelock
    #[command(
        after_help = "Example: gantry network council propose --arbiter WALLET --arbiter WALLET --arbiter WALLET --threshold 2"
    )]
    Propose {
        /// An arbiter's wallet; 1 to 9 of them
        #[arg(long = "arbiter", value_name = "WALLET", required = true)]
        arbiters: Vec<Pubkey>,
        /// Equal votes that decide: more than half
        #[arg(long)]
        threshold: u8,
    },
    /// Put the announced council in force once it is due (anyone may)
    Apply,
    /// Take the announced council back
    Cancel,
}

impl CouncilCommand {
    pub(crate) async fn run(self, context: &Context) -> Result<()> {
        let wallet = context.wallet()?.pubkey();
        let instruction = match self {
            Self::Propose { arbiters, threshold } => {
                let (places, count) = places(&arbiters, threshold).map_err(Usage)?;
                context.reviewer.confirm(&format!(
                    "This announces a council of {count} that decides every dispute"
                ))?;
                ix::propose_council(&wallet, places, count, threshold)
            }
            Self::Apply => ix::apply_council(),
            Self::Cancel => ix::cancel_council(&wallet),
        };
        context.send(&[instruction]).await?;
        super::show(context).await
    }
}

/// The council's places, the others zeros, and how many are taken.
fn places(arbiters: &[Pubkey], threshold: u8) -> Result<([Pubkey; PLACES], u8), String> {
    let count = u8::try_from(arbiters.len())
        .ok()
        .filter(|count| usize::from(*count) <= PLACES);
    let Some(count) = count.filter(|count| *count > 0) else {
        return Err(format!(
            "--arbiter: a council has 1 to {PLACES} members, not {}",
            arbiters.len()
        ));
    };
    if let Some(twice) = arbiters
        .iter()
        .enumerate()
        .find(|(place, key)| arbiters[..*place].contains(key))
    {
        return Err(format!("--arbiter {}: is named twice", twice.1));
    }
    let least = count / 2 + 1;
    if !(least..=count).contains(&threshold) {
        return Err(format!(
            "--threshold {threshold}: more than half of {count} are needed, so {least} to {count}"
        ));
    }
    let mut places = [Pubkey::default(); PLACES];
    for (place, key) in places.iter_mut().zip(arbiters) {
        *place = *key;
    }
    Ok((places, count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_council_has_distinct_members_and_decides_by_more_than_half() {
        let key = |byte: u8| Pubkey::from([byte; 32]);
        let (three, count) = places(&[key(1), key(2), key(3)], 2).expect("a council");
        assert_eq!((count, three[2], three[3]), (3, key(3), Pubkey::default()));
        assert!(places(&[key(1)], 1).is_ok());
        let many: Vec<Pubkey> = (1..=10).map(key).collect();
        for (members, threshold, expected) in [
            (&many[..], 6, "1 to 9"),
            (&many[..0], 1, "1 to 9"),
            (&many[..4], 2, "3 to 4"),
            (&many[..2], 3, "2 to 2"),
            (&[key(1), key(1)][..], 2, "twice"),
        ] {
            let problem = places(members, threshold).expect_err("refused");
            assert!(problem.contains(expected), "{problem}");
        }
    }
}
