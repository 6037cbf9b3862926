//! The model and the chain, side by side.

use super::{Dispute, Job, Mint, Model, NodeStatus, Position, Status};
use crate::suite::{
    cast::{Coin, NodeRef, Subject, Who, address, device_hash, node_key_address, nowhere},
    chain::places,
};
use anchor_lang::{AnchorDeserialize, Discriminator};
use gantry_sdk::{Pubkey, ix::TermsArgs, market, market::types::Terms, registry, staking, state::decode_account};
use std::fmt::Debug;

/// What differs, one line each.
#[derive(Default)]
pub(crate) struct Differences(pub(crate) Vec<String>);

impl Differences {
    fn same<T: PartialEq + Debug>(&mut self, what: &str, chain: T, model: T) {
        if chain != model {
            self.0
                .push(format!("{what}: the chain has {chain:?}, the model {model:?}"));
        }
    }
}

fn read<T: AnchorDeserialize + Discriminator>(data: &[u8]) -> Result<T, String> {
    decode_account(data).map_err(|error| error.to_string())
}

/// Tokens in a token account.
pub(crate) fn amount(data: &[u8]) -> u64 {
    let bytes = data.get(64..72).and_then(|bytes| bytes.try_into().ok());
    bytes.map_or(0, u64::from_le_bytes)
}

fn or_nowhere<T>(value: Option<T>, at: impl Fn(T) -> Pubkey) -> Pubkey {
    value.map_or_else(nowhere, at)
}

impl Model {
    /// How `data` on the chain (`None` for no account) differs from what the model has of `subject`.
    pub(crate) fn compare(&self, subject: Subject, data: Option<&[u8]>) -> Result<(), String> {
        let known = match subject {
            Subject::Network | Subject::Rules => true,
            Subject::Mint(coin) => self.mints.contains_key(&coin),
            Subject::Dispute(job) => self.disputes.contains_key(&job),
            Subject::Provider(who) => self.providers.contains_key(&who),
            Subject::Node(node) => self.nodes.contains_key(&node),
            Subject::Device(device) => self.devices.contains_key(&device),
            Subject::Pool(who) => self.pools.contains_key(&who),
            Subject::Position(pool, who) => self.positions.contains_key(&(pool, who)),
            Subject::Customer(who) => self.customers.contains_key(&who),
            Subject::Job(job) => self.jobs.contains_key(&job),
            Subject::Purse(purse) => self.purses.contains_key(&purse),
        };
        let mut found = Differences::default();
        match data {
            Some(data) if known => self.fields(subject, data, &mut found)?,
            _ => found.same("exists", data.is_some(), known),
        }
        if found.0.is_empty() {
            return Ok(());
        }
        Err(format!("{subject:?}: {}", found.0.join("; ")))
    }

    fn fields(&self, subject: Subject, data: &[u8], found: &mut Differences) -> Result<(), String> {
        match subject {
            Subject::Network => {
                let chain: registry::accounts::Network = read(data)?;
                found.same("paused", chain.paused, self.paused);
                found.same("arbiters", chain.arbiters, places(&self.council.members));
                found.same("threshold", chain.arbiter_threshold, self.council.threshold);
                let proposed = self.proposed.as_ref();
                let (members, due): (&[Who], _) = proposed.map_or((&[], 0), |(next, due)| (&next.members, *due));
                found.same("proposed arbiters", chain.pending_arbiters, places(members));
                found.same("council change", chain.council_change_at, due);
            }
            Subject::Rules => {
                let chain: market::accounts::MarketParams = read(data)?;
                found.same("terms", stored(&chain.terms), meant(&self.rules.terms));
                let announced = self.announced.as_ref();
                found.same(
                    "terms change",
                    chain.terms_change_at,
                    announced.map_or(0, |(_, at)| *at),
                );
                if let Some((terms, _)) = announced {
                    found.same("announced terms", stored(&chain.pending_terms), meant(terms));
                }
            }
            Subject::Mint(coin) => mint(&self.mints[&coin], &read(data)?, found),
            Subject::Dispute(job) => dispute(&self.disputes[&job], &read(data)?, found),
            Subject::Provider(who) => self.provider(who, &read(data)?, found),
            Subject::Node(node) => self.node(node, &read(data)?, found),
            Subject::Device(device) => {
                let chain: registry::accounts::Device = read(data)?;
                let model = &self.devices[&device];
                found.same("node", chain.node, or_nowhere(model.node, NodeRef::at));
                found.same("claims", chain.claims, model.claims);
                found.same("completed", chain.jobs_completed, model.completed);
                found.same("failed", chain.jobs_failed, model.failed);
            }
            Subject::Pool(who) => self.pool_fields(who, &read(data)?, found),
            Subject::Position(pool, who) => position(&self.positions[&(pool, who)], &read(data)?, found),
            Subject::Customer(who) => {
                let chain: market::accounts::Customer = read(data)?;
                let model = &self.customers[&who];
                found.same("next job", chain.next_job_id, model.next_id);
                found.same("open jobs", chain.open_jobs, model.open_jobs);
            }
            Subject::Job(at) => job(&self.jobs[&at], at.0, &read(data)?, found),
            Subject::Purse(purse) => found.same("tokens", amount(data), self.holds(purse)),
        }
        Ok(())
    }

