//! Attacks, who judges them, and the count.

use crate::{
    allowed::{ALLOWED, Allowed, Effect, When},
    case::{ACCOUNT_LENGTH, Case, Honest, Wealth, change, existing, key, wealth},
    cases,
    count::{Tally, report},
};
use gantry_sdk::{Instruction, Pubkey, Signer as _};
use gantry_tests::world::World;
use solana_account::Account;
use solana_instruction::error::InstructionError;
use solana_transaction_error::TransactionError;
use std::collections::BTreeSet;

/// The classes of attacks: the eleven of sealevel-attacks in their order, and accounts passed read-only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    Signer,
    Matching,
    Owner,
    Cosplay,
    Initialization,
    Cpi,
    Duplicate,
    Bump,
    Sharing,
    Closing,
    Sysvar,
    ReadOnly,
}

impl Class {
    pub(crate) const ALL: [Self; 12] = [
        Self::Signer,
        Self::Matching,
        Self::Owner,
        Self::Cosplay,
        Self::Initialization,
        Self::Cpi,
        Self::Duplicate,
        Self::Bump,
        Self::Sharing,
        Self::Closing,
        Self::Sysvar,
        Self::ReadOnly,
    ];

    /// As sealevel-attacks numbers and calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Signer => "0-signer-authorization",
            Self::Matching => "1-account-data-matching",
            Self::Owner => "2-owner-checks",
            Self::Cosplay => "3-type-cosplay",
            Self::Initialization => "4-initialization",
            Self::Cpi => "5-arbitrary-cpi",
            Self::Duplicate => "6-duplicate-mutable-accounts",
            Self::Bump => "7-bump-seed-canonicalization",
            Self::Sharing => "8-pda-sharing",
            Self::Closing => "9-closing-accounts",
            Self::Sysvar => "10-sysvar-address-checking",
            Self::ReadOnly => "beyond those: read-only accounts",
        }
    }
}

/// A transaction that should be refused, or harm nobody.
pub(crate) struct Attack {
    pub what: String,
    /// The accounts that it meddles with, by place.
    pub places: Vec<usize>,
    /// Accounts as they are while it lasts.
    pub put: Vec<(Pubkey, Account)>,
    /// What is in the place of the account, where it is one.
    pub substitute: Option<Pubkey>,
    /// Whether it is to be compared with what the twin does.
    pub of_twin: bool,
    pub transaction: Vec<Instruction>,
}

/// Makes every attack that `generate` finds on every instruction. Each has to be refused, or to be one that is allowed
/// and does what its allowance says.
pub(crate) fn run(class: Class, generate: impl Fn(&Case, &Honest) -> Vec<Attack>) {
    let scenes = cases::Scenes::new();
    let (mut tally, mut findings, mut used) = (Tally::default(), Vec::new(), BTreeSet::new());
    for build in cases::all() {
        let case = build(&scenes);
        let honest = case.prove();
        let mut arena = case.world.fork();
        for attack in generate(&case, &honest) {
            let was = put(&mut arena, &attack.put);
            let Some(result) = case.send(&mut arena, &attack.transaction) else {
                put(&mut arena, &was);
                continue;
            };
            let Err(refusal) = result else {
                arena = case.world.fork();
                match judge(class, &case, &honest, &attack, &mut used) {
                    Ok(reason) => *tally.harmless.entry(reason).or_default() += 1,
                    Err(why) => {
                        let names = names(&case, &attack);
                        findings.push(format!("{} {names:?}: {}: {why}", case.name, attack.what));
                    }
                }
                continue;
            };
            put(&mut arena, &was);
            tally.refused += 1;
            if crashed(&refusal.error) {
                findings.push(format!("{}: the program crashed: {}", case.name, attack.what));
            }
        }
        // What was refused was refused for what was wrong with it, not because nothing goes through there any more.
        let last = case.send(&mut arena, &case.act.transaction());
        assert!(
            last.is_some_and(|result| result.is_ok()),
            "{}: the attacks have broken the world",
            case.name
        );
    }
    for (place, allowed) in ALLOWED.iter().enumerate() {
        if allowed.class == class && !used.contains(&place) {
            let Allowed {
                instruction, accounts, ..
            } = allowed;
            findings.push(format!("nothing needs the allowance for {instruction} {accounts:?}"));
        }
    }
    assert!(tally.refused > 0, "no attack was made");
    report(class, tally);
    assert!(
        findings.is_empty(),
        "{} findings:\n{}",
        findings.len(),
        findings.join("\n")
    );
}

