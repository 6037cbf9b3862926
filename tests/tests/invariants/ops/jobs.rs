//! Jobs until a node has them: open, cancel, assign.

use super::{Op, Operation, job, job_account, node, put, signer, wallet};
use crate::suite::{
    cast::{Coin, JobRef, NODE_KEYS, NodeRef, PAYER, Purse, Subject, Who, address, nowhere},
    dice::Dice,
    model::{
        Job, JobSpec, Model, Node, NodeStatus, Outcome, RUNTIME, Reasons, Status, Verdict, because,
        job::{bond, deposit},
        there,
    },
    rules::MINIMUM_PRICE,
};
use anchor_lang::AnchorDeserialize;
use gantry_sdk::{
    Instruction,
    ix::{self, JobArgs},
    market::accounts::PaymentMint,
    registry,
};
use std::rc::Rc;

/// What the builders read of a payment mint.
pub(super) fn payment_mint(coin: Coin) -> PaymentMint {
    let zeros = [0; 512];
    let mut mint = PaymentMint::deserialize(&mut &zeros[..]).expect("zeros are a payment mint");
    mint.mint = coin.mint().mint;
    mint.token_program = coin.mint().token_program;
    mint.treasury = Model::treasury(coin).at();
    mint
}

#[derive(Debug)]
pub(crate) struct OpenJob {
    job: JobRef,
    coin: Coin,
    spec: JobSpec,
}

impl OpenJob {
    pub(crate) fn draw(model: &Model, dice: &mut Dice) -> Option<Op> {
        let open = model.jobs.values().filter(|job| job.status == Status::Open);
        if open.count() > 4 && !dice.chance(10) {
            return None;
        }
        // Mostly somebody with money.
        let who = if dice.chance(90) {
            dice.below(5) as Who
        } else {
            wallet(dice)
        };
        let next = model.customers.get(&who).map_or(0, |customer| customer.next_id);
        let id = if dice.chance(4) {
            dice.edge(next, u64::MAX)
        } else {
            next
        };
        let used = model.pools.values().map(|pool| pool.coin);
        let used: Vec<Coin> = used.filter(|coin| *coin != Coin::Stake).collect();
        let coin = match dice.pick(&used) {
            Some(coin) if !dice.chance(4) => *coin,
            _ => dice.one_of(&[Coin::Usdc, Coin::Usd22, Coin::Stake]),
        };
        Some(Rc::new(Self {
            job: JobRef(who, id),
            coin,
            spec: spec(model, dice),
        }))
    }
}

fn spec(model: &Model, dice: &mut Dice) -> JobSpec {
    let terms = &model.rules.terms;
    let mut spec = JobSpec {
        max_price: if dice.chance(60) {
            dice.between(1_000_000, 50_000_000)
        } else {
            10_000 + dice.size(50_000_000)
        },
        max_duration: if dice.chance(40) {
            600 + dice.below(3_000) as u32
        } else {
            1 + dice.size(3_000) as u32
        },
        start_deadline: 20 + dice.size(400) as u32,
        proof_timeout: 20 + dice.size(500) as u32,
        node: dice.chance(5).then(|| node(model, dice)).flatten(),
        matcher: dice.chance(5).then(|| wallet(dice)),
        gpu_models: [0; 4],
        countries: [[0; 2]; 8],
        gpu_count: 0,
        vram_gib: 0,
        ram_gib: 0,
        disk_gib: 0,
        mbps: 0,
        flags: 0,
        tier: 0,
        reputation_bps: 0,
        sla_bps: dice.one_of(&[0, 5_000, 9_900, 9_900, 10_000]),
        hash: 9,
    };
    match dice.below(50) {
        0..10 => require(&mut spec, dice),
        10 => spec.max_price = dice.edge(MINIMUM_PRICE, u64::MAX),
        11 => spec.max_duration = dice.edge(terms.max_duration.into(), u32::MAX.into()) as u32,
        12 => spec.start_deadline = dice.edge(terms.min_start_deadline.into(), u32::MAX.into()) as u32,
        13 => spec.start_deadline = dice.edge(terms.max_start_deadline.into(), u32::MAX.into()) as u32,
        14 => spec.proof_timeout = dice.edge(terms.min_proof_timeout.into(), u32::MAX.into()) as u32,
        15 => spec.proof_timeout = dice.edge(terms.max_proof_timeout.into(), u32::MAX.into()) as u32,
        16 => spec.hash = 0,
        17 => spec.sla_bps = dice.edge(10_000, 65_535) as u16,
        18 => spec.reputation_bps = dice.edge(10_000, 65_535) as u16,
        19 => spec.tier = dice.one_of(&[4, 255]),
        20 => spec.flags = dice.one_of(&[1 << 6, u16::MAX]),
        21 => spec.countries[7] = *b"d\0",
        22 => spec.max_duration = terms.max_duration,
        _ => {}
    }
    spec
}

