//! Law 1 and law 2: where the money of jobs is, and what it is paid for.

use super::{Law, Laws, Touched, ensure};
use crate::suite::{
    cast::{JobRef, Purse, Subject, subject_at},
    chain::settlement,
    model::compare::amount,
    ops::Operation,
};
use gantry_sdk::Pubkey;
use std::collections::HashMap;

fn mint_of(data: &[u8]) -> Pubkey {
    let bytes: [u8; 32] = data[..32].try_into().expect("a token account");
    Pubkey::from(bytes)
}

impl Laws {
    /// Notes token accounts as they are before anything happens.
    pub(crate) fn begin(&mut self, accounts: impl Iterator<Item = (Pubkey, Vec<u8>)>) {
        for (address, data) in accounts {
            self.tokens.insert(address, (mint_of(&data), amount(&data)));
        }
    }

    /// No token comes from nowhere or is lost: what leaves one account of a mint arrives in others.
    pub(super) fn conservation(&mut self, touched: &[Touched]) -> Result<HashMap<Pubkey, i128>, String> {
        let (mut sums, mut moved) = (HashMap::<Pubkey, i128>::new(), HashMap::new());
        for (subject, address, data) in touched {
            if !matches!(subject, Subject::Purse(_)) {
                continue;
            }
            let before = self.tokens.get(address).copied();
            let after = data.map(|data| (mint_of(data), amount(data)));
            let Some((mint, _)) = after.or(before) else { continue };
            let change = i128::from(after.map_or(0, |a| a.1)) - i128::from(before.map_or(0, |b| b.1));
            *sums.entry(mint).or_default() += change;
            moved.insert(*address, change);
            match after {
                Some(after) => self.tokens.insert(*address, after),
                None => self.tokens.remove(address),
            };
        }
        for (mint, sum) in sums {
            ensure(sum == 0, || format!("law 1: {sum} base units of {mint} out of nowhere"))?;
        }
        Ok(moved)
    }

    /// Everything that was deposited is paid, and nobody is paid for a second that the node's key did not sign, or that
    /// had not passed.
    pub(super) fn settled(&self, logs: &[String]) -> Law {
        let event = settlement(logs).ok_or("a settlement without its event")?;
        let Some(Subject::Job(at)) = subject_at(&event.job) else {
            return Err(format!("a settlement of {}", event.job));
        };
        let earners = [
            event.claimed,
            event.to_provider,
            event.to_delegators,
            event.to_matcher,
            event.to_treasury,
        ];
        let earned: u128 = earners.iter().copied().map(u128::from).sum();
        let life = self.lives.get(&at).ok_or("a settlement of a job that never was")?;
        ensure(
            earned + u128::from(event.to_customer) == u128::from(life.deposited) && event.claimed == life.claimed,
            || {
                format!(
                    "law 1: {at:?} had {}, paid {} while it ran and then {event:?}",
                    life.deposited, life.claimed
                )
            },
        )?;
        let passed = match (life.started, life.ended) {
            (Some(started), Some(ended)) => (ended - started).max(0) as u128,
            _ => 0,
        };
        let seconds = passed.min(u128::from(life.signed)).min(u128::from(life.longest));
        let most = u128::from(life.price) * seconds / 3_600;
        ensure(earned <= most, || {
            format!("law 2: {earned} paid for {seconds} seconds, which cost {most}")
        })
    }

    pub(super) fn vaults(&mut self, op: &dyn Operation, touched: &[Touched], moved: &HashMap<Pubkey, i128>) -> Law {
        for (subject, _, data) in touched {
            if let Subject::Purse(Purse::Vault(at)) = subject {
                self.vault(*at, op, data.is_some(), moved)?;
            }
        }
        Ok(())
    }

    /// A vault opens with the deposit, takes what its customer adds, pays what is claimed, and closes with all of it gone
    /// to those who may have it.
    fn vault(&mut self, at: JobRef, op: &dyn Operation, open: bool, moved: &HashMap<Pubkey, i128>) -> Law {
        let change = moved.get(&Purse::Vault(at).at()).copied().unwrap_or(0);
        if !open && change == 0 && !self.lives.contains_key(&at) {
            // Lamports sent to where there is no vault yet.
            return Ok(());
        }
        let life = self.lives.entry(at).or_default();
        if !open {
            let all = i128::from(life.deposited) - i128::from(life.claimed)
                + i128::from(life.disputed)
                + i128::from(life.gifts);
            return ensure(change == -all, || {
                format!("law 1: the vault of {at:?} held {} of {all}", -change)
            });
        }
        let out_of_place = |_| format!("law 1: {} moved {change} in the vault of {at:?}", op.name());
        if op.name() == "claim" {
            life.claimed += u64::try_from(-change).map_err(out_of_place)?;
            let most = u128::from(life.price) * u128::from(life.beyond) / 3_600;
            return ensure(u128::from(life.claimed) <= most, || {
                format!(
                    "law 2: {} claimed for {} seconds beyond dispute, which cost {most}",
                    life.claimed, life.beyond
                )
            });
        }
        let kind = match op.name() {
            "open_job" | "top_up_job" => &mut life.deposited,
            "dispute_job" => &mut life.disputed,
            _ => &mut life.gifts,
        };
        *kind += u64::try_from(change).map_err(out_of_place)?;
        Ok(())
    }
}
