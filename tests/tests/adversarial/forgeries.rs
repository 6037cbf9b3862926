//! What can be put in the place of an account.

use crate::{
    attack::Attack,
    case::{ACCOUNT_LENGTH, Act, Case, Honest, existing},
    crowd::{IMPOSTOR, is_ours},
};
use gantry_sdk::{
    Instruction, Keypair, Pubkey, Signer,
    ix::{
        INSTRUCTIONS_SYSVAR, SYSTEM_PROGRAM,
        token::{TOKEN_2022_PROGRAM, TOKEN_PROGRAM},
    },
    market, pda, registry, staking,
};
use solana_account::Account;
use solana_instruction::AccountMeta;

/// The accounts of an instruction that it only reads or writes: neither signers nor programs nor sysvars.
pub(crate) fn held(case: &Case) -> impl Iterator<Item = (usize, Pubkey, Account)> + '_ {
    let metas = case.act.instruction.accounts.iter().enumerate();
    let plain = metas.filter(|(_, meta)| !meta.is_signer && meta.pubkey != INSTRUCTIONS_SYSVAR);
    plain.filter_map(|(place, meta)| {
        let account = case.account(place).filter(|account| !account.executable)?;
        Some((place, meta.pubkey, account))
    })
}

/// The instruction with the account at `place` changed.
fn changed(case: &Case, place: usize, what: &str, change: impl FnOnce(&mut AccountMeta)) -> Attack {
    let mut act = case.act.clone();
    change(&mut act.instruction.accounts[place]);
    Attack {
        what: format!("{} {what}", case.described().accounts[place]),
        places: vec![place],
        put: Vec::new(),
        substitute: Some(act.instruction.accounts[place].pubkey),
        of_twin: false,
        transaction: act.transaction(),
    }
}

pub(crate) fn substituted(case: &Case, place: usize, what: &str, by: Pubkey) -> Attack {
    changed(case, place, what, |meta| meta.pubkey = by)
}

/// With `account` at a fresh address in the place of the account.
fn forged(case: &Case, place: usize, what: &str, account: Account) -> Attack {
    let address = Keypair::new().pubkey();
    let mut attack = substituted(case, place, what, address);
    attack.put.push((address, account));
    attack
}

/// With `account` where the account is.
fn overwritten(case: &Case, place: usize, what: &str, account: Account) -> Attack {
    let address = case.act.instruction.accounts[place].pubkey;
    let mut attack = substituted(case, place, what, address);
    attack.put.push((address, account));
    attack
}

/// What the runtime and the programs tell accounts apart by: owner, and discriminator or length.
pub(crate) fn kind(account: &Account) -> (Pubkey, Vec<u8>) {
    let kind = if is_ours(&account.owner) {
        account.data.get(..8).unwrap_or_default().to_vec()
    } else {
        account.data.len().to_le_bytes().to_vec()
    };
    (account.owner, kind)
}

/// Every account of the programs and the token program that there is.
fn everything(case: &Case) -> Vec<(Pubkey, Account)> {
    [registry::ID, staking::ID, market::ID, TOKEN_PROGRAM]
        .iter()
        .flat_map(|owner| case.world.svm.get_program_accounts(owner))
        .filter(|(_, account)| account.lamports > 0)
        .collect()
}

/// Signatures that are missing, and those of everybody else.
pub(crate) fn signers(case: &Case, _: &Honest) -> Vec<Attack> {
    let metas = &case.act.instruction.accounts;
    let mut attacks = Vec::new();
    for (place, meta) in metas.iter().enumerate().filter(|(_, meta)| meta.is_signer) {
        let mut attack = changed(case, place, "does not sign", |meta| meta.is_signer = false);
        // The same key may sign in another place: then nobody's signature is missing unless it is taken out there, too.
        for instruction in &mut attack.transaction {
            let same = instruction
                .accounts
                .iter_mut()
                .filter(|other| other.pubkey == meta.pubkey);
            same.for_each(|other| other.is_signer = false);
        }
        attacks.push(attack);
        for authority in [pda::market_authority(), pda::network(), SYSTEM_PROGRAM] {
            attacks.push(changed(case, place, "is an address without a key", |meta| {
                (meta.pubkey, meta.is_signer) = (authority, false);
            }));
        }
        for other in case.keys.iter().filter(|key| key.pubkey() != meta.pubkey) {
            attacks.push(substituted(case, place, "is another key", other.pubkey()));
            let silent = changed(case, place, "is another key that does not sign", |meta| {
                (meta.pubkey, meta.is_signer) = (other.pubkey(), false);
            });
            attacks.push(silent);
        }
    }
    attacks
}

