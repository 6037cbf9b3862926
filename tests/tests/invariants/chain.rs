//! The real programs in LiteSVM, with the cast's keys.

use super::{
    cast::{
        ARBITERS, ATTESTOR, AUTHORITY, COINS, Coin, GUARDIAN, JUNIOR_ATTESTOR, KEEPER, PAYER, Purse, Subject, WALLETS,
        Who, address, keypair,
    },
    model::PURSES,
    rules::{MINIMUM_PRICE, PROFILES, Rules, THRESHOLD, TIMELOCK},
};
use gantry_sdk::{
    Instruction, Pubkey, Signer, errors,
    ix::{
        self, NetworkArgs,
        token::{self, MINT_LEN},
    },
    state::AnyEvent,
};
use gantry_tests::world::{GENESIS_HASH, START_TIME, World};
use litesvm::LiteSVM;
use solana_account::ReadableAccount;
use solana_clock::Clock;
use solana_instruction::error::InstructionError;
use solana_message::Message;
use solana_transaction::Transaction;
use solana_transaction_error::TransactionError;
use std::cell::RefCell;

/// A market on the chain.
pub(crate) struct Chain {
    svm: LiteSVM,
}

/// Why a transaction was refused.
pub(crate) struct Refusal {
    /// The name of the error, [`super::model::RUNTIME`] where it is none of the three programs'.
    pub(crate) name: &'static str,
    pub(crate) error: TransactionError,
    pub(crate) logs: Vec<String>,
}

/// `members` as the council's nine places.
pub(crate) fn places(members: &[Who]) -> [Pubkey; 9] {
    let mut places = [Pubkey::default(); 9];
    for (place, member) in places.iter_mut().zip(members) {
        *place = address(*member);
    }
    places
}

/// A market under rules number `profile`, with everybody's token accounts. The same each time.
fn build(profile: u64) -> LiteSVM {
    let rules = Rules::of(profile);
    let mut world = World::bare();
    world.authority = keypair(AUTHORITY).insecure_clone();
    world.guardian = keypair(GUARDIAN).insecure_clone();
    world.payer = keypair(PAYER).insecure_clone();
    world.stake = Coin::Stake.mint();
    world.usdc = Coin::Usdc.mint();
    let (payer, authority) = (address(PAYER), address(AUTHORITY));
    world.svm.airdrop(&payer, 500_000_000_000_000).expect("an airdrop");
    let rent = world.svm.minimum_balance_for_rent_exemption(MINT_LEN);
    for coin in COINS {
        let mint = coin.mint();
        let create = token::create_mint(&payer, &mint.mint, &authority, 6, rent, &mint.token_program);
        world.send(&create, &[coin.key()]).expect("a mint");
        for who in (0..=KEEPER).filter(|who| *who != GUARDIAN) {
            let amount = PURSES.get(usize::from(who)).copied().unwrap_or(0);
            world.fund(&address(who), mint, amount);
        }
        world.token_account(&address(GUARDIAN), mint);
    }
    let network = NetworkArgs {
        arbiters: places(&ARBITERS),
        arbiter_count: ARBITERS.len() as u8,
        arbiter_threshold: THRESHOLD,
        timelock_seconds: TIMELOCK,
        ..world.network_args()
    };
    let signer = keypair(AUTHORITY);
    let treasury = |coin: Coin| Purse::Own(AUTHORITY, coin).at();
    let stake = Coin::Stake.mint();
    let mut setup = vec![
        ix::initialize_network(&payer, network),
        ix::initialize_staking(
            &authority,
            &payer,
            &stake.mint,
            &treasury(Coin::Stake),
            &stake.token_program,
            rules.staking,
        ),
        ix::initialize_market(&authority, &payer, GENESIS_HASH, rules.terms),
        ix::add_attestor(&authority, &payer, &address(ATTESTOR), 3, 0b11_1111),
        ix::add_attestor(&authority, &payer, &address(JUNIOR_ATTESTOR), 1, 0b11),
    ];
    for (coin, rate) in [Coin::Usdc, Coin::Usd22].into_iter().zip(rules.rates) {
        let treasury = treasury(coin);
        setup.push(ix::enable_mint(
            &authority,
            &payer,
            coin.mint(),
            &treasury,
            MINIMUM_PRICE,
            rate,
        ));
    }
    for instruction in setup {
        let signers: &[_] = if instruction.accounts.iter().any(|meta| meta.pubkey == signer.pubkey()) {
            &[signer]
        } else {
            &[]
        };
        let done = world.send(std::slice::from_ref(&instruction), signers);
        done.unwrap_or_else(|refusal| panic!("{instruction:?}: {refusal:?}"));
    }
    for subject in [
        Subject::Network,
        Subject::Rules,
        Subject::Mint(Coin::Usdc),
        Subject::Mint(Coin::Usd22),
    ] {
        subject.at();
    }
    for who in 0..WALLETS {
        Subject::Provider(who).at();
    }
    // Who signs is part of the message; the signatures themselves are the runtime's affair, and cost most of the time.
    // Receipts are verified by the precompile all the same. A transaction may come twice.
    world
        .svm
        .with_sigverify(false)
        .with_blockhash_check(false)
        .with_transaction_history(0)
}

thread_local! {
    static BUILT: RefCell<[Option<LiteSVM>; PROFILES as usize]> = const { RefCell::new([const { None }; PROFILES as usize]) };
}

impl Chain {
    /// A market under rules number `profile`.
    pub(crate) fn new(profile: u64) -> Self {
        let svm = BUILT.with_borrow_mut(|built| built[profile as usize].get_or_insert_with(|| build(profile)).clone());
        Self { svm }
    }

    pub(crate) fn start() -> i64 {
        START_TIME
    }

    pub(crate) fn advance(&mut self, seconds: i64) {
        let mut clock = self.svm.get_sysvar::<Clock>();
        clock.unix_timestamp += seconds;
        clock.slot += 1;
        self.svm.set_sysvar(&clock);
    }

    /// Sends `instructions`, under whatever keys they name as signers; gives the events.
    pub(crate) fn send(&mut self, instructions: &[Instruction]) -> Result<Vec<String>, Refusal> {
        let message = Message::new(instructions, Some(&address(PAYER)));
        let transaction = Transaction::new_unsigned(message);
        match self.svm.send_transaction(transaction) {
            Ok(meta) => Ok(meta.logs),
            Err(failure) => {
                let known = match failure.err {
                    TransactionError::InstructionError(_, InstructionError::Custom(code)) => errors::lookup(code),
                    _ => None,
                };
                Err(Refusal {
                    name: known.map_or(super::model::RUNTIME, |known| known.name.as_str()),
                    error: failure.err,
                    logs: failure.meta.logs,
                })
            }
        }
    }

    /// The data of the account at `address`, where there is one that a program owns.
    pub(crate) fn data(&self, address: &Pubkey) -> Option<&[u8]> {
        let account = self.svm.accounts_db().get_account_ref(address)?;
        (account.lamports() > 0 && *account.owner() != ix::SYSTEM_PROGRAM).then(|| account.data())
    }
}

/// The settlement that `logs` announce.
pub(crate) fn settlement(logs: &[String]) -> Option<gantry_sdk::market::events::JobSettled> {
    let events = gantry_sdk::state::decode_logs(logs);
    events.into_iter().find_map(|emitted| match emitted.event {
        AnyEvent::JobSettled(event) => Some(event),
        _ => None,
    })
}
