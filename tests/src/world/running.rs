//! What may happen to a job between its assignment and its end, and to the market's rules meanwhile.

use super::{Listing, Outcome, Refusal, World};
use gantry_sdk::{
    Instruction, Keypair, Pubkey, Signer,
    ix::{self, TermsArgs},
    market::accounts::{Job, MarketParams, PaymentMint},
    pda,
    registry::accounts::Provider,
};

impl World {
    /// The market's rules.
    pub fn market_params(&self) -> MarketParams {
        self.account(&pda::market_params()).expect("the market's rules")
    }

    /// The market's account of the mint that `job` pays in.
    pub fn payment_mint(&self, job: &Job) -> PaymentMint {
        self.account(&pda::payment_mint(&job.mint)).expect("the mint")
    }

    /// Announces `terms` as the network's authority.
    pub fn propose_terms(&mut self, terms: TermsArgs) -> Result<Outcome, Refusal> {
        let authority = self.authority.insecure_clone();
        let propose = ix::propose_terms(&authority.pubkey(), terms);
        self.send(&[propose], &[&authority])
    }

    /// Puts the announced terms in force, as anyone.
    pub fn apply_terms(&mut self) -> Result<Outcome, Refusal> {
        self.send(&[ix::apply_terms()], &[])
    }

    /// A node whose provider keeps a fifth of its revenue, and a job that it runs.
    pub fn running_with_delegators(&mut self) -> (Pubkey, Keypair, Listing, Keypair) {
        let (customer, matcher) = (self.customer(), self.wallet());
        let listing = self.list_node_with(self.node_args(), 2_000);
        let job = self.open_default(&customer);
        self.assign(&matcher, &job, &listing.node).expect("an assignment");
        self.start(&job, &listing).expect("a start");
        (job, customer, listing, matcher)
    }

    /// The instruction that extends `job` from its customer's associated token account.
    pub fn top_up_instruction(&self, job: &Pubkey, seconds: u32) -> Instruction {
        let account = self.job(job);
        let mint = self.payment_mint(&account);
        let source = pda::associated_token(&account.customer, &account.mint, &mint.token_program);
        ix::top_up_job(&account, &mint, &source, seconds)
    }

    /// Extends `job` as its customer.
    pub fn top_up(&mut self, customer: &Keypair, job: &Pubkey, seconds: u32) -> Result<Outcome, Refusal> {
        let top_up = self.top_up_instruction(job, seconds);
        self.send(&[top_up], &[customer])
    }

    /// Releases `seconds` of `job` as its customer.
    pub fn acknowledge(&mut self, customer: &Keypair, job: &Pubkey, seconds: u32) -> Result<Outcome, Refusal> {
        let acknowledge = ix::acknowledge(&self.job(job), seconds);
        self.send(&[acknowledge], &[customer])
    }

    /// The instruction that pays what `job` has released, with the provider's token account in place.
    pub fn claim_job_instruction(&mut self, job: &Pubkey) -> Instruction {
        let account = self.job(job);
        let provider: Provider = self.account(&account.provider).expect("the provider");
        self.token_account(&provider.payout_owner, self.usdc);
        ix::claim(&account, &self.payment_mint(&account), &provider.payout_owner)
    }

    /// Pays what `job` has released, as anyone.
    pub fn claim_job(&mut self, job: &Pubkey) -> Result<Outcome, Refusal> {
        let claim = self.claim_job_instruction(job);
        self.send(&[claim], &[])
    }

    /// Gives `job` back as its node.
    pub fn decline(&mut self, listing: &Listing, job: &Pubkey) -> Result<Outcome, Refusal> {
        let decline = ix::decline_assignment(&listing.node_key.pubkey(), &self.job(job));
        self.send(&[decline], &[&listing.node_key])
    }

    /// Gives notice as the node of `job`.
    pub fn end_job(&mut self, listing: &Listing, job: &Pubkey) -> Result<Outcome, Refusal> {
        let end = ix::end_job(&listing.node_key.pubkey(), &self.job(job));
        self.send(&[end], &[&listing.node_key])
    }
}
