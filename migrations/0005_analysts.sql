-- What analysts read: views that stay as they are while the tables below them follow the programs. Columns are added to them
-- and never taken away or given another meaning; docs/operations.md says who may read them.
--
-- Keys are bytea, so that they join and filter through the indexes: `base58(key)` prints one, `unbase58('…')` reads one.
-- Amounts are base units. Times are timestamptz; 0 on chain, which stands for never, is null.

create schema if not exists analytics;
comment on schema analytics is
    'The market for analysts: stable views. Keys are bytea (base58(key), unbase58(text)), amounts base units of the mint beside them, times UTC.';

create function analytics.time_of(seconds bigint) returns timestamptz
language sql immutable parallel safe as 'select to_timestamp(nullif(seconds, 0))';
comment on function analytics.time_of(bigint) is 'The time of Unix seconds; null for 0, which stands for never.';

create view analytics.progress as
    select slot, finalized_slot, analytics.time_of(block_time) as block_time, updated_at from checkpoint;
comment on view analytics.progress is 'How far all the other views are. One row.';
comment on column analytics.progress.slot is 'The slot that every row is from.';
comment on column analytics.progress.finalized_slot is 'Up to this slot nothing can be taken back any more.';
comment on column analytics.progress.block_time is 'Time of the block at slot, as the chain has it; null right after a snapshot.';
comment on column analytics.progress.updated_at is 'When it was written, by the database''s clock.';

create view analytics.mints as
    select mint, decimals, enabled <> 0 and not closed as enabled, minimum_price from payment_mint;
comment on view analytics.mints is 'Tokens that jobs may be paid in.';
comment on column analytics.mints.mint is 'The mint.';
comment on column analytics.mints.decimals is 'Base units are 10^-decimals of a token.';
comment on column analytics.mints.enabled is 'Whether new jobs may use it.';
comment on column analytics.mints.minimum_price is 'Least price per hour of a node, base units.';

create view analytics.providers as
    select address as provider, authority, payout_owner, analytics.time_of(registered_at) as registered_at, jobs_completed,
        jobs_failed, disputes_lost, served_seconds, promised_seconds, node_count, active_leases, closed, slot
    from provider;
comment on view analytics.providers is 'Who offers machines, those who left included.';
comment on column analytics.providers.provider is 'The provider''s account.';
comment on column analytics.providers.authority is 'The wallet that controls it.';
comment on column analytics.providers.payout_owner is 'The wallet whose token account is paid.';
comment on column analytics.providers.registered_at is 'When it registered.';
comment on column analytics.providers.jobs_completed is 'Jobs completed.';
comment on column analytics.providers.jobs_failed is 'Jobs failed.';
comment on column analytics.providers.disputes_lost is 'Disputes decided against it.';
comment on column analytics.providers.served_seconds is 'Seconds that its nodes proved to have served.';
comment on column analytics.providers.promised_seconds is 'Seconds that they promised; served / promised is half of its reputation.';
comment on column analytics.providers.node_count is 'Nodes now.';
comment on column analytics.providers.active_leases is 'Nodes that work on a job now.';
comment on column analytics.providers.closed is 'It left; the row keeps its last state.';
comment on column analytics.providers.slot is 'Slot of its last change.';

create view analytics.nodes as
    select address as node, provider, node_key,
        case when closed then 'closed' else (array['available', 'leased', 'draining', 'suspended'])[status + 1] end as status,
        nullif(country, '') as country, gpu_model, gpu_count, vram_gib, cpu_cores, ram_gib, disk_gib, mbps, tier, flags,
        analytics.time_of(attestation_expires_at) as attestation_expires_at, price_per_hour, price_mint,
        analytics.time_of(registered_at) as registered_at, analytics.time_of(suspended_at) as suspended_at, jobs_completed, jobs_failed,
        served_seconds, promised_seconds, closed, slot
    from node;