/// Real accounts of the same type that are somebody else's, and a copy at an address of its own.
pub(crate) fn matching(case: &Case, honest: &Honest) -> Vec<Attack> {
    let everything = everything(case);
    let mut attacks = Vec::new();
    for (place, address, account) in held(case) {
        attacks.push(forged(case, place, "is a copy", account.clone()));
        let others: Vec<Pubkey> = if account.owner == SYSTEM_PROGRAM {
            case.keys.iter().map(Keypair::pubkey).collect()
        } else {
            let same = everything.iter().filter(|(_, other)| kind(other) == kind(&account));
            same.map(|(other, _)| *other).collect()
        };
        for other in others.into_iter().filter(|other| *other != address) {
            attacks.push(substituted(case, place, "is another one", other));
        }
    }
    // Addresses at which there is nothing, before and after: the market's own, and that of a pool that must not exist.
    for (place, meta) in case.act.instruction.accounts.iter().enumerate() {
        if !meta.is_signer && case.account(place).is_none() && !honest.created.contains(&place) {
            let nowhere = Keypair::new().pubkey();
            for other in [pda::network(), pda::market_params(), case.keys[0].pubkey(), nowhere] {
                attacks.push(substituted(case, place, "is another address", other));
            }
        }
    }
    attacks
}

/// The same bytes under another program.
pub(crate) fn owners(case: &Case, _: &Honest) -> Vec<Attack> {
    let stranger = Keypair::new().pubkey();
    let owners = [
        SYSTEM_PROGRAM,
        stranger,
        IMPOSTOR,
        TOKEN_PROGRAM,
        TOKEN_2022_PROGRAM,
        registry::ID,
        staking::ID,
        market::ID,
    ];
    let mut attacks = Vec::new();
    for (place, _, account) in held(case).filter(|(_, _, account)| !account.data.is_empty()) {
        for owner in owners.iter().filter(|owner| **owner != account.owner) {
            // Token-2022 makes no account in a mint of the other program's, and no account changes hands between the two.
            let twin = account.owner == TOKEN_PROGRAM && *owner == TOKEN_2022_PROGRAM;
            if twin && account.data.len() == ACCOUNT_LENGTH {
                continue;
            }
            let other = Account {
                owner: *owner,
                ..account.clone()
            };
            if !twin {
                attacks.push(overwritten(case, place, &format!("belongs to {owner}"), other.clone()));
            }
            attacks.push(forged(
                case,
                place,
                &format!("is a copy that belongs to {owner}"),
                other,
            ));
        }
    }
    attacks
}

/// Accounts of other types.
pub(crate) fn cosplay(case: &Case, _: &Honest) -> Vec<Attack> {
    let mut types = everything(case);
    // Of each type one that the instruction does not name, if there is one: passed twice it is refused for that alone.
    let named = |address: &Pubkey| case.act.instruction.accounts.iter().any(|meta| meta.pubkey == *address);
    types.sort_by_key(|(address, account)| (kind(account), named(address)));
    types.dedup_by_key(|(_, account)| kind(account));
    let mut attacks = Vec::new();
    for (place, _, account) in held(case).filter(|(_, _, account)| !account.data.is_empty()) {
        for (other, example) in types.iter().filter(|(_, example)| kind(example) != kind(&account)) {
            attacks.push(substituted(case, place, "is of another type", *other));
            if example.owner != account.owner {
                continue;
            }
            let data = example.data.clone();
            let there = Account {
                data,
                ..account.clone()
            };
            attacks.push(overwritten(case, place, "has the data of another type", there));
            if is_ours(&account.owner) {
                let mut named = account.clone();
                named.data[..8].copy_from_slice(&example.data[..8]);
                attacks.push(overwritten(
                    case,
                    place,
                    "says that it is of another type",
                    named.clone(),
                ));
                let mut longer = example.clone();
                longer.data.resize(longer.data.len().max(account.data.len()), 0);
                longer.data[..8].copy_from_slice(&account.data[..8]);
                attacks.push(forged(case, place, "is another type that says it is this one", longer));
            }
        }
        let resized = |length| {
            let mut data = account.data.clone();
            data.resize(length, 0);
            Account {
                data,
                ..account.clone()
            }
        };
        attacks.push(overwritten(
            case,
            place,
            "is a byte short",
            resized(account.data.len() - 1),
        ));
        attacks.push(overwritten(case, place, "is empty", resized(0)));
        if account.owner == TOKEN_PROGRAM {
            // As long as a multisig: accounts, mints and multisigs with extensions look alike.
            attacks.push(overwritten(case, place, "is as long as a multisig", resized(355)));
        }
    }
    attacks
}