/// One requirement that some nodes meet and others do not.
fn require(spec: &mut JobSpec, dice: &mut Dice) {
    match dice.below(10) {
        0 => spec.gpu_models[3] = dice.one_of(&[7, 8, 9]),
        1 => spec.gpu_count = dice.one_of(&[1, 2, 5]),
        2 => spec.vram_gib = dice.one_of(&[24, 25, 81]),
        3 => spec.ram_gib = dice.one_of(&[64, 65]),
        4 => spec.disk_gib = dice.one_of(&[500, 501]),
        5 => spec.mbps = dice.one_of(&[1_000, u32::MAX]),
        6 => spec.countries[0] = dice.one_of(&[*b"DE", *b"FR", *b"US"]),
        7 => spec.flags = dice.one_of(&[1, 3]),
        8 => spec.tier = dice.one_of(&[1, 3]),
        _ => spec.reputation_bps = dice.one_of(&[5_000, 5_001, 6_000]),
    }
}

impl Operation for OpenJob {
    fn name(&self) -> &'static str {
        "open_job"
    }

    fn instructions(&self) -> Vec<Instruction> {
        let (spec, who) = (&self.spec, self.job.0);
        let args = JobArgs {
            id: self.job.1,
            max_price_per_hour: spec.max_price,
            spec_hash: [spec.hash; 32],
            node: spec.node.map_or_else(nowhere, NodeRef::at),
            matcher: spec.matcher.map_or_else(nowhere, address),
            max_duration: spec.max_duration,
            start_deadline: spec.start_deadline,
            proof_timeout: spec.proof_timeout,
            disk_gib: spec.disk_gib,
            mbps: spec.mbps,
            gpu_models: spec.gpu_models,
            countries: spec.countries,
            vram_gib: spec.vram_gib,
            ram_gib: spec.ram_gib,
            flags: spec.flags,
            reputation_bps: spec.reputation_bps,
            sla_uptime_bps: spec.sla_bps,
            gpu_count: spec.gpu_count,
            tier: spec.tier,
        };
        for subject in [
            Subject::Customer(who),
            Subject::Job(self.job),
            Subject::Purse(Purse::Vault(self.job)),
        ] {
            subject.at();
        }
        let source = Purse::Own(who, self.coin).at();
        vec![ix::open_job(
            &address(who),
            &address(PAYER),
            self.coin.mint(),
            &source,
            args,
        )]
    }

    fn apply(&self, model: &mut Model) -> Verdict {
        let (spec, terms) = (&self.spec, &model.rules.terms);
        let JobRef(who, id) = self.job;
        let mint = model.mints.get(&self.coin);
        let next = model.customers.get(&who).map_or(0, |customer| customer.next_id);
        let amount = deposit(spec.max_price, spec.max_duration);
        let purse = Purse::Own(who, self.coin);
        let letters = |c: &[u8; 2]| *c == [0; 2] || c.iter().all(u8::is_ascii_uppercase);
        let sensible = spec.tier <= 3
            && spec.flags <= 0b11_1111
            && spec.reputation_bps <= 10_000
            && spec.sla_bps <= 10_000
            && spec.countries.iter().all(letters);
        let within = |value: u32, low: u32, high: u32| (low..=high).contains(&value);
        Reasons::default()
            .unless(mint.is_some(), RUNTIME)
            .unless(mint.is_none_or(|mint| mint.enabled), "MintDisabled")
            .unless(!model.jobs.contains_key(&self.job), RUNTIME)
            .unless(model.paused & 1 == 0, "Paused")
            .unless(id == next, "WrongJobId")
            .unless(
                spec.max_price > 0 && mint.is_none_or(|mint| spec.max_price >= mint.minimum),
                "PriceBelowMinimum",
            )
            .unless(within(spec.max_duration, 1, terms.max_duration), "InvalidDuration")
            .unless(
                within(spec.start_deadline, terms.min_start_deadline, terms.max_start_deadline),
                "InvalidStartDeadline",
            )
            .unless(
                within(spec.proof_timeout, terms.min_proof_timeout, terms.max_proof_timeout),
                "InvalidProofTimeout",
            )
            .unless(spec.hash != 0, "InvalidSpecHash")
            .unless(sensible, "InvalidRequirements")
            .unless(amount.is_some(), "DepositTooLarge")
            .unless(amount.unwrap_or(0) <= model.holds(purse), RUNTIME)
            .verdict()?;
        let amount = amount.unwrap_or_default();
        let job = Job {
            spec: *spec,
            coin: self.coin,
            deposited: amount,
            created: model.now,
            status: Status::Open,
            outcome: Outcome::None,
            accepted: false,
            noticed: false,
            node: spec.node,
            provider: None,
            matcher: spec.matcher,
            price: 0,
            bond: 0,
            claimed: 0,
            assignment: 0,
            sequence: 0,
            served: 0,
            released: 0,
            checkpoint: (0, 0),
            active_at: 0,
            started_at: 0,
            ended_at: 0,
            exit_code: 0,
            digest: 0,
            barred: [None; 4],
        };
        model.jobs.insert(self.job, job);
        model.pay(purse, Purse::Vault(self.job), amount);
        let customer = model.customers.entry(who).or_default();
        customer.next_id += 1;
        customer.open_jobs += 1;
        Ok(())
    }
}