comment on view analytics.nodes is 'Machines, those that were taken away included.';
comment on column analytics.nodes.node is 'The node''s account.';
comment on column analytics.nodes.provider is 'Its provider: providers.provider.';
comment on column analytics.nodes.node_key is 'The key that signs its receipts.';
comment on column analytics.nodes.status is 'available, leased, draining, suspended or closed.';
comment on column analytics.nodes.country is 'ISO 3166-1 alpha-2.';
comment on column analytics.nodes.gpu_model is 'Code of the GPU''s model; 0 for none.';
comment on column analytics.nodes.gpu_count is 'GPUs.';
comment on column analytics.nodes.vram_gib is 'Memory of one GPU, GiB.';
comment on column analytics.nodes.cpu_cores is 'CPU cores.';
comment on column analytics.nodes.ram_gib is 'Memory, GiB.';
comment on column analytics.nodes.disk_gib is 'Disk, GiB.';
comment on column analytics.nodes.mbps is 'Network, megabits per second.';
comment on column analytics.nodes.tier is '0 self-declared, 1 benchmarked, 2 attested by the vendor''s service, 3 attested and inspected on site.';
comment on column analytics.nodes.flags is 'Bits: 1 DATACENTER, 2 GDPR_DPA, 4 ISO27001, 8 SOC2, 16 CONFIDENTIAL_COMPUTING, 32 EEA.';
comment on column analytics.nodes.attestation_expires_at is 'Until when tier and flags hold.';
comment on column analytics.nodes.price_per_hour is 'Its price, base units of price_mint.';
comment on column analytics.nodes.price_mint is 'The mint that it is paid in: mints.mint.';
comment on column analytics.nodes.registered_at is 'When it was listed.';
comment on column analytics.nodes.suspended_at is 'Since when it is suspended.';
comment on column analytics.nodes.jobs_completed is 'Jobs completed.';
comment on column analytics.nodes.jobs_failed is 'Jobs failed.';
comment on column analytics.nodes.served_seconds is 'Seconds proven.';
comment on column analytics.nodes.promised_seconds is 'Seconds promised.';
comment on column analytics.nodes.closed is 'It was taken away; the row keeps its last state.';
comment on column analytics.nodes.slot is 'Slot of its last change.';

create view analytics.pools as
    select address as pool, provider, reward_mint, active, unbonding, bonded, commission_bps, positions, rewards_total,
        rewards_unclaimed, slashed_total, closed, slot
    from pool;
comment on view analytics.pools is 'Stake behind each provider.';
comment on column analytics.pools.pool is 'The pool''s account.';
comment on column analytics.pools.provider is 'Whose: providers.provider.';
comment on column analytics.pools.reward_mint is 'Mint of its revenue: mints.mint.';
comment on column analytics.pools.active is 'Stake that earns and answers, base units of the stake mint.';
comment on column analytics.pools.unbonding is 'Stake on its way out, which still answers.';
comment on column analytics.pools.bonded is 'Of the active stake, what stands behind jobs now.';
comment on column analytics.pools.commission_bps is 'The provider''s share of revenue, hundredths of a percent.';
comment on column analytics.pools.positions is 'Stakers.';
comment on column analytics.pools.rewards_total is 'Revenue of the stakers so far, base units of reward_mint.';
comment on column analytics.pools.rewards_unclaimed is 'Of it, what nobody has claimed.';
comment on column analytics.pools.slashed_total is 'Stake taken by slashes so far.';
comment on column analytics.pools.closed is 'It is gone; the row keeps its last state.';
comment on column analytics.pools.slot is 'Slot of its last change.';

create view analytics.jobs as
    select address as job, customer, id, mint,
        case when closed then 'closed'
            else (array['open', 'assigned', 'running', 'finished', 'lapsed', 'disputed', 'resolved'])[status + 1] end as status,
        nullif(node, decode(repeat('00', 32), 'hex')) as node, nullif(provider, decode(repeat('00', 32), 'hex')) as provider,
        nullif(matcher, decode(repeat('00', 32), 'hex')) as matcher, spec_hash, deposited, max_price_per_hour, price_per_hour,
        paid_out, bond, max_duration as max_duration_seconds, served_seconds, sla_uptime_bps, gpu_count, tier, flags,
        analytics.time_of(created_at) as created_at, analytics.time_of(started_at) as started_at, analytics.time_of(ended_at) as ended_at,
        closed, slot
    from job;
comment on view analytics.jobs is 'Jobs, in their last state; what became of one is in job_timeline and job_transfers.';
comment on column analytics.jobs.job is 'The job''s account.';
comment on column analytics.jobs.customer is 'The wallet that opened it.';
comment on column analytics.jobs.id is 'Number among the customer''s jobs.';
comment on column analytics.jobs.mint is 'What it is paid in: mints.mint.';
comment on column analytics.jobs.status is 'open, assigned, running, finished, lapsed, disputed, resolved or closed.';
comment on column analytics.jobs.node is 'Its node: nodes.node. Null while it has none.';
comment on column analytics.jobs.provider is 'The node''s provider: providers.provider.';
comment on column analytics.jobs.matcher is 'The wallet that matched it and is paid for that.';
comment on column analytics.jobs.spec_hash is 'SHA-256 of the job''s spec.';
comment on column analytics.jobs.deposited is 'What the customer put into escrow, base units of mint.';
comment on column analytics.jobs.max_price_per_hour is 'The highest price that it takes.';
comment on column analytics.jobs.price_per_hour is 'The price that it was matched at; 0 before.';
comment on column analytics.jobs.paid_out is 'What left the escrow before the end, by claims.';
comment on column analytics.jobs.bond is 'Stake that stands behind it, base units of the stake mint.';
comment on column analytics.jobs.max_duration_seconds is 'Longest duration.';
comment on column analytics.jobs.served_seconds is 'Seconds proven by receipts.';
comment on column analytics.jobs.sla_uptime_bps is 'Share of the time that the node promises, hundredths of a percent.';
comment on column analytics.jobs.gpu_count is 'GPUs asked for.';
comment on column analytics.jobs.tier is 'Least tier asked for: nodes.tier.';
comment on column analytics.jobs.flags is 'Flags asked for: nodes.flags.';
comment on column analytics.jobs.created_at is 'When it was opened.';
comment on column analytics.jobs.started_at is 'When its node started it.';
comment on column analytics.jobs.ended_at is 'When it ended.';
comment on column analytics.jobs.closed is 'It was settled or cancelled; the row keeps its last state before that.';
comment on column analytics.jobs.slot is 'Slot of its last change.';

