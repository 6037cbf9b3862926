//! Who takes part in a history, with fixed keys, and where their accounts are.

use gantry_sdk::{
    Keypair, Pubkey, Signer,
    ix::{
        MintRef,
        token::{TOKEN_2022_PROGRAM, TOKEN_PROGRAM},
    },
    pda,
};
use std::{cell::RefCell, collections::HashMap, sync::LazyLock};

/// A wallet, by number.
pub(crate) type Who = u8;

/// Wallets that may be customer, provider, matcher, delegator and thief in turn: 0 up to here.
pub(crate) const WALLETS: Who = 8;
/// The network's authority; owns the treasury.
pub(crate) const AUTHORITY: Who = 8;
/// The network's guardian.
pub(crate) const GUARDIAN: Who = 9;
/// Takes no part but to push overdue jobs forward at the end.
pub(crate) const KEEPER: Who = 10;
/// May grant every tier and flag.
pub(crate) const ATTESTOR: Who = 11;
/// May grant tier 1 and the first two flags.
pub(crate) const JUNIOR_ATTESTOR: Who = 12;
/// Pays fees and rent.
pub(crate) const PAYER: Who = 13;
/// Who may sit in the council: these five do at first, in this order.
pub(crate) const ARBITERS: [Who; 5] = [14, 15, 16, 17, 18];
/// All of them.
const PEOPLE: Who = 19;
/// Keys of nodes: 0 up to here. Several providers may list the same.
pub(crate) const NODE_KEYS: u8 = 6;

/// A mint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Coin {
    /// What is staked; no job may pay in it.
    Stake,
    /// A payment mint of SPL Token.
    Usdc,
    /// A payment mint of Token-2022.
    Usd22,
}

pub(crate) const COINS: [Coin; 3] = [Coin::Stake, Coin::Usdc, Coin::Usd22];

impl Coin {
    pub(crate) fn key(self) -> &'static Keypair {
        &CAST.mints[self as usize]
    }

    pub(crate) fn mint(self) -> MintRef {
        let token_program = if self == Self::Usd22 {
            TOKEN_2022_PROGRAM
        } else {
            TOKEN_PROGRAM
        };
        MintRef {
            mint: CAST.mint_addresses[self as usize],
            token_program,
        }
    }
}

/// A node: its provider's wallet and which node key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NodeRef(pub(crate) Who, pub(crate) u8);

/// A job: its customer's wallet and its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct JobRef(pub(crate) Who, pub(crate) u64);

/// A token account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Purse {
    /// The associated account of a wallet.
    Own(Who, Coin),
    /// The escrow of a job.
    Vault(JobRef),
    /// The stake of a provider's pool.
    Stake(Who),
    /// The unclaimed revenue of a provider's pool.
    Rewards(Who),
}

/// An account of the programs that a history changes. Pools go by their provider's wallet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Subject {
    Network,
    Provider(Who),
    Node(NodeRef),
    Device(u8),
    Pool(Who),
    Position(Who, Who),
    Customer(Who),
    Job(JobRef),
    Dispute(JobRef),
    /// The market's rules.
    Rules,
    /// What the market knows of a mint.
    Mint(Coin),
    Purse(Purse),
}

struct Cast {
    people: Vec<Keypair>,
    addresses: Vec<Pubkey>,
    node_keys: Vec<Keypair>,
    node_addresses: Vec<Pubkey>,
    mints: Vec<Keypair>,
    mint_addresses: Vec<Pubkey>,
}

static CAST: LazyLock<Cast> = LazyLock::new(|| {
    let keys = |tag: u8, count: u8| -> Vec<Keypair> {
        (0..count)
            .map(|number| {
                let mut seed = [tag; 32];
                seed[0] = number;
                Keypair::new_from_array(seed)
            })
            .collect()
    };
    let addresses = |keys: &[Keypair]| keys.iter().map(Keypair::pubkey).collect();
    let (people, node_keys, mints) = (keys(1, PEOPLE), keys(2, NODE_KEYS), keys(3, 3));
    Cast {
        addresses: addresses(&people),
        node_addresses: addresses(&node_keys),
        mint_addresses: addresses(&mints),
        people,
        node_keys,
        mints,
    }
});

pub(crate) fn keypair(who: Who) -> &'static Keypair {
    &CAST.people[usize::from(who)]
}

pub(crate) fn address(who: Who) -> Pubkey {
    CAST.addresses[usize::from(who)]
}

pub(crate) fn node_keypair(key: u8) -> &'static Keypair {
    &CAST.node_keys[usize::from(key)]
}

pub(crate) fn node_key_address(key: u8) -> Pubkey {
    CAST.node_addresses[usize::from(key)]
}

/// The device hash number `device`; 0 is all zeros, which is none.
pub(crate) fn device_hash(device: u8) -> [u8; 32] {
    [device; 32]
}

/// What nobody is at.
pub(crate) fn nowhere() -> Pubkey {
    Pubkey::default()
}

#[derive(Default)]
struct Book {
    addresses: HashMap<Subject, Pubkey>,
    subjects: HashMap<Pubkey, Subject>,
}

thread_local! {
    static BOOK: RefCell<Book> = RefCell::default();
}

/// Who is at `address`, if [`Subject::at`] was asked before.
pub(crate) fn subject_at(address: &Pubkey) -> Option<Subject> {
    BOOK.with_borrow(|book| book.subjects.get(address).copied())
}

impl Subject {
    /// Its address.
    pub(crate) fn at(self) -> Pubkey {
        if let Some(known) = BOOK.with_borrow(|book| book.addresses.get(&self).copied()) {
            return known;
        }
        let derived = self.derive();
        BOOK.with_borrow_mut(|book| {
            book.addresses.insert(self, derived);
            book.subjects.insert(derived, self);
        });
        derived
    }

    fn derive(self) -> Pubkey {
        match self {
            Self::Network => pda::network(),
            Self::Provider(who) => pda::provider(&address(who)),
            Self::Node(NodeRef(who, key)) => pda::node(&Self::Provider(who).at(), &node_key_address(key)),
            Self::Device(device) => pda::device(&device_hash(device)),
            Self::Pool(who) => pda::pool(&Self::Provider(who).at()),
            Self::Position(pool, owner) => pda::position(&Self::Pool(pool).at(), &address(owner)),
            Self::Customer(who) => pda::customer(&address(who)),
            Self::Job(JobRef(who, id)) => pda::job(&address(who), id),
            Self::Dispute(job) => pda::dispute(&Self::Job(job).at()),
            Self::Rules => pda::market_params(),
            Self::Mint(coin) => pda::payment_mint(&coin.mint().mint),
            Self::Purse(Purse::Own(who, coin)) => {
                pda::associated_token(&address(who), &coin.mint().mint, &coin.mint().token_program)
            }
            Self::Purse(Purse::Vault(job)) => pda::vault(&Self::Job(job).at()),
            Self::Purse(Purse::Stake(pool)) => pda::stake_vault(&Self::Pool(pool).at()),
            Self::Purse(Purse::Rewards(pool)) => pda::reward_vault(&Self::Pool(pool).at()),
        }
    }
}

impl Purse {
    pub(crate) fn at(self) -> Pubkey {
        Subject::Purse(self).at()
    }
}

impl NodeRef {
    pub(crate) fn at(self) -> Pubkey {
        Subject::Node(self).at()
    }
}

impl JobRef {
    pub(crate) fn at(self) -> Pubkey {
        Subject::Job(self).at()
    }
}
