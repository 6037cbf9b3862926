//! Those who take part, each with what the tests need of them.

use super::{Outcome, Refusal, TOKEN, World};
use gantry_sdk::{
    Instruction, Keypair, Pubkey, Signer,
    core::receipt::{Receipt, ReceiptStatus},
    ix::{self, AttestArgs, JobArgs, NodeArgs},
    market::accounts::{Customer, PaymentMint},
    pda, receipt,
    registry::accounts::{Node, Provider},
};

/// A provider with one listed node and stake behind it.
#[derive(Debug)]
pub struct Listing {
    /// The provider's wallet.
    pub wallet: Keypair,
    /// The node's key.
    pub node_key: Keypair,
    /// The provider account.
    pub provider: Pubkey,
    /// The node account.
    pub node: Pubkey,
    /// The pool account.
    pub pool: Pubkey,
}

/// A job that any node of [`World::list_node`] fits: at most 3.6 tokens an hour for 1,000 seconds, a deposit of 1 token.
pub fn job_args(id: u64) -> JobArgs {
    JobArgs {
        id,
        max_price_per_hour: 3_600_000,
        spec_hash: [9; 32],
        node: Pubkey::default(),
        matcher: Pubkey::default(),
        max_duration: 1_000,
        start_deadline: 30,
        proof_timeout: 60,
        disk_gib: 0,
        mbps: 0,
        gpu_models: [0; 4],
        countries: [[0; 2]; 8],
        vram_gib: 0,
        ram_gib: 0,
        flags: 0,
        reputation_bps: 0,
        sla_uptime_bps: 9_900,
        gpu_count: 0,
        tier: 0,
    }
}

impl World {
    /// What a node is listed with unless a test says otherwise: one GPU of model 7 in Germany at 1.8 tokens an hour.
    pub fn node_args(&self) -> NodeArgs {
        NodeArgs {
            price_mint: self.usdc.mint,
            price_per_hour: 1_800_000,
            disk_gib: 500,
            mbps: 1_000,
            gpu_model: 7,
            vram_gib: 24,
            cpu_cores: 16,
            ram_gib: 64,
            country: *b"DE",
            gpu_count: 1,
        }
    }

    /// A provider with a node as `args` say, 1,000 tokens of stake and a commission of `commission_bps`.
    pub fn list_node_with(&mut self, args: NodeArgs, commission_bps: u16) -> Listing {
        let (wallet, node_key) = (Keypair::new(), Keypair::new());
        let provider = pda::provider(&wallet.pubkey());
        let pool = pda::pool(&provider);
        let payer = self.payer.pubkey();
        let source = self.fund(&wallet.pubkey(), self.stake, 1_000 * TOKEN);
        let owner = wallet.pubkey();
        let register = [
            ix::register_provider(&owner, &payer, &owner, [0; 32]),
            ix::register_node(&owner, &payer, &node_key.pubkey(), args),
        ];
        self.send(&register, &[&wallet, &node_key]).expect("a listed node");
        let stake = [
            ix::create_pool(&owner, &payer, self.stake, self.usdc, commission_bps),
            ix::stake(&owner, &payer, &pool, self.stake, &source, 1_000 * TOKEN),
        ];
        self.send(&stake, &[&wallet]).expect("a pool with stake");
        let node = pda::node(&provider, &node_key.pubkey());
        Listing {
            wallet,
            node_key,
            provider,
            node,
            pool,
        }
    }

    /// A provider with a node as [`World::node_args`] has it, which keeps all its revenue.
    pub fn list_node(&mut self) -> Listing {
        self.list_node_with(self.node_args(), 10_000)
    }

    /// Admits an attestor for every tier and flag.
    pub fn attestor(&mut self) -> Keypair {
        let attestor = Keypair::new();
        let authority = self.authority.insecure_clone();
        let add = ix::add_attestor(
            &authority.pubkey(),
            &self.payer.pubkey(),
            &attestor.pubkey(),
            3,
            0b11_1111,
        );
        self.send(&[add], &[&authority]).expect("an attestor");
        attestor
    }

