//! Providers that change where they are paid, or leave.

use super::{Op, Operation, registry::PROVIDERS, signed_by, signer, wallet};
use crate::suite::{
    cast::{PAYER, Subject, Who, address},
    dice::Dice,
    model::{Model, Reasons, Verdict, there},
};
use anchor_lang::AnchorDeserialize;
use gantry_sdk::{Instruction, ix, registry};
use std::rc::Rc;

fn provider(model: &Model, dice: &mut Dice) -> Who {
    let providers: Vec<Who> = model.providers.keys().copied().collect();
    match dice.pick(&providers) {
        Some(who) if !dice.chance(4) => *who,
        _ => dice.below(u64::from(PROVIDERS) + 1) as Who,
    }
}

#[derive(Debug)]
pub(crate) struct UpdateProvider {
    who: Who,
    signer: Who,
    /// `None` for an owner of zeros.
    payout: Option<Who>,
}

impl UpdateProvider {
    pub(crate) fn draw(model: &Model, dice: &mut Dice) -> Option<Op> {
        let who = provider(model, dice);
        Some(Rc::new(Self {
            who,
            signer: signer(dice, who),
            payout: (!dice.chance(10)).then(|| wallet(dice)),
        }))
    }
}

impl Operation for UpdateProvider {
    fn name(&self) -> &'static str {
        "update_provider"
    }

    fn instructions(&self) -> Vec<Instruction> {
        let payout = self.payout.map(address).unwrap_or_default();
        let update = ix::update_provider(&address(self.who), &payout, [0; 32]);
        signed_by(update, 0, self.signer)
    }

    fn apply(&self, model: &mut Model) -> Verdict {
        let provider = there(model.providers.get_mut(&self.who))?;
        Reasons::default()
            .unless(self.signer == self.who, "NotProviderAuthority")
            .unless(self.payout.is_some(), "ZeroAddress")
            .verdict()?;
        provider.payout = self.payout.expect("seen above");
        Ok(())
    }
}

#[derive(Debug)]
pub(crate) struct CloseProvider {
    pub(crate) who: Who,
    pub(crate) signer: Who,
}

impl CloseProvider {
    pub(crate) fn draw(model: &Model, dice: &mut Dice) -> Option<Op> {
        let free = |who: &Who| model.providers[who].nodes == 0 && !model.pools.contains_key(who);
        let leaving = model.providers.keys().copied().find(free);
        let who = leaving
            .filter(|_| dice.chance(90))
            .unwrap_or_else(|| provider(model, dice));
        Some(Rc::new(Self {
            who,
            signer: signer(dice, who),
        }))
    }
}

impl Operation for CloseProvider {
    fn name(&self) -> &'static str {
        "close_provider"
    }

    fn instructions(&self) -> Vec<Instruction> {
        let zeros = [0; 1_024];
        let account = registry::accounts::Provider::deserialize(&mut &zeros[..]);
        let mut account = account.expect("zeros are a provider");
        account.authority = address(self.who);
        account.rent_payer = address(PAYER);
        Subject::Provider(self.who).at();
        signed_by(ix::close_provider(&account), 0, self.signer)
    }

    fn apply(&self, model: &mut Model) -> Verdict {
        let provider = there(model.providers.get(&self.who))?;
        Reasons::default()
            .unless(self.signer == self.who, "NotProviderAuthority")
            .unless(provider.nodes == 0 && provider.leases == 0, "HasNodes")
            .unless(!model.pools.contains_key(&self.who), "HasPool")
            .verdict()?;
        model.providers.remove(&self.who);
        Ok(())
    }
}
