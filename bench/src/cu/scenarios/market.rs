//! The market's instructions, and the set-up of all three programs.

use anyhow::Result;
use gantry_sdk::{
    Keypair, Pubkey, Signer,
    core::receipt::ReceiptStatus,
    ix::{self, MintRef},
    market::accounts::Customer,
    pda,
};
use gantry_tests::world::{DISPUTE_WINDOW, Listing, World, job_args, terms};

use super::{Meter, measure, ok};

/// Accounts that a history makes for their addresses' sake.
const MINTS: usize = 42;
const CUSTOMERS: usize = 14;
const DISPUTES: usize = 7;
const CONVICTIONS: usize = 4;
/// Jobs that each of them opens after its first.
const MORE_JOBS: usize = 2;

/// A market that is ready for jobs.
pub(super) fn set_up(meter: &mut Meter) -> Result<World> {
    let mut world = World::bare();
    meter.note("initialize_network", world.initialize_network())?;
    meter.note("initialize_staking", world.initialize_staking())?;
    meter.note("initialize_market", world.initialize_market(terms()))?;
    ok(world.enable_mint(world.usdc))?;
    Ok(world)
}

/// Terms and mints. Leaves those in force that were.
pub(super) fn rules(meter: &mut Meter, world: &mut World) -> Result<()> {
    let authority = world.authority.insecure_clone();
    meter.note("propose_terms", world.propose_terms(terms()))?;
    let cancel = ix::cancel_terms(&authority.pubkey());
    measure(meter, world, "cancel_terms", cancel, &[&authority])?;
    ok(world.propose_terms(terms()))?;
    world.advance(i64::from(world.network_args().timelock_seconds));
    meter.note("apply_terms", world.apply_terms())?;

    for _ in 0..MINTS {
        let mint = MintRef {
            mint: world.create_mint(6),
            ..world.usdc
        };
        let treasury = world.token_account(&authority.pubkey(), mint);
        let payer = world.payer.pubkey();
        let enable = ix::enable_mint(&authority.pubkey(), &payer, mint, &treasury, 1_000, 1 << 32);
        measure(meter, world, "enable_mint", enable, &[&authority])?;
    }
    let update = ix::update_mint(&authority.pubkey(), &world.usdc.mint, true, 1_000, 1 << 32);
    measure(meter, world, "update_mint", update, &[&authority])
}

/// Who takes part in a history.
struct Cast {
    customer: Keypair,
    matcher: Keypair,
    listing: Listing,
}

impl Cast {
    /// The provider shares its revenue with its stakers.
    fn new(world: &mut World) -> Self {
        Self {
            customer: world.customer(),
            matcher: world.wallet(),
            listing: world.list_node_with(world.node_args(), 2_000),
        }
    }

    fn assigned(&self, world: &mut World) -> Result<Pubkey> {
        let job = world.open_default(&self.customer);
        ok(world.assign(&self.matcher, &job, &self.listing.node))?;
        Ok(job)
    }

    fn running(&self, world: &mut World) -> Result<Pubkey> {
        let job = self.assigned(world)?;
        ok(world.start(&job, &self.listing))?;
        Ok(job)
    }

    /// With 50 seconds proven.
    fn proven(&self, world: &mut World) -> Result<Pubkey> {
        let job = self.running(world)?;
        world.advance(50);
        ok(world.prove(&job, &self.listing, 1, 50))?;
        Ok(job)
    }
}

pub(super) fn histories(meter: &mut Meter, world: &mut World) -> Result<()> {
    opening(meter, world)?;
    lifecycle(meter, world)?;
    running(meter, world)?;
    failing(meter, world)?;
    judging(meter, world)
}

/// Jobs that are opened and cancelled.
fn opening(meter: &mut Meter, world: &mut World) -> Result<()> {
    for _ in 0..CUSTOMERS {
        let customer = world.customer();
        for place in 0..=MORE_JOBS {
            let id = world
                .account::<Customer>(&pda::customer(&customer.pubkey()))
                .map_or(0, |account| account.next_job_id);
            let name = match place {
                0 => "open_job (a customer's first)",
                _ => "open_job",
            };
            meter.note(name, world.open(&customer, job_args(id)))?;
            let job = pda::job(&customer.pubkey(), id);
            meter.note("cancel_job", world.cancel(&customer, &job))?;
        }
    }
    Ok(())
}

