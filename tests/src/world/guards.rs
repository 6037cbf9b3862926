//! Refusals that must leave everything as it was, and accounts that somebody made up.

use super::{Outcome, Refusal, World, assert_refused};
use anchor_lang::{AnchorDeserialize, AnchorSerialize, Discriminator};
use gantry_sdk::{
    Instruction, Keypair, Pubkey, Signer,
    ix::token::{TOKEN_2022_PROGRAM, TOKEN_PROGRAM},
    market, registry, staking,
    state::decode_account,
};
use solana_instruction::error::InstructionError;
use solana_transaction_error::TransactionError;
use std::collections::BTreeMap;

/// The one event of a kind in an outcome, by its name.
#[macro_export]
macro_rules! event {
    ($outcome:expr, $kind:ident) => {
        $crate::world::find_event(&$outcome, |event| match event {
            gantry_sdk::state::AnyEvent::$kind(event) => Some(event.clone()),
            _ => None,
        })
    };
}

/// Every account of the three programs and of the token programs: lamports and data.
pub type State = BTreeMap<Pubkey, (u64, Vec<u8>)>;

/// `instruction` with another key in the place of `from`.
pub fn swapped(instruction: &Instruction, from: &Pubkey, to: &Pubkey) -> Instruction {
    let mut swapped = instruction.clone();
    let mut places = swapped.accounts.iter_mut().filter(|meta| meta.pubkey == *from);
    let place = places.next().expect("the instruction names this account");
    place.pubkey = *to;
    swapped
}

/// `instruction` without the signature of `key`.
pub fn unsigned(instruction: &Instruction, key: &Pubkey) -> Instruction {
    let mut unsigned = instruction.clone();
    for meta in &mut unsigned.accounts {
        meta.is_signer &= meta.pubkey != *key;
    }
    unsigned
}

/// Asserts that the runtime or the framework refused with `expected`.
#[track_caller]
pub fn assert_error(result: Result<Outcome, Refusal>, expected: InstructionError) {
    let refusal = match result {
        Ok(outcome) => panic!("expected {expected:?}, but it went through: {:#?}", outcome.logs),
        Err(refusal) => refusal,
    };
    match &refusal.error {
        TransactionError::InstructionError(_, found) => assert_eq!(*found, expected, "{:#?}", refusal.logs),
        other => panic!("expected {expected:?}, found {other:?}"),
    }
}

impl World {
    /// Everything that an instruction could have changed.
    pub fn state(&self) -> State {
        [registry::ID, staking::ID, market::ID, TOKEN_PROGRAM, TOKEN_2022_PROGRAM]
            .iter()
            .flat_map(|owner| self.svm.get_program_accounts(owner))
            .map(|(address, account)| (address, (account.lamports, account.data)))
            .collect()
    }

    /// Asserts that `program` refuses `instruction` with the error `name`, and that no account changed.
    #[track_caller]
    pub fn refuses(&mut self, instruction: &Instruction, signers: &[&Keypair], program: &str, name: &str) {
        let before = self.state();
        let result = self.send(std::slice::from_ref(instruction), signers);
        assert_refused(result, program, name);
        assert!(before == self.state(), "a refused instruction changed an account");
    }

    /// Asserts that the framework or the runtime refuses `instruction` with `expected`, and that no account changed.
    #[track_caller]
    pub fn rejects(&mut self, instruction: &Instruction, signers: &[&Keypair], expected: InstructionError) {
        let before = self.state();
        let result = self.send(std::slice::from_ref(instruction), signers);
        assert_error(result, expected);
        assert!(before == self.state(), "a refused instruction changed an account");
    }

    /// Writes an account of one of the programs as `change` leaves it: states that no instruction leads to yet, and
    /// counters that would take ages to fill.
    pub fn amend<T>(&mut self, address: &Pubkey, change: impl FnOnce(&mut T))
    where
        T: AnchorSerialize + AnchorDeserialize + Discriminator,
    {
        let mut account = self.svm.get_account(address).expect("an account to amend");
        let mut value: T = decode_account(&account.data).expect("an account of this type");
        change(&mut value);
        let mut data = T::DISCRIMINATOR.to_vec();
        value.serialize(&mut data).expect("memory is enough");
        account.data = data;
        self.svm.set_account(*address, account).expect("an account");
    }

    /// Sends the least that the runtime takes to addresses that do not exist yet, as anyone can.
    pub fn send_lamports(&mut self, addresses: &[Pubkey]) {
        let least = self.svm.minimum_balance_for_rent_exemption(0);
        for address in addresses {
            self.svm.airdrop(address, least).expect("lamports");
        }
    }

    /// A copy of the account `like` at a fresh address, owned by `owner` or whoever owns the original.
    pub fn forge(&mut self, like: &Pubkey, owner: Option<Pubkey>) -> Pubkey {
        let address = Keypair::new().pubkey();
        let mut account = self.svm.get_account(like).expect("an account to copy");
        account.owner = owner.unwrap_or(account.owner);
        self.svm.set_account(address, account).expect("an account");
        address
    }

    /// Asserts that `instruction` is refused, without a panic and without any change, when
    /// - any account is a copy at another address, is owned by another program or is of another type,
    /// - any signature is missing or another key's,
    /// - an account that it writes is passed read-only,
    /// - a program is another program, or accounts or data end early,
    ///
    /// and that it goes through as it is. `free` names the accounts that the sender chooses: a copy of those is as good.
    #[track_caller]
    pub fn guarded(&mut self, instruction: &Instruction, signers: &[&Keypair], free: &[Pubkey]) -> Outcome {
        self.guarded_but(instruction, signers, free, &[])
    }

