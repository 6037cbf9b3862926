//! Worlds with two of everything: whatever an attack puts in the place of an account, somebody really has one.

use gantry_sdk::{
    Keypair, Pubkey, Signer,
    ix::{AttestArgs, MintRef, token},
    registry, staking,
};
use gantry_tests::world::{Listing, TOKEN, World, market_side};
use std::{path::PathBuf, rc::Rc};

/// A program that is none of ours: the registry's code at another address.
pub(crate) const IMPOSTOR: Pubkey = Pubkey::new_from_array([0xFA; 32]);

/// One of two who do the same at the same time.
pub(crate) struct Side {
    pub customer: Keypair,
    pub matcher: Keypair,
    pub listing: Listing,
    /// Has 10 tokens in the listing's pool.
    pub staker: Keypair,
    /// Has staked nothing yet.
    pub newcomer: Keypair,
    /// A provider with a pool that nobody has staked in, and the pool.
    pub idle: (Keypair, Pubkey),
    pub attestor: Keypair,
}

/// A world and who is in it.
pub(crate) struct Crowd {
    pub world: World,
    pub sides: Rc<[Side; 2]>,
    /// The market's key, where a test holds it.
    pub market: Option<Rc<Keypair>>,
    /// A second mint that jobs may be paid in.
    pub second_mint: MintRef,
}

fn program_file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("../target/deploy/{name}.so"))
}

/// Puts [`IMPOSTOR`] into `world`.
pub(crate) fn with_impostor(mut world: World) -> World {
    world
        .svm
        .add_program_from_file(IMPOSTOR, program_file("registry"))
        .expect("a program that loads");
    world
}

fn side(world: &mut World, device: u8, second_mint: MintRef) -> Side {
    let (customer, matcher) = (world.customer(), world.wallet());
    let listing = world.list_node_with(world.node_args(), 2_000);
    let staker = world.staker(&listing.pool, 10 * TOKEN);
    let newcomer = world.holder(100 * TOKEN);
    let idle = world.empty_pool(0);
    let attestor = world.attestor();
    let args = AttestArgs {
        device_hash: [device; 32],
        expires_at: world.now() + 1_000_000,
        flags: 0,
        tier: 1,
    };
    world.attest(&attestor, &listing.node, args).expect("an attestation");
    for owner in [&customer, &matcher, &listing.wallet, &staker] {
        world.token_account(&owner.pubkey(), world.stake);
        world.token_account(&owner.pubkey(), world.usdc);
        world.token_account(&owner.pubkey(), second_mint);
    }
    for owner in [&customer, &listing.wallet] {
        world.second_account(&owner.pubkey());
    }
    Side {
        customer,
        matcher,
        listing,
        staker,
        newcomer,
        idle,
        attestor,
    }
}

impl Crowd {
    fn of(mut world: World, market: Option<Keypair>, second_mint: MintRef) -> Self {
        let sides = Rc::new([1, 2].map(|device| side(&mut world, device, second_mint)));
        Self {
            world: with_impostor(world),
            sides,
            market: market.map(Rc::new),
            second_mint,
        }
    }

    /// The whole market, with a bystander's open job in another mint.
    pub(crate) fn trading() -> Self {
        let mut world = World::new();
        let second_mint = MintRef {
            mint: world.create_mint(6),
            ..world.usdc
        };
        world.enable_mint(second_mint).expect("another mint");
        let usdc = std::mem::replace(&mut world.usdc, second_mint);
        let bystander = world.customer();
        world.open_default(&bystander);
        world.usdc = usdc;
        Self::of(world, None, second_mint)
    }

    /// Registry and staking, with the market's key in the test's hands.
    pub(crate) fn governed() -> Self {
        let (mut world, market) = World::with_market_key();
        let second_mint = MintRef {
            mint: world.create_mint(6),
            ..world.usdc
        };
        world.token_account(&market.pubkey(), world.stake);
        world.token_account(&market.pubkey(), world.usdc);
        Self::of(world, Some(market), second_mint)
    }

    /// The same crowd, which from here on goes its own way.
    pub(crate) fn fork(&self) -> Self {
        Self {
            world: self.world.fork(),
            sides: self.sides.clone(),
            market: self.market.clone(),
            second_mint: self.second_mint,
        }
    }

    /// Everybody's key.
    pub(crate) fn keys(&self) -> Vec<Keypair> {
        let sides = self.sides.iter().flat_map(|side| {
            [
                &side.customer,
                &side.matcher,
                &side.listing.wallet,
                &side.listing.node_key,
                &side.staker,
                &side.newcomer,
                &side.idle.0,
                &side.attestor,
            ]
        });
        let market = self.market.iter().map(Rc::as_ref);
        sides.chain(market).map(Keypair::insecure_clone).collect()
    }

    /// Pays `amount` of revenue to the stakers of `pool`, as the market does.
    pub(crate) fn share(&mut self, pool: &Pubkey, amount: u64) {
        let market = self.market.clone().expect("the market's key");
        self.world.pay_revenue(pool, amount);
        let deposit = market_side::deposit_rewards(&market.pubkey(), pool, amount);
        self.world.send(&[deposit], &[&market]).expect("revenue");
    }

    /// Mints `amount` of dust to a token account.
    pub(crate) fn dust(&mut self, account: &Pubkey, mint: MintRef, amount: u64) {
        let authority = self.world.authority.insecure_clone();
        let dust = token::mint_to(&mint.mint, &authority.pubkey(), account, amount, &mint.token_program);
        self.world.send(&[dust], &[&authority]).expect("dust");
    }
}

/// Whether `owner` is one of the programs whose accounts these are.
pub(crate) fn is_ours(owner: &Pubkey) -> bool {
    [registry::ID, staking::ID, gantry_sdk::market::ID].contains(owner)
}
