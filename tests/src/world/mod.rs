//! A market in LiteSVM: the three programs as built for the chain, mints, wallets and a clock that the test moves.

mod actors;
mod checks;
mod guards;
mod judgement;
pub mod market_side;
mod refusal;
mod running;
mod stakers;

pub use actors::{Listing, job_args};
pub use guards::{State, assert_error, swapped, unsigned};
pub use refusal::{Outcome, Refusal, assert_refused};

use gantry_sdk::{
    Instruction, Keypair, Pubkey, Signer,
    core::receipt::Receipt,
    ix::{self, MintRef, NetworkArgs, SlaCreditArgs, StakeTokens, StakingRules, TermsArgs, token},
    market::{self, accounts::Job},
    pda, registry, staking,
    state::{AnyEvent, decode_account, decode_logs},
};
use litesvm::LiteSVM;
use solana_clock::Clock;
use solana_message::Message;
use solana_transaction::Transaction;
use std::path::PathBuf;

/// Genesis hash that receipts of this market name.
pub const GENESIS_HASH: [u8; 32] = [7; 32];
/// When the clock starts, Unix seconds.
pub const START_TIME: i64 = 1_800_000_000;
/// One token, in base units: both mints have six decimals.
pub const TOKEN: u64 = 1_000_000;
/// Seconds of the dispute window.
pub const DISPUTE_WINDOW: i64 = 60;

/// A market to test against.
pub struct World {
    /// The virtual machine.
    pub svm: LiteSVM,
    /// The network's authority; also mints tokens and owns the treasury.
    pub authority: Keypair,
    /// The network's guardian.
    pub guardian: Keypair,
    /// Pays every fee and rent.
    pub payer: Keypair,
    /// The mint that jobs pay in.
    pub usdc: MintRef,
    /// The mint of the stake.
    pub stake: MintRef,
    /// The council.
    pub arbiters: [Keypair; 3],
}

/// A built program, as `cargo xtask programs build` leaves it, or of the folder that `GANTRY_PROGRAMS_DIR` names.
fn program_file(name: &str) -> PathBuf {
    let built = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/deploy");
    let folder = std::env::var_os("GANTRY_PROGRAMS_DIR").map_or_else(built, PathBuf::from);
    let file = folder.join(name).with_extension("so");
    assert!(
        file.exists(),
        "{} is missing: run `cargo xtask programs build`",
        file.display()
    );
    file
}

/// The terms that the tests run by.
pub fn terms() -> TermsArgs {
    let step = |shortfall_bps, credit_bps| SlaCreditArgs {
        shortfall_bps,
        credit_bps,
    };
    TermsArgs {
        dispute_bond: TOKEN,
        bond_ratio_bps: 5_000,
        dispute_window: DISPUTE_WINDOW as u32,
        min_start_deadline: 5,
        max_start_deadline: 600,
        min_proof_timeout: 5,
        max_proof_timeout: 600,
        arbitration_timeout: 600,
        max_duration: 30 * 24 * 3_600,
        open_timeout: 24 * 3_600,
        fee_bps: 200,
        matcher_fee_bps: 50,
        sla: [step(100, 1_000), step(500, 2_500), step(1_000, 5_000)],
    }
}

/// The rules that staking runs by in the tests.
pub fn staking_rules() -> StakingRules {
    StakingRules {
        unbonding_seconds: 2_000,
        commission_notice_seconds: 3_600,
        minimum_pool_stake: 100 * TOKEN,
        minimum_position_stake: TOKEN,
        slash_customer_bps: 5_000,
        slash_reporter_bps: 1_000,
    }
}

impl World {
    /// The programs, the mints and funded wallets; nothing is initialized.
    pub fn bare() -> Self {
        let mut svm = LiteSVM::new();
        for (id, name) in [
            (registry::ID, "registry"),
            (staking::ID, "staking"),
            (market::ID, "market"),
        ] {
            svm.add_program_from_file(id, program_file(name))
                .expect("a program that loads");
        }
        let mut clock = svm.get_sysvar::<Clock>();
        clock.unix_timestamp = START_TIME;
        svm.set_sysvar(&clock);
        let mint = || MintRef {
            mint: Keypair::new().pubkey(),
            token_program: token::TOKEN_PROGRAM,
        };
        let mut world = Self {
            svm,
            authority: Keypair::new(),
            guardian: Keypair::new(),
            payer: Keypair::new(),
            usdc: mint(),
            stake: mint(),
            arbiters: [Keypair::new(), Keypair::new(), Keypair::new()],
        };
        world
            .svm
            .airdrop(&world.payer.pubkey(), 1_000_000_000_000)
            .expect("an airdrop");
        world.usdc.mint = world.create_mint(6);
        world.stake.mint = world.create_mint(6);
        world
    }