    /// As [`World::guarded`], but for the accounts `unchecked`, which may be anything.
    #[track_caller]
    pub fn guarded_but(
        &mut self,
        instruction: &Instruction,
        signers: &[&Keypair],
        free: &[Pubkey],
        unchecked: &[Pubkey],
    ) -> Outcome {
        for place in 0..instruction.accounts.len() {
            if !unchecked.contains(&instruction.accounts[place].pubkey) {
                self.guarded_account(instruction, signers, free, place);
            }
        }
        for length in 0..instruction.accounts.len() {
            let mut short = instruction.clone();
            short.accounts.truncate(length);
            self.stands_firm(&short, signers, &format!("{length} accounts"));
        }
        for length in 0..instruction.data.len() {
            let mut short = instruction.clone();
            short.data.truncate(length);
            self.stands_firm(&short, signers, &format!("{length} bytes of data"));
        }
        self.send(std::slice::from_ref(instruction), signers)
            .expect("the instruction as it should be")
    }

    #[track_caller]
    fn guarded_account(&mut self, instruction: &Instruction, signers: &[&Keypair], free: &[Pubkey], place: usize) {
        let meta = instruction.accounts[place].clone();
        let payer = self.payer.pubkey();
        let with = |change: &dyn Fn(&mut solana_instruction::AccountMeta)| {
            let mut changed = instruction.clone();
            change(&mut changed.accounts[place]);
            changed
        };
        if meta.is_signer {
            // The fee payer's signature is there in any case, and another payer is as good.
            if meta.pubkey == payer {
                return;
            }
            let missing = with(&|meta| meta.is_signer = false);
            self.stands_firm(&missing, signers, &format!("account {place} does not sign"));
            let other = Keypair::new();
            let wrong = with(&|meta| meta.pubkey = other.pubkey());
            let signers: Vec<_> = signers.iter().copied().chain([&other]).collect();
            self.stands_firm(&wrong, &signers, &format!("another key signs as account {place}"));
            return;
        }
        // The fee payer's account is writable whatever the instruction says.
        if meta.is_writable && meta.pubkey != payer {
            let read_only = with(&|meta| meta.is_writable = false);
            self.stands_firm(&read_only, signers, &format!("account {place} is read-only"));
        }
        let Some(original) = self
            .svm
            .get_account(&meta.pubkey)
            .filter(|account| account.lamports > 0)
        else {
            // Yet to be created: no other address is.
            let other = Keypair::new().pubkey();
            let elsewhere = with(&|meta| meta.pubkey = other);
            self.stands_firm(&elsewhere, signers, &format!("account {place} is created elsewhere"));
            return;
        };
        if original.executable {
            let other = with(&|meta| meta.pubkey = market::ID);
            return self.stands_firm(&other, signers, &format!("program {place} is another"));
        }
        let stranger = Keypair::new().pubkey();
        let copy = self.forge(&meta.pubkey, Some(stranger));
        let foreign = with(&|meta| meta.pubkey = copy);
        self.stands_firm(&foreign, signers, &format!("account {place} is of another program"));
        if !free.contains(&meta.pubkey) {
            let copy = self.forge(&meta.pubkey, None);
            let copied = with(&|meta| meta.pubkey = copy);
            self.stands_firm(&copied, signers, &format!("account {place} is a copy"));
        }
        if [registry::ID, staking::ID].contains(&original.owner) {
            let mut other_type = original.clone();
            other_type.data[..8].copy_from_slice(&[0xEE; 8]);
            let mut short = original.clone();
            short.data.truncate(original.data.len() - 1);
            let mut empty = original.clone();
            empty.data.clear();
            for (forgery, what) in [(other_type, "of another type"), (short, "too short"), (empty, "empty")] {
                self.svm.set_account(meta.pubkey, forgery).expect("an account");
                self.stands_firm(instruction, signers, &format!("account {place} is {what}"));
            }
            self.svm.set_account(meta.pubkey, original).expect("an account");
        }
    }

    #[track_caller]
    fn stands_firm(&mut self, instruction: &Instruction, signers: &[&Keypair], what: &str) {
        let before = self.state();
        // A transaction carries no signatures that it does not need.
        let needed: Vec<_> = signers
            .iter()
            .copied()
            .filter(|key| {
                let signs = |meta: &solana_instruction::AccountMeta| meta.is_signer && meta.pubkey == key.pubkey();
                instruction.accounts.iter().any(signs)
            })
            .collect();
        let refusal = match self.send(std::slice::from_ref(instruction), &needed) {
            Ok(outcome) => panic!("{what}, and yet it went through: {:#?}", outcome.logs),
            Err(refusal) => refusal,
        };
        let TransactionError::InstructionError(_, error) = &refusal.error else {
            panic!("{what}: {:?} does not come from the program", refusal.error);
        };
        let panicked = [
            InstructionError::ProgramFailedToComplete,
            InstructionError::ComputationalBudgetExceeded,
        ];
        assert!(!panicked.contains(error), "{what}: {error:?} {:#?}", refusal.logs);
        assert!(
            before == self.state(),
            "{what}: a refused instruction changed an account"
        );
    }
}