/// Accounts that are made twice, made elsewhere, or used before they were made.
pub(crate) fn initialization(case: &Case, honest: &Honest) -> Vec<Attack> {
    let mut attacks = Vec::new();
    for &place in &honest.created {
        let made = &honest.made[&place];
        let blank = Account {
            data: vec![0; made.data.len()],
            ..made.clone()
        };
        let mut named = blank.clone();
        named.data[..8].copy_from_slice(&made.data[..8]);
        let stranger = Account {
            owner: IMPOSTOR,
            ..made.clone()
        };
        let squatted = Account {
            owner: SYSTEM_PROGRAM,
            ..made.clone()
        };
        attacks.push(overwritten(case, place, "is there already", made.clone()));
        for (what, squatter) in [
            ("is there, with nothing in it", blank),
            ("is there, with nothing but its type", named),
            ("is another program's", stranger),
            ("is nobody's, with data in it", squatted),
        ] {
            attacks.push(overwritten(case, place, what, squatter));
        }
        attacks.push(substituted(case, place, "is made elsewhere", Keypair::new().pubkey()));
        attacks.push(forged(case, place, "was made elsewhere", made.clone()));
    }
    if !honest.created.is_empty() {
        let mut twice = changed(case, honest.created[0], "is made twice in one transaction", |_| {});
        twice.transaction.extend(case.act.transaction());
        twice.places = honest.created.clone();
        attacks.push(twice);
    }
    for (place, _, account) in held(case).filter(|(_, _, account)| !account.data.is_empty()) {
        let mut blank = Account {
            data: vec![0; account.data.len()],
            ..account.clone()
        };
        attacks.push(overwritten(case, place, "was never filled", blank.clone()));
        if is_ours(&account.owner) {
            blank.data[..8].copy_from_slice(&account.data[..8]);
            attacks.push(forged(case, place, "has nothing but its type", blank));
        }
        attacks.push(overwritten(case, place, "does not exist", Account::default()));
    }
    attacks
}

/// Other programs in the place of those that are called.
pub(crate) fn programs(case: &Case, _: &Honest) -> Vec<Attack> {
    let ours = [registry::ID, staking::ID, market::ID, IMPOSTOR];
    let others = [TOKEN_PROGRAM, TOKEN_2022_PROGRAM, SYSTEM_PROGRAM];
    let metas = case.act.instruction.accounts.iter().enumerate();
    let called = metas.filter(|(place, _)| case.account(*place).is_some_and(|account| account.executable));
    let mut attacks = Vec::new();
    for (place, meta) in called {
        for other in ours.iter().chain(&others).filter(|other| **other != meta.pubkey) {
            attacks.push(substituted(case, place, "is another program", *other));
        }
        attacks.push(substituted(case, place, "is no program", case.keys[0].pubkey()));
        attacks.push(substituted(case, place, "is nothing", Keypair::new().pubkey()));
    }
    attacks
}

/// One account in two places, where one of the two is written to.
pub(crate) fn duplicates(case: &Case, _: &Honest) -> Vec<Attack> {
    let metas = &case.act.instruction.accounts;
    let mut attacks = Vec::new();
    for (place, meta) in metas.iter().enumerate() {
        for (other, twice) in metas.iter().enumerate() {
            let written = meta.is_writable || twice.is_writable;
            if place == other || !written || meta.pubkey == twice.pubkey {
                continue;
            }
            let what = format!("is {} again", case.described().accounts[other]);
            let mut attack = substituted(case, place, &what, twice.pubkey);
            attack.places.push(other);
            attacks.push(attack);
        }
    }
    attacks
}

/// Accounts that are written to, passed read-only.
pub(crate) fn read_only(case: &Case, _: &Honest) -> Vec<Attack> {
    let metas = &case.act.instruction.accounts;
    let written = metas.iter().enumerate().filter(|(_, meta)| meta.is_writable);
    // One account in two places is writable if it is in one of them.
    let alone = written.filter(|(_, meta)| metas.iter().filter(|other| other.pubkey == meta.pubkey).count() == 1);
    alone
        .map(|(place, _)| changed(case, place, "is read-only", |meta| meta.is_writable = false))
        .collect()
}

/// Mixtures of two instructions that both succeed: one or two accounts of the other party's.
pub(crate) fn mixtures(case: &Case, _: &Honest) -> Vec<Attack> {
    let Some(twin) = &case.twin else { return Vec::new() };
    let metas = case
        .act
        .instruction
        .accounts
        .iter()
        .zip(&twin.instruction.accounts)
        .enumerate();
    let differing: Vec<usize> = metas
        .filter(|(_, (one, other))| one.pubkey != other.pubkey)
        .map(|(place, _)| place)
        .collect();
    let mut attacks = Vec::new();
    let mut mix = |whole: &Act, from: &Act, places: &[usize]| {
        let mut act = whole.clone();
        for &place in places {
            act.instruction.accounts[place] = from.instruction.accounts[place].clone();
        }
        let names: Vec<_> = places
            .iter()
            .map(|place| case.described().accounts[*place].as_str())
            .collect();
        let with = |before: &[Instruction]| Attack {
            what: format!("{} of the other party's", names.join(" and ")),
            places: places.to_vec(),
            put: Vec::new(),
            substitute: None,
            of_twin: !std::ptr::eq(whole, &case.act),
            transaction: [before, std::slice::from_ref(&act.instruction)].concat(),
        };
        attacks.push(with(&act.before));
        if !act.before.is_empty() {
            attacks.push(with(&from.before));
        }
    };
    for (nth, &first) in differing.iter().enumerate() {
        // Whether all the others differ does not matter where there are none.
        if differing.len() > 1 {
            mix(&case.act, twin, &[first]);
            mix(twin, &case.act, &[first]);
        }
        for &second in &differing[nth + 1..] {
            if differing.len() > 2 {
                mix(&case.act, twin, &[first, second]);
                mix(twin, &case.act, &[first, second]);
            }
        }
    }
    attacks
}

