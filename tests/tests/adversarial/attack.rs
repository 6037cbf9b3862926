//! Attacks, who judges them, and the count.

use crate::{
    allowed::{ALLOWED, Allowed, Effect, When},
    case::{ACCOUNT_LENGTH, Case, Honest, Wealth, change, existing, key, wealth},
    cases,
};
use gantry_sdk::{Instruction, Pubkey, Signer as _};
use gantry_tests::world::World;
use solana_account::Account;
use solana_instruction::error::InstructionError;
use solana_transaction_error::TransactionError;
use std::{collections::BTreeSet, io::Write as _, sync::Mutex};

/// The classes of attacks: those of sealevel-attacks, and accounts passed read-only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// How many classes there are.
const CLASSES: usize = 12;

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

/// What came of attacks.
#[derive(Clone, Copy, Default)]
struct Tally {
    refused: usize,
    harmless: usize,
}

/// Over all classes: how many have run, and what came of their attacks.
static TOTAL: Mutex<(usize, Tally)> = Mutex::new((
    0,
    Tally {
        refused: 0,
        harmless: 0,
    },
));

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
                    Ok(()) => tally.harmless += 1,
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
    report(class, tally);
    assert!(tally.refused > 0, "no attack was made");
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

/// Whether an attack that went through is allowed to, and moved nothing of those who have no part in it.
fn judge(
    class: Class,
    case: &Case,
    honest: &Honest,
    attack: &Attack,
    used: &mut BTreeSet<usize>,
) -> Result<(), String> {
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
    let same_holder = || same_holder(case, attack);
    let fits = |allowed: &Allowed| {
        allowed.class == class
            && (allowed.instruction == case.name || allowed.instruction == "*")
            && names[..meddled].iter().all(|name| allowed.accounts.contains(name))
            && (allowed.when == When::Always || same_holder())
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
    Ok(())
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

fn report(class: Class, tally: Tally) {
    // Not through `println!`: the count is worth a line also where all is well.
    let mut out = std::io::stderr();
    let Tally { refused, harmless } = tally;
    let _ = writeln!(
        out,
        "adversarial {class:?}: {refused} attacks refused, {harmless} harmless by reason"
    );
    let mut total = TOTAL.lock().expect("no test panics while it counts");
    total.0 += 1;
    total.1.refused += refused;
    total.1.harmless += harmless;
    let (classes, Tally { refused, harmless }) = *total;
    if classes == CLASSES {
        let count = |program: &str| cases::NAMES.iter().filter(|name| name.starts_with(program)).count();
        let [market, staking, registry] = ["market::", "staking::", "registry::"].map(count);
        let _ = writeln!(
            out,
            "adversarial: {market} + {staking} + {registry} instructions, {refused} attacks refused, {harmless} harmless by reason"
        );
    }
}