    /// A market that is ready for jobs.
    pub fn new() -> Self {
        let mut world = Self::bare();
        world.initialize_network().expect("the network");
        world.initialize_staking().expect("staking");
        world.initialize_market(terms()).expect("the market");
        world.enable_mint(world.usdc).expect("the mint");
        world
    }

    /// Arguments that create this world's network.
    pub fn network_args(&self) -> NetworkArgs {
        let mut arbiters = [Pubkey::default(); 9];
        for (place, arbiter) in arbiters.iter_mut().zip(&self.arbiters) {
            *place = arbiter.pubkey();
        }
        NetworkArgs {
            authority: self.authority.pubkey(),
            guardian: self.guardian.pubkey(),
            market_authority: pda::market_authority(),
            arbiters,
            arbiter_count: 3,
            arbiter_threshold: 2,
            timelock_seconds: 3_600,
        }
    }

    /// Creates the network.
    pub fn initialize_network(&mut self) -> Result<Outcome, Refusal> {
        let instruction = ix::initialize_network(&self.payer.pubkey(), self.network_args());
        self.send(&[instruction], &[])
    }

    /// Sets staking up with [`staking_rules`].
    pub fn initialize_staking(&mut self) -> Result<Outcome, Refusal> {
        let treasury = self.token_account(&self.authority.pubkey(), self.stake);
        let instruction = ix::initialize_staking(
            &self.authority.pubkey(),
            &self.payer.pubkey(),
            &self.stake.mint,
            &treasury,
            &self.stake.token_program,
            staking_rules(),
        );
        let authority = self.authority.insecure_clone();
        self.send(&[instruction], &[&authority])
    }

    /// Creates the market with `terms`.
    pub fn initialize_market(&mut self, terms: TermsArgs) -> Result<Outcome, Refusal> {
        let authority = self.authority.insecure_clone();
        let instruction = ix::initialize_market(&authority.pubkey(), &self.payer.pubkey(), GENESIS_HASH, terms);
        self.send(&[instruction], &[&authority])
    }

    /// Admits `mint` for jobs, at parity with the stake.
    pub fn enable_mint(&mut self, mint: MintRef) -> Result<Outcome, Refusal> {
        let authority = self.authority.insecure_clone();
        let treasury = self.token_account(&authority.pubkey(), mint);
        let payer = self.payer.pubkey();
        let instruction = ix::enable_mint(&authority.pubkey(), &payer, mint, &treasury, 1_000, 1 << 32);
        self.send(&[instruction], &[&authority])
    }

    /// Sends a transaction that `self.payer` and `signers` sign.
    pub fn send(&mut self, instructions: &[Instruction], signers: &[&Keypair]) -> Result<Outcome, Refusal> {
        let mut keys = vec![&self.payer];
        for signer in signers {
            if keys.iter().all(|key| key.pubkey() != signer.pubkey()) {
                keys.push(signer);
            }
        }
        let message = Message::new(instructions, Some(&self.payer.pubkey()));
        let transaction = Transaction::new(&keys, message, self.svm.latest_blockhash());
        let result = self.svm.send_transaction(transaction);
        // The same instructions again are another transaction.
        self.svm.expire_blockhash();
        match result {
            Ok(meta) => Ok(Outcome {
                compute_units: meta.compute_units_consumed,
                events: decode_logs(&meta.logs)
                    .into_iter()
                    .map(|emitted| emitted.event)
                    .collect(),
                logs: meta.logs,
            }),
            Err(failure) => Err(Refusal::from(failure)),
        }
    }

    /// The chain's clock, Unix seconds.
    pub fn now(&self) -> i64 {
        self.svm.get_sysvar::<Clock>().unix_timestamp
    }