    fn provider(&self, who: Who, chain: &registry::accounts::Provider, found: &mut Differences) {
        let model = &self.providers[&who];
        found.same("payout", chain.payout_owner, address(model.payout));
        found.same("nodes", chain.node_count, model.nodes);
        found.same("leases", chain.active_leases, model.leases);
        found.same("lost", chain.disputes_lost, model.lost);
        let record = &model.record;
        found.same("completed", chain.jobs_completed, record.completed);
        found.same("failed", chain.jobs_failed, record.failed);
        found.same("served", chain.served_seconds, record.served);
        found.same("promised", chain.promised_seconds, record.promised);
    }

    fn node(&self, node: NodeRef, chain: &registry::accounts::Node, found: &mut Differences) {
        let model = &self.nodes[&node];
        found.same("key", chain.node_key, node_key_address(node.1));
        found.same("mint", chain.price_mint, model.coin.mint().mint);
        found.same("price", chain.price_per_hour, model.price);
        found.same("status", chain.status, model.status as u8);
        found.same("drains", chain.drain_after_job == 1, model.drains);
        found.same("gpu", chain.gpu_model, model.hardware.gpu_model);
        found.same("country", chain.country, model.hardware.country);
        found.same("job", chain.current_job, or_nowhere(model.job, |job| job.at()));
        found.same("attestor", chain.attestor, or_nowhere(model.attestor, address));
        found.same("device", chain.device_hash, device_hash(model.device));
        found.same("tier", chain.tier, model.tier);
        found.same("flags", chain.flags, model.flags);
        found.same("expiry", chain.attestation_expires_at, model.attested_until);
        found.same("failures", chain.consecutive_failures, model.failures);
        found.same("suspended at", chain.suspended_at, model.suspended_at);
        let record = &model.record;
        found.same("completed", chain.jobs_completed, record.completed);
        found.same("failed", chain.jobs_failed, record.failed);
        found.same("served", chain.served_seconds, record.served);
        found.same("promised", chain.promised_seconds, record.promised);
        found.same(
            "leased",
            chain.status == NodeStatus::Leased as u8,
            chain.current_job != nowhere(),
        );
    }

    fn pool_fields(&self, who: Who, chain: &staking::accounts::Pool, found: &mut Differences) {
        let model = &self.pools[&who];
        found.same("mint", chain.reward_mint, model.coin.mint().mint);
        found.same("active", chain.active, model.active.stake);
        found.same("active shares", chain.active_shares, model.active.shares);
        found.same("unbonding", chain.unbonding, model.unbonding.stake);
        found.same("unbonding shares", chain.unbonding_shares, model.unbonding.shares);
        found.same("bonded", chain.bonded, model.bonded);
        found.same("slashed", chain.slashed_total, model.slashed);
        found.same("index", chain.reward_index, model.index);
        found.same("remainder", chain.reward_remainder, model.remainder);
        found.same("unclaimed", chain.rewards_unclaimed, model.unclaimed);
        found.same("revenue", chain.rewards_total, model.revenue);
        found.same("commission", chain.commission_bps, model.commission);
        found.same("announced", chain.pending_commission_bps, model.announced.0);
        found.same("commission change", chain.commission_change_at, model.announced.1);
        found.same("positions", chain.positions, model.positions);
        let wipes = &chain.wiped_reward_index[..usize::from(chain.wipes)];
        found.same("wipes", wipes, model.wipes.as_slice());
    }
}

