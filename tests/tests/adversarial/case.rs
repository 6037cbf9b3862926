//! One instruction of a program in a world where it succeeds, and what it does there.

use crate::crowd::Crowd;
use gantry_sdk::{Instruction, Keypair, Pubkey, Signer, ix::token::TOKEN_PROGRAM};
use gantry_tests::world::{Outcome, Refusal, World};
use solana_account::Account;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::LazyLock,
};

/// Bytes of a plain token account.
pub(crate) const ACCOUNT_LENGTH: usize = 165;

/// Names of an instruction's accounts, and what its data begins with.
pub(crate) struct Described {
    pub accounts: Vec<String>,
    /// Those of the accounts that sign.
    pub signers: Vec<String>,
    pub discriminator: Vec<u8>,
}

/// The repository.
pub(crate) fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every instruction of the three programs, `program::name`, as the IDLs have it.
pub(crate) static IDL: LazyLock<BTreeMap<String, Described>> = LazyLock::new(|| {
    let folder = repository().join("idl");
    let mut all = BTreeMap::new();
    for program in ["registry", "staking", "market"] {
        let text = std::fs::read_to_string(folder.join(program).with_extension("json")).expect("an IDL");
        let idl: serde_json::Value = serde_json::from_str(&text).expect("an IDL in JSON");
        for instruction in idl["instructions"].as_array().expect("instructions") {
            let name = |value: &serde_json::Value| value["name"].as_str().expect("a name").to_owned();
            let bytes = instruction["discriminator"].as_array().expect("a discriminator");
            let accounts = instruction["accounts"].as_array().expect("accounts");
            let described = Described {
                accounts: accounts.iter().map(name).collect(),
                signers: accounts
                    .iter()
                    .filter(|account| account["signer"] == true)
                    .map(name)
                    .collect(),
                discriminator: bytes.iter().map(|b| b.as_u64().expect("a byte") as u8).collect(),
            };
            all.insert(format!("{program}::{}", name(instruction)), described);
        }
    }
    all
});

/// An instruction that succeeds, with what comes before it in its transaction.
#[derive(Clone)]
pub(crate) struct Act {
    pub before: Vec<Instruction>,
    pub instruction: Instruction,
}

impl From<Instruction> for Act {
    fn from(instruction: Instruction) -> Self {
        let before = Vec::new();
        Self { before, instruction }
    }
}

impl Act {
    pub(crate) fn transaction(&self) -> Vec<Instruction> {
        let mut all = self.before.clone();
        all.push(self.instruction.clone());
        all
    }
}

/// An instruction in a world where it succeeds.
pub(crate) struct Case {
    pub name: &'static str,
    pub world: World,
    pub act: Act,
    /// The same instruction for another party; it succeeds in this world, too.
    pub twin: Option<Act>,
    /// Every key there is: whoever is asked to sign does.
    pub keys: Vec<Keypair>,
}

/// Tokens by holder and mint, lamports by account.
pub(crate) type Wealth = BTreeMap<(Pubkey, Pubkey), i128>;

/// What a case does when nobody attacks.
pub(crate) struct Honest {
    /// What everybody gains and loses by it.
    pub change: Wealth,
    /// What everybody gains and loses by the twin, or by it where there is none.
    pub twin_change: Wealth,
    /// Accounts of the instruction that it creates, by place.
    pub created: Vec<usize>,
    /// Their data afterwards, by place.
    pub made: BTreeMap<usize, Account>,
    /// Accounts of the instruction that it closes.
    pub closed: Vec<Pubkey>,
}

impl Case {
    /// The case `name` in the world of `crowd`. Somebody who has no part in it pays the fees from here on.
    pub(crate) fn new(name: &'static str, crowd: Crowd, act: impl Into<Act>) -> Self {
        let keys = crowd.keys();
        Self::in_world(name, crowd.world, keys, act)
    }

    pub(crate) fn in_world(name: &'static str, mut world: World, mut keys: Vec<Keypair>, act: impl Into<Act>) -> Self {
        let carrier = Keypair::new();
        world
            .svm
            .airdrop(&carrier.pubkey(), 1_000_000_000_000)
            .expect("lamports");
        let stranger = Keypair::new();
        world.svm.airdrop(&stranger.pubkey(), 1_000_000_000).expect("lamports");
        let founder = std::mem::replace(&mut world.payer, carrier);
        keys.extend([founder, stranger]);
        keys.extend([&world.authority, &world.guardian].map(Keypair::insecure_clone));
        keys.extend(world.arbiters.iter().map(Keypair::insecure_clone));
        Self {
            name,
            world,
            act: act.into(),
            twin: None,
            keys,
        }
    }

    /// With the same instruction for another party.
    pub(crate) fn twin(mut self, act: impl Into<Act>) -> Self {
        self.twin = Some(act.into());
        self
    }