    /// Moves the clock ahead.
    pub fn advance(&mut self, seconds: i64) {
        let mut clock = self.svm.get_sysvar::<Clock>();
        clock.unix_timestamp += seconds;
        clock.slot += (seconds as u64).max(1) * 2;
        self.svm.set_sysvar(&clock);
    }

    /// An account of one of the programs; `None` when it does not exist.
    pub fn account<T>(&self, address: &Pubkey) -> Option<T>
    where
        T: anchor_lang::AnchorDeserialize + anchor_lang::Discriminator,
    {
        let account = self.svm.get_account(address).filter(|account| account.lamports > 0)?;
        Some(decode_account(&account.data).expect("an account of this type"))
    }

    /// A job that exists.
    pub fn job(&self, address: &Pubkey) -> Job {
        self.account(address).expect("a job")
    }

    /// Creates a mint of `self.authority`.
    pub fn create_mint(&mut self, decimals: u8) -> Pubkey {
        let mint = Keypair::new();
        let rent = self.svm.minimum_balance_for_rent_exemption(token::MINT_LEN);
        let (payer, authority) = (self.payer.pubkey(), self.authority.pubkey());
        let instructions = token::create_mint(
            &payer,
            &mint.pubkey(),
            &authority,
            decimals,
            rent,
            &token::TOKEN_PROGRAM,
        );
        self.send(&instructions, &[&mint]).expect("a mint");
        mint.pubkey()
    }

    /// The associated token account of `owner`, created if need be.
    pub fn token_account(&mut self, owner: &Pubkey, mint: MintRef) -> Pubkey {
        let payer = self.payer.pubkey();
        let create = token::create_associated_account(&payer, owner, &mint.mint, &mint.token_program);
        self.send(&[create], &[]).expect("a token account");
        pda::associated_token(owner, &mint.mint, &mint.token_program)
    }

    /// Mints `amount` to the associated token account of `owner`.
    pub fn fund(&mut self, owner: &Pubkey, mint: MintRef, amount: u64) -> Pubkey {
        let account = self.token_account(owner, mint);
        let authority = self.authority.insecure_clone();
        let mint_to = token::mint_to(&mint.mint, &authority.pubkey(), &account, amount, &mint.token_program);
        self.send(&[mint_to], &[&authority]).expect("tokens");
        account
    }

    /// Base units in a token account; 0 when it does not exist.
    pub fn balance(&self, account: &Pubkey) -> u64 {
        let data = self
            .svm
            .get_account(account)
            .map(|account| account.data)
            .unwrap_or_default();
        data.get(64..72)
            .map_or(0, |amount| u64::from_le_bytes(amount.try_into().expect("eight bytes")))
    }

    /// Base units of `mint` in the associated token account of `owner`.
    pub fn balance_of(&self, owner: &Pubkey, mint: MintRef) -> u64 {
        self.balance(&pda::associated_token(owner, &mint.mint, &mint.token_program))
    }

    /// Stake mint and treasury.
    pub fn stake_tokens(&self) -> StakeTokens {
        let params: staking::accounts::StakingParams = self.account(&pda::staking_params()).expect("staking's rules");
        StakeTokens::from(&params)
    }

    /// A receipt about `job` as it stands: its assignment, this market, issued now.
    pub fn receipt(&self, job: &Pubkey, sequence: u64, served_seconds: u64) -> Receipt {
        Receipt {
            genesis_hash: GENESIS_HASH,
            market: market::ID.to_bytes(),
            job: job.to_bytes(),
            assignment: self.job(job).assignment,
            sequence,
            served_seconds,
            issued_at: self.now(),
            status: gantry_sdk::core::receipt::ReceiptStatus::Running,
            exit_code: 0,
            output_digest: [0; 32],
        }
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

/// The one event of a kind in an outcome.
pub fn find_event<T>(outcome: &Outcome, pick: impl Fn(&AnyEvent) -> Option<T>) -> T {
    let mut found = outcome.events.iter().filter_map(pick);
    let event = found
        .next()
        .unwrap_or_else(|| panic!("no such event in {:?}", outcome.events));
    assert!(
        found.next().is_none(),
        "more than one such event in {:?}",
        outcome.events
    );
    event
}