    /// Has `attestor` vouch for `node`.
    pub fn attest(&mut self, attestor: &Keypair, node: &Pubkey, args: AttestArgs) -> Result<Outcome, Refusal> {
        let attest = ix::attest(&attestor.pubkey(), &self.payer.pubkey(), node, args);
        self.send(&[attest], &[attestor])
    }

    /// A customer with 100 tokens.
    pub fn customer(&mut self) -> Keypair {
        let customer = Keypair::new();
        self.fund(&customer.pubkey(), self.usdc, 100 * TOKEN);
        customer
    }

    /// A wallet that can be paid in both mints.
    pub fn wallet(&mut self) -> Keypair {
        let wallet = Keypair::new();
        self.token_account(&wallet.pubkey(), self.usdc);
        self.token_account(&wallet.pubkey(), self.stake);
        wallet
    }

    /// The instruction that opens a job of `customer`.
    pub fn open_instruction(&self, customer: &Keypair, args: JobArgs) -> Instruction {
        let wallet = customer.pubkey();
        let source = pda::associated_token(&wallet, &self.usdc.mint, &self.usdc.token_program);
        ix::open_job(&wallet, &self.payer.pubkey(), self.usdc, &source, args)
    }

    /// Opens a job.
    pub fn open(&mut self, customer: &Keypair, args: JobArgs) -> Result<Outcome, Refusal> {
        let instruction = self.open_instruction(customer, args);
        self.send(&[instruction], &[customer])
    }

    /// Opens [`job_args`] under the customer's next id and says where it is.
    pub fn open_default(&mut self, customer: &Keypair) -> Pubkey {
        let id = self
            .account::<Customer>(&pda::customer(&customer.pubkey()))
            .map_or(0, |c| c.next_job_id);
        self.open(customer, job_args(id)).expect("an open job");
        pda::job(&customer.pubkey(), id)
    }

    /// Pairs `job` with `node`.
    pub fn assign(&mut self, matcher: &Keypair, job: &Pubkey, node: &Pubkey) -> Result<Outcome, Refusal> {
        let account: Node = self.account(node).expect("a node");
        let instruction = ix::assign_job(&matcher.pubkey(), &self.job(job), node, &account);
        self.send(&[instruction], &[matcher])
    }

    /// Starts `job` with `receipt`, signed by `key`.
    pub fn start_with(&mut self, job: &Pubkey, receipt: &Receipt, key: &Keypair) -> Result<Outcome, Refusal> {
        let start = ix::start_job(&self.job(job));
        self.send(&[receipt::precompile_instruction(receipt, key), start], &[])
    }

    /// Starts `job` as its node should.
    pub fn start(&mut self, job: &Pubkey, listing: &Listing) -> Result<Outcome, Refusal> {
        let receipt = self.receipt(job, 0, 0);
        self.start_with(job, &receipt, &listing.node_key)
    }

    /// Submits `receipt`, signed by `key`.
    pub fn prove_with(&mut self, job: &Pubkey, receipt: &Receipt, key: &Keypair) -> Result<Outcome, Refusal> {
        let submit = ix::submit_proof(&self.job(job));
        self.send(&[receipt::precompile_instruction(receipt, key), submit], &[])
    }

    /// Proves `served` seconds of `job`.
    pub fn prove(&mut self, job: &Pubkey, listing: &Listing, sequence: u64, served: u64) -> Result<Outcome, Refusal> {
        let receipt = self.receipt(job, sequence, served);
        self.prove_with(job, &receipt, &listing.node_key)
    }

    /// Proves `served` seconds and ends `job` with `status`.
    pub fn finish(
        &mut self,
        job: &Pubkey,
        listing: &Listing,
        sequence: u64,
        served: u64,
        status: ReceiptStatus,
    ) -> Result<Outcome, Refusal> {
        let receipt = Receipt {
            status,
            output_digest: [5; 32],
            ..self.receipt(job, sequence, served)
        };
        self.prove_with(job, &receipt, &listing.node_key)
    }