/// Empties the vault of a closed job and forgets the job; what somebody gave the vault goes to the treasury.
pub(super) fn close(model: &mut Model, at: JobRef) {
    let job = model.jobs.remove(&at).expect("a job to close");
    let vault = Purse::Vault(at);
    model.pay(vault, Model::treasury(job.coin), model.holds(vault));
    model.purses.remove(&vault);
    model.disputes.remove(&at);
    model.customers.get_mut(&at.0).expect("its customer").open_jobs -= 1;
}

#[derive(Debug)]
pub(crate) struct CancelJob {
    pub(crate) job: JobRef,
    pub(crate) coin: Coin,
    pub(crate) signer: Who,
    pub(crate) to: Who,
}

impl CancelJob {
    pub(crate) fn draw(model: &Model, dice: &mut Dice) -> Option<Op> {
        let job = job(model, dice, |job| job.status == Status::Open)?;
        let coin = model.jobs.get(&job).map_or(Coin::Usdc, |job| job.coin);
        let signer = if dice.chance(30) { wallet(dice) } else { job.0 };
        Some(Rc::new(Self {
            job,
            coin,
            signer,
            to: super::signer(dice, job.0),
        }))
    }
}

impl Operation for CancelJob {
    fn name(&self) -> &'static str {
        "cancel_job"
    }

    fn instructions(&self) -> Vec<Instruction> {
        let mut job = job_account(self.job, None);
        job.mint = self.coin.mint().mint;
        let to = Purse::Own(self.to, self.coin).at();
        vec![ix::cancel_job(
            &address(self.signer),
            &job,
            &payment_mint(self.coin),
            &to,
        )]
    }

    fn apply(&self, model: &mut Model) -> Verdict {
        let job = there(model.jobs.get(&self.job))?;
        let waited = i64::from(job.since(model.now)) >= i64::from(model.rules.terms.open_timeout);
        Reasons::default()
            .unless(self.coin == job.coin, "WrongAccount")
            .unless(job.status == Status::Open, "NotOpen")
            .unless(self.signer == self.job.0 || waited, "NotCustomer")
            .unless(self.to == self.job.0, "WrongDestination")
            .verdict()?;
        let refund = job.deposited;
        model.pay(Purse::Vault(self.job), Purse::Own(self.to, self.coin), refund);
        close(model, self.job);
        Ok(())
    }
}

#[derive(Debug)]
pub(crate) struct AssignJob {
    job: JobRef,
    coin: Coin,
    matcher: Who,
    node: NodeRef,
    /// Whose pool is passed.
    pool: Who,
}

/// Whether `node` could take `job` now, and its pool answer for it.
fn fits(model: &Model, job: &Job, at: NodeRef, node: &Node) -> bool {
    let Some(pool) = model.pools.get(&at.0) else {
        return false;
    };
    let mint = &model.mints[&job.coin];
    let highest = deposit(node.price, job.spec.max_duration).unwrap_or(u64::MAX);
    let asked = bond(highest, mint.rate, model.rules.terms.bond_ratio_bps).unwrap_or(u64::MAX);
    let covered = pool.active.stake >= model.rules.staking.minimum_pool_stake
        && asked <= pool.active.stake.saturating_sub(pool.bonded);
    node.status == NodeStatus::Available
        && pool.coin == job.coin
        && covered
        && job.spec.node.is_none_or(|node| node == at)
        && !job.barred.contains(&Some(at))
        && job.mismatches(node, model.now).is_empty()
}

