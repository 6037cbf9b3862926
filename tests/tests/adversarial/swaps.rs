//! Two accounts of one instruction in each other's place.

use crate::{
    attack::Attack,
    case::{Case, Honest},
    forgeries::{held, kind},
};

/// Every two accounts of one type, exchanged.
pub(crate) fn swaps(case: &Case, _: &Honest) -> Vec<Attack> {
    let held: Vec<_> = held(case).collect();
    let mut attacks = Vec::new();
    for (nth, (first, address, account)) in held.iter().enumerate() {
        for (second, other, example) in &held[nth + 1..] {
            if address == other || kind(account) != kind(example) {
                continue;
            }
            let mut act = case.act.clone();
            let metas = &mut act.instruction.accounts;
            (metas[*first].pubkey, metas[*second].pubkey) = (*other, *address);
            let names = &case.described().accounts;
            attacks.push(Attack {
                what: format!("{} and {} in each other's place", names[*first], names[*second]),
                places: vec![*first, *second],
                put: Vec::new(),
                substitute: None,
                of_twin: false,
                transaction: act.transaction(),
            });
        }
    }
    attacks
}
