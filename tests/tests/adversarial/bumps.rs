//! Addresses that the same seeds give with other bumps.

use crate::{
    attack::Attack,
    case::{Case, Honest},
    forgeries::{held, substituted},
};
use gantry_sdk::{Pubkey, ix::token::TOKEN_PROGRAM, market, staking};

/// Seeds of an address of one of the programs, without the bump, as the data of its account says.
fn seeds(name: &str, owner: &Pubkey, data: &[u8]) -> Option<(Vec<Vec<u8>>, Pubkey)> {
    let part = |at: usize| data[at..at + 32].to_vec();
    if *owner == TOKEN_PROGRAM {
        // A vault: its tokens' owner is the account that it belongs to.
        let (seed, program): (&[u8], _) = match name {
            "vault" => (b"vault", market::ID),
            "stake_vault" => (b"stake", staking::ID),
            "reward_vault" => (b"rewards", staking::ID),
            _ => return None,
        };
        return Some((vec![seed.to_vec(), part(32)], program));
    }
    let idl = gantry_sdk::idl::of(owner)?;
    let (kind, json) = idl.account_json(data)?;
    let (seed, parts): (&[u8], Vec<Vec<u8>>) = match kind {
        "Network" => (b"network", vec![]),
        "Provider" => (b"provider", vec![part(8)]),
        "Node" => (b"node", vec![part(8), part(40)]),
        "Attestor" => (b"attestor", vec![part(8)]),
        "Device" => (b"device", vec![part(8)]),
        "StakingParams" | "MarketParams" => (b"params", vec![]),
        "Pool" => (b"pool", vec![part(8)]),
        "Position" => (b"position", vec![part(8), part(40)]),
        "PaymentMint" => (b"mint", vec![part(8)]),
        "Customer" => (b"customer", vec![part(8)]),
        "Dispute" => (b"dispute", vec![part(8)]),
        "Job" => {
            let id: u64 = json["id"].as_str()?.parse().ok()?;
            (b"job", vec![part(8), id.to_le_bytes().to_vec()])
        }
        other => panic!("{other} has no seeds in this suite"),
    };
    Some(([vec![seed.to_vec()], parts].concat(), *owner))
}

/// Addresses that the same seeds give with other bumps.
pub(crate) fn bumps(case: &Case, honest: &Honest) -> Vec<Attack> {
    let names = &case.described().accounts;
    let held = held(case).map(|(place, address, account)| (place, address, account, false));
    let made = honest.made.iter().map(|(place, account)| {
        (
            *place,
            case.act.instruction.accounts[*place].pubkey,
            account.clone(),
            true,
        )
    });
    let mut attacks = Vec::new();
    for (place, address, account, new) in held.chain(made) {
        let Some((seeds, program)) = seeds(&names[place], &account.owner, &account.data) else {
            continue;
        };
        let seeds: Vec<&[u8]> = seeds.iter().map(Vec::as_slice).collect();
        let (canonical, bump) = Pubkey::find_program_address(&seeds, &program);
        assert_eq!(
            canonical, address,
            "{}: {} is not where its fields say",
            case.name, names[place]
        );
        let others = (0..bump).rev().filter_map(|bump| {
            let bump = [bump];
            let seeds: Vec<&[u8]> = seeds.iter().copied().chain([&bump[..]]).collect();
            Pubkey::create_program_address(&seeds, &program).ok()
        });
        for other in others.take(2) {
            if new {
                attacks.push(substituted(case, place, "is made with another bump", other));
            }
            let mut attack = substituted(case, place, "has another bump", other);
            attack.put.push((other, account.clone()));
            attacks.push(attack);
        }
    }
    attacks
}