    /// The instruction that settles `job`, with every token account it pays to in place.
    pub fn settle_instruction(&mut self, job: &Pubkey) -> Instruction {
        let account = self.job(job);
        let mint: PaymentMint = self.account(&pda::payment_mint(&account.mint)).expect("the mint");
        let provider: Provider = self.account(&account.provider).expect("the provider");
        for owner in [provider.payout_owner, account.matcher, account.customer] {
            self.token_account(&owner, self.usdc);
        }
        ix::settle_job(&account, &mint, &provider.payout_owner)
    }

    /// Settles `job`, with every token account it pays to in place.
    pub fn settle(&mut self, job: &Pubkey) -> Result<Outcome, Refusal> {
        let settle = self.settle_instruction(job);
        self.send(&[settle], &[])
    }

    /// The instruction with which `signer` cancels `job`.
    pub fn cancel_instruction(&self, signer: &Pubkey, job: &Pubkey) -> Instruction {
        let account = self.job(job);
        let mint: PaymentMint = self.account(&pda::payment_mint(&account.mint)).expect("the mint");
        let destination = pda::associated_token(&account.customer, &account.mint, &mint.token_program);
        ix::cancel_job(signer, &account, &mint, &destination)
    }

    /// Cancels `job` as `signer`.
    pub fn cancel(&mut self, signer: &Keypair, job: &Pubkey) -> Result<Outcome, Refusal> {
        let cancel = self.cancel_instruction(&signer.pubkey(), job);
        self.send(&[cancel], &[signer])
    }

    /// The instruction with which `reporter` takes `job` from its node, with every token account it pays to in place.
    pub fn expire_instruction(&mut self, reporter: &Pubkey, job: &Pubkey) -> Instruction {
        let account = self.job(job);
        self.token_account(&account.customer, self.stake);
        self.token_account(reporter, self.stake);
        ix::expire_assignment(reporter, &account, self.stake_tokens())
    }

    /// Takes `job` from its node as `reporter`.
    pub fn expire(&mut self, reporter: &Keypair, job: &Pubkey) -> Result<Outcome, Refusal> {
        let expire = self.expire_instruction(&reporter.pubkey(), job);
        self.send(&[expire], &[reporter])
    }

    /// Stops `job` as its customer.
    pub fn stop(&mut self, customer: &Keypair, job: &Pubkey) -> Result<Outcome, Refusal> {
        let stop = ix::stop_job(&self.job(job));
        self.send(&[stop], &[customer])
    }

    /// Accepts the result of `job` as its customer.
    pub fn accept(&mut self, customer: &Keypair, job: &Pubkey) -> Result<Outcome, Refusal> {
        let accept = ix::accept_result(&self.job(job));
        self.send(&[accept], &[customer])
    }

    /// Reports that `job` lapsed.
    pub fn report_lapse(&mut self, job: &Pubkey) -> Result<Outcome, Refusal> {
        let report = ix::report_lapse(&self.job(job));
        self.send(&[report], &[])
    }

    /// Pauses new jobs (1), assignments (2) or both (3) as the guardian.
    pub fn pause(&mut self, flags: u8) {
        let guardian = self.guardian.insecure_clone();
        let pause = ix::pause(&guardian.pubkey(), flags);
        self.send(&[pause], &[&guardian]).expect("a pause");
    }

    /// A job that a node has been assigned, with its customer, node and matcher.
    pub fn assigned(&mut self) -> (Pubkey, Keypair, Listing, Keypair) {
        let (customer, listing, matcher) = (self.customer(), self.list_node(), self.wallet());
        let job = self.open_default(&customer);
        self.assign(&matcher, &job, &listing.node).expect("an assignment");
        (job, customer, listing, matcher)
    }

    /// A job that runs.
    pub fn running(&mut self) -> (Pubkey, Keypair, Listing, Keypair) {
        let (job, customer, listing, matcher) = self.assigned();
        self.start(&job, &listing).expect("a start");
        (job, customer, listing, matcher)
    }

    /// A job that its node has completed in 100 seconds.
    pub fn completed(&mut self) -> (Pubkey, Keypair, Listing, Keypair) {
        let (job, customer, listing, matcher) = self.running();
        self.advance(100);
        self.finish(&job, &listing, 1, 100, ReceiptStatus::Completed)
            .expect("a final proof");
        (job, customer, listing, matcher)
    }
}
