//! Disputes, convictions, claims and payees that cannot be paid.

use super::{Outcome, Refusal, World};
use gantry_sdk::{
    Instruction, Keypair, Pubkey, Signer,
    core::receipt::Receipt,
    ix,
    market::accounts::{Dispute, Job, PaymentMint},
    pda, receipt,
    registry::accounts::Provider,
};

/// Where a token account says whether it is frozen, and what it says.
const STATE: usize = 108;
const INITIALIZED: u8 = 1;
const FROZEN: u8 = 2;

impl World {
    /// The instruction with which the customer takes `job` to the council.
    pub fn dispute_instruction(&self, job: &Pubkey) -> Instruction {
        let account = self.job(job);
        let source = pda::associated_token(&account.customer, &self.usdc.mint, &self.usdc.token_program);
        let payer = self.payer.pubkey();
        ix::dispute_job(&payer, &account, &self.usdc.token_program, &source, [3; 32])
    }

    /// Takes `job` to the council as its `customer`.
    pub fn dispute(&mut self, customer: &Keypair, job: &Pubkey) -> Result<Outcome, Refusal> {
        let dispute = self.dispute_instruction(job);
        self.send(&[dispute], &[customer])
    }

    /// Has the arbiter at `place` vote on the dispute over `job`.
    pub fn vote(&mut self, place: usize, job: &Pubkey, share_bps: u16, slash_bps: u16) -> Result<Outcome, Refusal> {
        let arbiter = self.arbiters[place].insecure_clone();
        let vote = ix::vote(&arbiter.pubkey(), job, share_bps, slash_bps);
        self.send(&[vote], &[&arbiter])
    }

    /// Has the council decide on the dispute over `job`.
    pub fn decide(&mut self, job: &Pubkey, share_bps: u16, slash_bps: u16) {
        for place in 0..2 {
            self.vote(place, job, share_bps, slash_bps).expect("a vote");
        }
    }

    /// A token account in the stake mint that can be named as the reporter's.
    pub fn reporter(&mut self) -> Pubkey {
        self.token_account(&Keypair::new().pubkey(), self.stake)
    }

    /// The payout owner of the provider of `job`, with every token account in place that a settlement of it pays to.
    fn payees(&mut self, job: &Job) -> (PaymentMint, Pubkey) {
        let provider: Provider = self.account(&job.provider).expect("the provider");
        for owner in [provider.payout_owner, job.matcher, job.customer] {
            self.token_account(&owner, self.usdc);
        }
        self.token_account(&job.customer, self.stake);
        let mint = self.account(&pda::payment_mint(&job.mint)).expect("the mint");
        (mint, provider.payout_owner)
    }

    /// The instruction that resolves the dispute over `job`, with every token account that it pays to in place.
    pub fn resolve_instruction(&mut self, job: &Pubkey, reporter: &Pubkey) -> Instruction {
        let account = self.job(job);
        let dispute: Dispute = self.account(&pda::dispute(job)).expect("a dispute");
        let (mint, payout_owner) = self.payees(&account);
        let stake = self.stake_tokens();
        ix::resolve_dispute(&account, &dispute, &mint, &payout_owner, stake, reporter)
    }

    /// Resolves the dispute over `job`.
    pub fn resolve(&mut self, job: &Pubkey) -> Result<Outcome, Refusal> {
        let reporter = self.reporter();
        let resolve = self.resolve_instruction(job, &reporter);
        self.send(&[resolve], &[])
    }

    /// The instruction that settles `job` with a slash, with every token account that it pays to in place.
    pub fn settle_with_slash_instruction(&mut self, job: &Pubkey, reporter: &Pubkey) -> Instruction {
        let account = self.job(job);
        let (mint, payout_owner) = self.payees(&account);
        ix::settle_with_slash(&account, &mint, &payout_owner, self.stake_tokens(), reporter)
    }

    /// Has `job` be one whose node claimed `amount` while it ran: the vault has paid it out.
    pub fn claimed(&mut self, job: &Pubkey, amount: u64) {
        self.amend::<Job>(job, |job| job.paid_out += amount);
        let vault = pda::vault(job);
        let left = self.balance(&vault) - amount;
        self.overwrite(&vault, 64, &left.to_le_bytes());
    }

    /// Freezes a token account, as the authority of its mint could.
    pub fn freeze(&mut self, account: &Pubkey) {
        self.overwrite(account, STATE, &[FROZEN]);
    }

    /// Another token account of `owner` in the mint that jobs pay in, beside the associated one, at a fresh address.
    pub fn second_account(&mut self, owner: &Pubkey) -> Pubkey {
        let first = self.token_account(owner, self.usdc);
        let second = self.forge(&first, None);
        self.overwrite(&second, 64, &[0; 8]);
        self.overwrite(&second, STATE, &[INITIALIZED]);
        second
    }

    fn overwrite(&mut self, address: &Pubkey, at: usize, bytes: &[u8]) {
        let mut account = self.svm.get_account(address).expect("an account");
        account.data[at..at + bytes.len()].copy_from_slice(bytes);
        self.svm.set_account(*address, account).expect("an account");
    }

    /// Has an account be closed, as its program could.
    pub fn vanish(&mut self, address: &Pubkey) {
        self.svm.set_account(*address, Default::default()).expect("an account");
    }

    /// The transaction that convicts the node of `job` with two receipts, each signed by `key`.
    pub fn conviction(&mut self, job: &Pubkey, receipts: [&Receipt; 2], key: &Keypair) -> Vec<Instruction> {
        let (account, reporter) = (self.job(job), self.reporter());
        self.token_account(&account.customer, self.stake);
        let [one, other] = receipts.map(|receipt| receipt::precompile_instruction(receipt, key));
        let slash = ix::slash_equivocation(&account, self.stake_tokens(), &reporter);
        vec![one, other, slash]
    }

    /// Convicts the node of `job` with two receipts, each signed by `key`.
    pub fn convict(&mut self, job: &Pubkey, receipts: [&Receipt; 2], key: &Keypair) -> Result<Outcome, Refusal> {
        let instructions = self.conviction(job, receipts, key);
        self.send(&instructions, &[])
    }
}