create view analytics.disputes as
    select address as dispute, job, opener, bond, analytics.time_of(opened_at) as opened_at, analytics.time_of(deadline) as deadline,
        votes, closed, slot
    from dispute;
comment on view analytics.disputes is 'Disputes over jobs.';
comment on column analytics.disputes.dispute is 'The dispute''s account.';
comment on column analytics.disputes.job is 'Over which job: jobs.job.';
comment on column analytics.disputes.opener is 'Who opened it.';
comment on column analytics.disputes.bond is 'What the opener loses if the dispute is lost, base units of the job''s mint.';
comment on column analytics.disputes.opened_at is 'When.';
comment on column analytics.disputes.deadline is 'Until when the council may vote.';
comment on column analytics.disputes.votes is 'The council''s votes, JSON.';
comment on column analytics.disputes.closed is 'It is over; the row keeps its last state.';
comment on column analytics.disputes.slot is 'Slot of its last change.';

create view analytics.events as
    select slot, transaction_index, index, signature, analytics.time_of(block_time) as block_time, program, name, job, accounts, data
    from event;
comment on view analytics.events is 'What the programs reported, in the order (slot, transaction_index, index). Old events may be pruned. Filter by slot: it is partitioned by it.';
comment on column analytics.events.slot is 'Slot.';
comment on column analytics.events.transaction_index is 'Place of the transaction in its block.';
comment on column analytics.events.index is 'Place in the transaction.';
comment on column analytics.events.signature is 'The transaction.';
comment on column analytics.events.block_time is 'Time of the block.';
comment on column analytics.events.program is 'registry, staking or market.';
comment on column analytics.events.name is 'What happened, such as JobSettled.';
comment on column analytics.events.job is 'The job that it is about: jobs.job.';
comment on column analytics.events.accounts is 'Every key in its data; `accounts @> array[unbase58(''…'')]` is fast.';
comment on column analytics.events.data is 'Its details: keys in base58, hashes in hex, 64-bit integers as strings.';

create view analytics.job_timeline as
    select job, slot, transaction_index, index, signature, analytics.time_of(block_time) as block_time, program, name, data, amounts
    from job_timeline;
comment on view analytics.job_timeline is 'The life of each job: its events with the amounts that each moved.';
comment on column analytics.job_timeline.job is 'The job: jobs.job.';
comment on column analytics.job_timeline.slot is 'Slot.';
comment on column analytics.job_timeline.transaction_index is 'Place of the transaction in its block.';
comment on column analytics.job_timeline.index is 'Place in the transaction.';
comment on column analytics.job_timeline.signature is 'The transaction.';
comment on column analytics.job_timeline.block_time is 'Time of the block.';
comment on column analytics.job_timeline.program is 'The program that reported it.';
comment on column analytics.job_timeline.name is 'What happened.';
comment on column analytics.job_timeline.data is 'Its details.';
comment on column analytics.job_timeline.amounts is 'JSON: what it moved, by the kinds of job_transfers.kind.';

create view analytics.job_transfers as
    select t.job, t.slot, t.transaction_index, t.index, t.signature, analytics.time_of(t.block_time) as block_time, t.event, t.kind,
        t.amount, t.of_stake, case when not t.of_stake then j.mint end as mint
    from job_transfer t left join job j on j.address = t.job;
comment on view analytics.job_transfers is 'Every amount that an event about a job moved.';
comment on column analytics.job_transfers.job is 'The job: jobs.job.';
comment on column analytics.job_transfers.slot is 'Slot.';
comment on column analytics.job_transfers.transaction_index is 'Place of the transaction in its block.';
comment on column analytics.job_transfers.index is 'Place in the transaction.';
comment on column analytics.job_transfers.signature is 'The transaction.';
comment on column analytics.job_transfers.block_time is 'Time of the block.';
comment on column analytics.job_transfers.event is 'The event that says so.';
comment on column analytics.job_transfers.kind is 'deposited, added, refunded, to_provider, to_delegators, to_matcher, to_treasury, to_customer, to_reporter, bond or slashed.';
comment on column analytics.job_transfers.amount is 'Base units of mint, or of the stake mint where of_stake.';
comment on column analytics.job_transfers.of_stake is 'The amount is of stake.';
comment on column analytics.job_transfers.mint is 'The job''s mint; null where the amount is of stake.';