/// What follows, in the same transaction, an instruction that closes accounts.
pub(crate) fn revivals(case: &Case, honest: &Honest) -> Vec<Attack> {
    let metas = &case.act.instruction.accounts;
    let places: Vec<usize> = (0..metas.len())
        .filter(|place| honest.closed.contains(&metas[*place].pubkey))
        .collect();
    if places.is_empty() {
        return Vec::new();
    }
    let attack = |what: &str, between: Vec<Instruction>| Attack {
        what: what.to_owned(),
        places: places.clone(),
        put: Vec::new(),
        substitute: None,
        of_twin: false,
        transaction: [case.act.transaction(), between, case.act.transaction()].concat(),
    };
    vec![
        attack("closes twice in one transaction", Vec::new()),
        attack(
            "closes twice, with the rent sent back in between",
            refunds(case, honest),
        ),
    ]
}

/// Sends every closed account lamports, so that the runtime does not collect it.
pub(crate) fn refunds(case: &Case, honest: &Honest) -> Vec<Instruction> {
    let payer = case.world.payer.pubkey();
    let refund = |address: &Pubkey| {
        let rent = existing(&case.world, address)
            .expect("an account that will be closed")
            .lamports;
        Instruction {
            program_id: SYSTEM_PROGRAM,
            accounts: vec![AccountMeta::new(payer, true), AccountMeta::new(*address, false)],
            data: [&2u32.to_le_bytes()[..], &rent.to_le_bytes()].concat(),
        }
    };
    honest.closed.iter().map(refund).collect()
}

/// Lists of instructions that somebody made up, and other sysvars.
pub(crate) fn sysvars(case: &Case, _: &Honest) -> Vec<Attack> {
    let metas = case.act.instruction.accounts.iter().enumerate();
    let mut attacks = Vec::new();
    for (place, _) in metas.filter(|(_, meta)| meta.pubkey == INSTRUCTIONS_SYSVAR) {
        let data = listed(&case.act.transaction());
        for owner in [SYSVAR_OWNER, SYSTEM_PROGRAM, market::ID, IMPOSTOR] {
            let account = Account {
                lamports: 1_000_000_000,
                data: data.clone(),
                owner,
                executable: false,
                rent_epoch: 0,
            };
            attacks.push(forged(case, place, "is a list that somebody made up", account));
        }
        for other in [
            CLOCK,
            RENT,
            SYSVAR_OWNER,
            case.keys[0].pubkey(),
            Keypair::new().pubkey(),
        ] {
            attacks.push(substituted(case, place, "is something else", other));
        }
    }
    attacks
}

const SYSVAR_OWNER: Pubkey = Pubkey::from_str_const("Sysvar1111111111111111111111111111111111111");
const CLOCK: Pubkey = Pubkey::from_str_const("SysvarC1ock11111111111111111111111111111111");
const RENT: Pubkey = Pubkey::from_str_const("SysvarRent111111111111111111111111111111111");

/// The list of a transaction's instructions in the form in which the runtime has it, the last one running.
fn listed(transaction: &[Instruction]) -> Vec<u8> {
    let short = |value: usize| (value as u16).to_le_bytes();
    let mut data = short(transaction.len()).to_vec();
    let offsets = data.len();
    data.resize(offsets + 2 * transaction.len(), 0);
    for (nth, instruction) in transaction.iter().enumerate() {
        let here = short(data.len());
        data[offsets + 2 * nth..][..2].copy_from_slice(&here);
        data.extend(short(instruction.accounts.len()));
        for meta in &instruction.accounts {
            data.push(u8::from(meta.is_signer) | u8::from(meta.is_writable) << 1);
            data.extend(meta.pubkey.as_ref());
        }
        data.extend(instruction.program_id.as_ref());
        data.extend(short(instruction.data.len()));
        data.extend(&instruction.data);
    }
    data.extend(short(transaction.len() - 1));
    data
}