/// A job like most: its customer has opened one before, and the provider shares its revenue with its stakers.
fn lifecycle(meter: &mut Meter, world: &mut World) -> Result<()> {
    let cast = Cast::new(world);
    let Cast {
        customer,
        matcher,
        listing,
    } = &cast;
    ok(world.open(customer, job_args(0)))?;
    meter.note("open_job", world.open(customer, job_args(1)))?;
    let job = pda::job(&customer.pubkey(), 1);
    meter.note("assign_job", world.assign(matcher, &job, &listing.node))?;
    meter.note("start_job", world.start(&job, listing))?;
    let rent = [job, pda::vault(&job)]
        .iter()
        .filter_map(|account| world.svm.get_account(account))
        .map(|account| account.lamports)
        .sum();
    meter.note_rent(rent);
    world.advance(100);
    let proof = world.finish(&job, listing, 1, 100, ReceiptStatus::Completed);
    meter.note("submit_proof", proof)?;
    world.advance(DISPUTE_WINDOW);
    meter.note("settle_job", world.settle(&job))
}

/// What may happen to a job that goes well.
fn running(meter: &mut Meter, world: &mut World) -> Result<()> {
    let cast = Cast::new(world);
    let Cast { customer, listing, .. } = &cast;
    let job = cast.proven(world)?;
    meter.note("top_up_job", world.top_up(customer, &job, 100))?;
    meter.note("acknowledge", world.acknowledge(customer, &job, 40))?;
    // The accounts that it pays to are made before.
    let claim = world.claim_job_instruction(&job);
    measure(meter, world, "claim", claim, &[])?;
    meter.note("end_job", world.end_job(listing, &job))?;
    meter.note("stop_job", world.stop(customer, &job))?;

    let job = cast.running(world)?;
    world.advance(100);
    ok(world.finish(&job, listing, 1, 100, ReceiptStatus::Completed))?;
    meter.note("accept_result", world.accept(customer, &job))
}

/// What may happen to one whose node fails.
fn failing(meter: &mut Meter, world: &mut World) -> Result<()> {
    let cast = Cast::new(world);
    let job = cast.assigned(world)?;
    meter.note("decline_assignment", world.decline(&cast.listing, &job))?;

    let job = cast.assigned(world)?;
    world.advance(31);
    let expire = world.expire_instruction(&cast.matcher.pubkey(), &job);
    measure(meter, world, "expire_assignment", expire, &[&cast.matcher])?;

    let cast = Cast::new(world);
    let job = cast.proven(world)?;
    world.advance(61);
    meter.note("report_lapse", world.report_lapse(&job))?;
    // More than half of its bill of 25,000, which is what the SLA leaves it: the bond pays the rest.
    world.claimed(&job, 20_000);
    world.advance(DISPUTE_WINDOW);
    let reporter = world.reporter();
    let settle = world.settle_with_slash_instruction(&job, &reporter);
    measure(meter, world, "settle_with_slash", settle, &[])
}

/// A dispute, and a conviction.
fn judging(meter: &mut Meter, world: &mut World) -> Result<()> {
    let cast = Cast::new(world);
    for _ in 0..DISPUTES {
        let job = cast.proven(world)?;
        meter.note("dispute_job", world.dispute(&cast.customer, &job))?;
        for arbiter in 0..2 {
            meter.note("vote", world.vote(arbiter, &job, 5_000, 5_000))?;
        }
        let reporter = world.reporter();
        let resolve = world.resolve_instruction(&job, &reporter);
        measure(meter, world, "resolve_dispute", resolve, &[])?;
    }

    for _ in 0..CONVICTIONS {
        let cast = Cast::new(world);
        let job = cast.proven(world)?;
        let receipts = [world.receipt(&job, 2, 40), world.receipt(&job, 2, 50)];
        let conviction = world.conviction(&job, receipts.each_ref(), &cast.listing.node_key);
        meter.note("slash_equivocation", world.send(&conviction, &[]))?;
    }
    Ok(())
}