fn position(model: &Position, chain: &staking::accounts::Position, found: &mut Differences) {
    found.same("shares", chain.shares, model.shares);
    found.same("index", chain.reward_index, model.index);
    found.same("fraction", chain.reward_fraction, model.fraction);
    found.same("owed", chain.rewards_owed, model.owed);
    found.same("wipes", usize::from(chain.wipes), model.wipes);
    let requests = &chain.unbonding[..usize::from(chain.unbonding_count)];
    let requests: Vec<_> = requests.iter().map(|r| (r.shares, r.unlocks_at)).collect();
    found.same("requests", requests, model.requests.clone());
}

fn job(model: &Job, customer: Who, chain: &market::accounts::Job, found: &mut Differences) {
    let barred = |node: Option<NodeRef>| -> [u8; 4] {
        or_nowhere(node, NodeRef::at).as_ref()[..4]
            .try_into()
            .expect("four bytes")
    };
    let coin: Coin = model.coin;
    found.same("customer", chain.customer, address(customer));
    found.same("mint", chain.mint, coin.mint().mint);
    found.same("status", chain.status, model.status as u8);
    found.same("outcome", chain.outcome, model.outcome as u8);
    found.same("accepted", chain.options & 4 != 0, model.accepted);
    found.same("notice", chain.options & 8 != 0, model.noticed);
    found.same("deposited", chain.deposited, model.deposited);
    found.same("claimed", chain.paid_out, model.claimed);
    found.same("longest", chain.max_duration, model.spec.max_duration);
    found.same("node", chain.node, or_nowhere(model.node, NodeRef::at));
    let provider = or_nowhere(model.provider, |who| Subject::Provider(who).at());
    found.same("provider", chain.provider, provider);
    found.same("matcher", chain.matcher, or_nowhere(model.matcher, address));
    found.same("price", chain.price_per_hour, model.price);
    found.same("bond", chain.bond, model.bond);
    found.same("assignment", chain.assignment, model.assignment);
    found.same("sequence", chain.sequence, model.sequence);
    found.same("served", chain.served_seconds, model.served);
    found.same("released", chain.released_seconds, model.released);
    let checkpoint = (chain.checkpoint_seconds, chain.checkpoint_at);
    found.same("checkpoint", checkpoint, model.checkpoint);
    found.same("active at", chain.active_at, model.active_at);
    found.same("started at", chain.started_at, model.started_at);
    found.same("ended at", chain.ended_at, model.ended_at);
    found.same("exit code", chain.exit_code, model.exit_code);
    found.same("digest", chain.output_digest, [model.digest; 32]);
    found.same("barred", chain.barred, model.barred.map(barred));
    let answers = matches!(model.status, Status::Assigned | Status::Running);
    found.same(
        "has a bond",
        chain.bond > 0,
        answers || (model.ended() && model.bond > 0),
    );
}

/// Every number of the terms in force or announced.
macro_rules! numbers {
    ($terms:expr) => {
        [
            u64::from($terms.dispute_bond),
            $terms.bond_ratio_bps.into(),
            $terms.dispute_window.into(),
            $terms.min_start_deadline.into(),
            $terms.max_start_deadline.into(),
            $terms.min_proof_timeout.into(),
            $terms.max_proof_timeout.into(),
            $terms.arbitration_timeout.into(),
            $terms.max_duration.into(),
            $terms.open_timeout.into(),
            $terms.fee_bps.into(),
            $terms.matcher_fee_bps.into(),
            $terms.sla[0].shortfall_bps.into(),
            $terms.sla[0].credit_bps.into(),
            $terms.sla[1].shortfall_bps.into(),
            $terms.sla[1].credit_bps.into(),
            $terms.sla[2].shortfall_bps.into(),
            $terms.sla[2].credit_bps.into(),
        ]
    };
}

fn stored(terms: &Terms) -> [u64; 18] {
    numbers!(terms)
}

fn meant(terms: &TermsArgs) -> [u64; 18] {
    numbers!(terms)
}

fn mint(model: &Mint, chain: &market::accounts::PaymentMint, found: &mut Differences) {
    found.same("enabled", chain.enabled == 1, model.enabled);
    found.same("minimum price", chain.minimum_price, model.minimum);
    found.same("rate", chain.stake_rate, model.rate);
}

fn dispute(model: &Dispute, chain: &market::accounts::Dispute, found: &mut Differences) {
    found.same("bond", chain.bond, model.bond);
    found.same("opened at", chain.opened_at, model.opened);
    found.same("deadline", chain.deadline, model.deadline);
    let votes = chain
        .votes
        .map(|vote| (vote.cast == 1).then_some((vote.provider_share_bps, vote.slash_bps)));
    found.same("votes", votes, model.votes);
}