    pub(crate) fn described(&self) -> &'static Described {
        IDL.get(self.name).unwrap_or_else(|| panic!("no IDL has {}", self.name))
    }

    /// The account at `place` as it is now, if it exists.
    pub(crate) fn account(&self, place: usize) -> Option<Account> {
        existing(&self.world, &self.act.instruction.accounts[place].pubkey)
    }

    /// Sends `transaction` in `world`, signed by whoever it asks to; `None` where it asks somebody whose key nobody has.
    pub(crate) fn send(&self, world: &mut World, transaction: &[Instruction]) -> Option<Result<Outcome, Refusal>> {
        send(world, &self.keys, transaction)
    }

    /// Runs it on copies of the world: it has to succeed, and so has its twin.
    pub(crate) fn prove(&self) -> Honest {
        self.tried().unwrap_or_else(|why| panic!("{}: {why}", self.name))
    }

    /// Runs it on copies of the world, and says what failed.
    pub(crate) fn tried(&self) -> Result<Honest, String> {
        let (idl, instruction) = (self.described(), &self.act.instruction);
        assert!(
            instruction.data.starts_with(&idl.discriminator),
            "{} is another instruction",
            self.name
        );
        assert_eq!(
            instruction.accounts.len(),
            idl.accounts.len(),
            "{}: accounts",
            self.name
        );
        let mut world = self.world.fork();
        let before = wealth(&world);
        let run = |world: &mut World, act: &Act, whose: &str| match self.send(world, &act.transaction()) {
            Some(Ok(_)) => Ok(()),
            Some(Err(refusal)) => Err(format!("{whose} is refused: {refusal:#?}")),
            None => Err(format!("{whose} lacks a key")),
        };
        run(&mut world, &self.act, "it")?;
        let twin_change = match &self.twin {
            Some(twin) => {
                let mut world = self.world.fork();
                let before = wealth(&world);
                run(&mut world, twin, "its twin")?;
                Some(change(&before, &wealth(&world)))
            }
            None => None,
        };
        let change = change(&before, &wealth(&world));
        let (mut created, mut made, mut closed) = (Vec::new(), BTreeMap::new(), Vec::new());
        for (place, meta) in instruction.accounts.iter().enumerate() {
            let was = existing(&self.world, &meta.pubkey);
            match (was, existing(&world, &meta.pubkey)) {
                (None, Some(account)) => {
                    created.push(place);
                    made.insert(place, account);
                }
                (Some(_), None) => closed.push(meta.pubkey),
                _ => {}
            }
        }
        Ok(Honest {
            twin_change: twin_change.unwrap_or_else(|| change.clone()),
            change,
            created,
            made,
            closed,
        })
    }
}

/// An account that exists.
pub(crate) fn existing(world: &World, address: &Pubkey) -> Option<Account> {
    world.svm.get_account(address).filter(|account| account.lamports > 0)
}

fn send(world: &mut World, keys: &[Keypair], transaction: &[Instruction]) -> Option<Result<Outcome, Refusal>> {
    let payer = world.payer.pubkey();
    let metas = transaction.iter().flat_map(|instruction| &instruction.accounts);
    let needed: BTreeSet<_> = metas
        .filter(|meta| meta.is_signer && meta.pubkey != payer)
        .map(|meta| meta.pubkey)
        .collect();
    let signers: Option<Vec<_>> = needed
        .iter()
        .map(|address| keys.iter().find(|key| key.pubkey() == *address))
        .collect();
    Some(world.send(transaction, &signers?))
}

/// What everybody has: tokens by holder and mint, and lamports by account under the mint zero.
pub(crate) fn wealth(world: &World) -> Wealth {
    let mut all = Wealth::new();
    for (_, account) in world.svm.get_program_accounts(&TOKEN_PROGRAM) {
        if account.data.len() == ACCOUNT_LENGTH {
            let (mint, holder) = (key(&account.data, 0), key(&account.data, 32));
            let amount = u64::from_le_bytes(account.data[64..72].try_into().expect("eight bytes"));
            *all.entry((holder, mint)).or_default() += i128::from(amount);
        }
    }
    for (address, account) in world.svm.get_program_accounts(&gantry_sdk::ix::SYSTEM_PROGRAM) {
        all.insert((address, Pubkey::default()), i128::from(account.lamports));
    }
    all
}

/// The 32 bytes of `data` from `at` on.
pub(crate) fn key(data: &[u8], at: usize) -> Pubkey {
    let bytes: [u8; 32] = data[at..at + 32].try_into().expect("thirty-two bytes");
    Pubkey::new_from_array(bytes)
}

/// What everybody gained or lost, without those for whom nothing changed.
pub(crate) fn change(before: &Wealth, after: &Wealth) -> Wealth {
    let everybody: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let of = |wealth: &Wealth, key| wealth.get(key).copied().unwrap_or_default();
    everybody
        .into_iter()
        .map(|key| (*key, of(after, key) - of(before, key)))
        .filter(|(_, change)| *change != 0)
        .collect()
}