/// Writes accounts, and gives what was there.
fn put(world: &mut World, accounts: &[(Pubkey, Account)]) -> Vec<(Pubkey, Account)> {
    let swap = |(address, account): &(Pubkey, Account)| {
        let was = existing(world, address).unwrap_or_default();
        world.svm.set_account(*address, account.clone()).expect("an account");
        (*address, was)
    };
    let mut was: Vec<_> = accounts.iter().map(swap).collect();
    was.reverse();
    was
}

fn crashed(error: &TransactionError) -> bool {
    let crashes = [
        InstructionError::ProgramFailedToComplete,
        InstructionError::ComputationalBudgetExceeded,
    ];
    matches!(error, TransactionError::InstructionError(_, error) if crashes.contains(error))
}

fn names<'a>(case: &'a Case, attack: &Attack) -> Vec<&'a str> {
    let names = &case.described().accounts;
    attack.places.iter().map(|place| names[*place].as_str()).collect()
}

/// Whether an attack that went through is allowed to, and moved nothing of those who have no part in it. Gives why.
fn judge(
    class: Class,
    case: &Case,
    honest: &Honest,
    attack: &Attack,
    used: &mut BTreeSet<usize>,
) -> Result<&'static str, String> {
    let mut world = case.world.fork();
    put(&mut world, &attack.put);
    let before = wealth(&world);
    let _ = case.send(&mut world, &attack.transaction);
    let change = change(&before, &wealth(&world));

    // Everybody may spend what is theirs, by signing, and what an honest run takes may be taken.
    let metas = attack.transaction.iter().flat_map(|instruction| &instruction.accounts);
    let mut signers: BTreeSet<_> = metas.filter(|meta| meta.is_signer).map(|meta| meta.pubkey).collect();
    signers.insert(world.payer.pubkey());
    let (honest, other) = if attack.of_twin {
        (&honest.twin_change, &honest.change)
    } else {
        (&honest.change, &honest.twin_change)
    };
    let robbed = |(holder, change): &(&(Pubkey, Pubkey), &i128)| {
        // A mixture of two may take from either what that one takes.
        let of = |change: &Wealth| change.get(*holder).copied().unwrap_or_default().min(0);
        let honestly = if class == Class::Sharing {
            of(honest).min(of(other))
        } else {
            of(honest)
        };
        **change < honestly && !signers.contains(&holder.0)
    };
    if let Some(((holder, mint), change)) = change.iter().find(robbed) {
        return Err(format!("WENT THROUGH: {holder} loses {change} of {mint}"));
    }

    let names = names(case, attack);
    // Of an account that is passed twice the first place is the one that it does not belong in.
    let meddled = if class == Class::Duplicate { 1 } else { names.len() };
    let is = |wanted: &[Pubkey]| attack.substitute.is_some_and(|substitute| wanted.contains(&substitute));
    let when = |when: When| match when {
        When::Always => true,
        When::SameHolder => same_holder(case, attack),
        When::Authority => is(&[case.world.authority.pubkey()]),
        When::Arbiter => is(&case.world.arbiters.each_ref().map(|arbiter| arbiter.pubkey())),
    };
    let fits = |allowed: &Allowed| {
        allowed.class == class
            && (allowed.instruction == case.name || allowed.instruction == "*")
            && names[..meddled].iter().all(|name| allowed.accounts.contains(name))
            && when(allowed.when)
    };
    let Some(place) = ALLOWED.iter().position(fits) else {
        return Err("WENT THROUGH".to_owned());
    };
    used.insert(place);
    let allowed = &ALLOWED[place];
    assert!(!allowed.reason.is_empty(), "an allowance has a reason");
    let payers = |wealth: &Wealth| -> Wealth {
        let tokens = wealth.iter().filter(|((_, mint), _)| *mint != Pubkey::default());
        tokens.map(|(holder, change)| (*holder, *change)).collect()
    };
    if allowed.effect == Effect::Same && payers(&change) != payers(honest) {
        return Err(format!("others are paid than should be: {change:?}"));
    }
    Ok(allowed.reason)
}

/// Whether the one account that was substituted is a token account of the same mint and holder.
fn same_holder(case: &Case, attack: &Attack) -> bool {
    let [place] = attack.places[..] else { return false };
    let holder = |account: Option<Account>| {
        let data = account.filter(|account| account.data.len() == ACCOUNT_LENGTH)?.data;
        Some((key(&data, 0), key(&data, 32)))
    };
    let Some(substitute) = attack.substitute else {
        return false;
    };
    let put = attack.put.iter().find(|(address, _)| *address == substitute);
    let account = put
        .map(|(_, account)| account.clone())
        .or_else(|| existing(&case.world, &substitute));
    let original = holder(case.account(place));
    original.is_some() && holder(account) == original
}