impl AssignJob {
    pub(crate) fn draw(model: &Model, dice: &mut Dice) -> Option<Op> {
        let taken = dice.chance(90);
        let at = job(model, dice, |job| {
            job.status == Status::Open && (!taken || model.nodes.iter().any(|(at, node)| fits(model, job, *at, node)))
        })?;
        let job = model.jobs.get(&at);
        let coin = job.map_or(Coin::Usdc, |job| job.coin);
        // One that would do, if there is one; any other now and then.
        let fitting = model
            .nodes
            .iter()
            .filter(|(at, node)| job.is_some_and(|job| fits(model, job, **at, node)));
        let fitting: Vec<NodeRef> = fitting.map(|(at, _)| *at).collect();
        let node = match job.and_then(|job| job.node).or(dice.pick(&fitting).copied()) {
            Some(node) if !dice.chance(5) => node,
            None if !dice.chance(15) => return None,
            _ => node(model, dice)?,
        };
        let named = job.and_then(|job| job.matcher).filter(|_| !dice.chance(20));
        Some(Rc::new(Self {
            job: at,
            coin,
            matcher: named.unwrap_or_else(|| wallet(dice)),
            node,
            pool: signer(dice, node.0),
        }))
    }
}

impl Operation for AssignJob {
    fn name(&self) -> &'static str {
        "assign_job"
    }

    fn instructions(&self) -> Vec<Instruction> {
        let zeros = [0; 1_024];
        let mut node = registry::accounts::Node::deserialize(&mut &zeros[..]).expect("zeros are a node");
        node.provider = Subject::Provider(self.node.0).at();
        let mut job = job_account(self.job, None);
        job.mint = self.coin.mint().mint;
        let mut assign = ix::assign_job(&address(self.matcher), &job, &self.node.at(), &node);
        let (right, passed) = (Subject::Pool(self.node.0).at(), Subject::Pool(self.pool).at());
        put(&mut assign, right, passed);
        vec![assign]
    }

    fn apply(&self, model: &mut Model) -> Verdict {
        let (now, at) = (model.now, self.node);
        let job = there(model.jobs.get(&self.job))?;
        let node = there(model.nodes.get(&at))?;
        let pool = there(model.pools.get(&self.pool))?;
        let terms = &model.rules.terms;
        let barred = job.barred.contains(&Some(at));
        let mut reasons = Reasons::default();
        // The payment mint of a job that is named wrongly is another one's, or none.
        reasons
            .unless(self.coin == job.coin, RUNTIME)
            .unless(self.coin != Coin::Stake, RUNTIME)
            .unless(self.pool == at.0, "WrongAccount")
            .unless(model.paused & 2 == 0, "Paused")
            .unless(job.status == Status::Open, "NotOpen")
            .unless(job.spec.matcher.is_none_or(|who| who == self.matcher), "NotMatcher")
            .unless(job.spec.node.is_none_or(|node| node == at), "NotThisNode")
            .unless(!barred, "NodeBarred")
            .unless(pool.coin == job.coin, "WrongRewardMint")
            .unless(node.status == NodeStatus::Available, "NodeNotAvailable");
        for mismatch in job.mismatches(node, now) {
            reasons.unless(false, mismatch);
        }
        // A price that does not fit may be too high to reckon with.
        reasons.verdict()?;
        let rate = there(model.mints.get(&self.coin))?.rate;
        let highest = because(deposit(node.price, job.spec.max_duration).ok_or("DepositTooLarge"))?;
        let bond = because(bond(highest, rate, terms.bond_ratio_bps).ok_or("Overflow"))?;
        let mut pool = pool.clone();
        because(pool.bond(bond, model.rules.staking.minimum_pool_stake))?;
        let price = node.price;
        model.pools.insert(self.pool, pool);
        let node = model.nodes.get_mut(&at).expect("seen above");
        node.status = NodeStatus::Leased;
        node.job = Some(self.job);
        model.providers.get_mut(&at.0).expect("its provider").leases += 1;
        let job = model.jobs.get_mut(&self.job).expect("seen above");
        job.node = Some(at);
        job.provider = Some(at.0);
        job.matcher = Some(self.matcher);
        job.assignment += 1;
        job.price = price;
        job.bond = bond;
        job.active_at = job.since(now);
        job.status = Status::Assigned;
        Ok(())
    }
}

const _: () = assert!(NODE_KEYS < 64, "devices have numbers of their own");
