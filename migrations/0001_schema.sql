-- One table per account type of the three programs, one row per account, keyed by the account's address, so that each
-- table distributes by that key. Columns are the fields of the account under their own names.
--
--   address        the account's address; keys and hashes are bytes (`base58(address)` prints them)
--   slot,          the version of the row: a write is taken only when it is newer than both together;
--   write_version  write_version 0 is a snapshot's, the largest bigint that of an account's closing
--   closed         the account is gone; the row keeps its last state
--   data           the account's bytes, discriminator included
--
-- u64 and u128 are numeric, since no integer type holds them; lists and structs are jsonb; countries are text, '' for none.

-- The registry program.

create table network (
    address bytea primary key,
    slot bigint not null,
    write_version bigint not null,
    closed boolean not null,
    data bytea not null,
    authority bytea not null,
    pending_authority bytea not null,
    guardian bytea not null,
    market_authority bytea not null,
    rent_payer bytea not null,
    arbiters jsonb not null,
    pending_arbiters jsonb not null,
    council_change_at bigint not null,
    timelock_seconds bigint not null,
    arbiter_count smallint not null,
    arbiter_threshold smallint not null,
    pending_arbiter_count smallint not null,
    pending_arbiter_threshold smallint not null,
    paused smallint not null,
    bump smallint not null
);

create table provider (
    address bytea primary key,
    slot bigint not null,
    write_version bigint not null,
    closed boolean not null,
    data bytea not null,
    authority bytea not null,
    payout_owner bytea not null,
    rent_payer bytea not null,
    metadata_hash bytea not null,
    registered_at bigint not null,
    jobs_completed numeric(20, 0) not null,
    jobs_failed numeric(20, 0) not null,
    disputes_lost numeric(20, 0) not null,
    served_seconds numeric(20, 0) not null,
    promised_seconds numeric(20, 0) not null,
    node_count bigint not null,
    active_leases bigint not null,
    bump smallint not null
);

create table node (
    address bytea primary key,
    slot bigint not null,
    write_version bigint not null,
    closed boolean not null,
    data bytea not null,
    provider bytea not null,
    node_key bytea not null,
    rent_payer bytea not null,
    price_mint bytea not null,
    current_job bytea not null,
    attestor bytea not null,
    device_hash bytea not null,
    price_per_hour numeric(20, 0) not null,
    attestation_expires_at bigint not null,
    registered_at bigint not null,
    suspended_at bigint not null,
    jobs_completed numeric(20, 0) not null,
    jobs_failed numeric(20, 0) not null,
    served_seconds numeric(20, 0) not null,
    promised_seconds numeric(20, 0) not null,
    disk_gib bigint not null,
    mbps bigint not null,
    gpu_model integer not null,
    vram_gib integer not null,
    cpu_cores integer not null,
    ram_gib integer not null,
    flags integer not null,
    country text not null,
    gpu_count smallint not null,
    tier smallint not null,
    status smallint not null,
    drain_after_job smallint not null,
    consecutive_failures smallint not null,
    bump smallint not null
);

create table attestor (
    address bytea primary key,
    slot bigint not null,
    write_version bigint not null,
    closed boolean not null,
    data bytea not null,
    key bytea not null,
    rent_payer bytea not null,
    granted numeric(20, 0) not null,
    flags integer not null,
    max_tier smallint not null,
    active smallint not null,
    bump smallint not null
);

create table device (
    address bytea primary key,
    slot bigint not null,
    write_version bigint not null,
    closed boolean not null,
    data bytea not null,
    device_hash bytea not null,
    node bytea not null,
    rent_payer bytea not null,
    claimed_at bigint not null,
    claims bigint not null,
    jobs_completed numeric(20, 0) not null,
    jobs_failed numeric(20, 0) not null,
    bump smallint not null
);

-- The staking program.

create table staking_params (
    address bytea primary key,
    slot bigint not null,
    write_version bigint not null,
    closed boolean not null,
    data bytea not null,
    stake_mint bytea not null,
    token_program bytea not null,
    treasury bytea not null,
    rent_payer bytea not null,
    minimum_pool_stake numeric(20, 0) not null,
    minimum_position_stake numeric(20, 0) not null,
    unbonding_seconds bigint not null,
    commission_notice_seconds bigint not null,
    slash_customer_bps integer not null,
    slash_reporter_bps integer not null,
    bump smallint not null
);

create table pool (
    address bytea primary key,
    slot bigint not null,
    write_version bigint not null,
    closed boolean not null,
    data bytea not null,
    provider bytea not null,
    reward_mint bytea not null,
    reward_token_program bytea not null,
    rent_payer bytea not null,
    active_shares numeric(39, 0) not null,
    unbonding_shares numeric(39, 0) not null,
    reward_index numeric(39, 0) not null,
    reward_remainder numeric(39, 0) not null,
    wiped_reward_index jsonb not null,
    active numeric(20, 0) not null,
    unbonding numeric(20, 0) not null,
    bonded numeric(20, 0) not null,
    rewards_unclaimed numeric(20, 0) not null,
    slashed_total numeric(20, 0) not null,
    rewards_total numeric(20, 0) not null,
    commission_change_at bigint not null,
    positions bigint not null,
    commission_bps integer not null,
    pending_commission_bps integer not null,
    wipes smallint not null,
    bump smallint not null,
    stake_vault_bump smallint not null,
    reward_vault_bump smallint not null
);

create table position (
    address bytea primary key,
    slot bigint not null,
    write_version bigint not null,
    closed boolean not null,
    data bytea not null,
    pool bytea not null,
    owner bytea not null,
    rent_payer bytea not null,
    shares numeric(39, 0) not null,
    reward_index numeric(39, 0) not null,
    reward_fraction numeric(20, 0) not null,
    rewards_owed numeric(20, 0) not null,
    unbonding jsonb not null,
    unbonding_count smallint not null,
    wipes smallint not null,
    bump smallint not null
);

-- The market program.

create table market_params (
    address bytea primary key,
    slot bigint not null,
    write_version bigint not null,
    closed boolean not null,
    data bytea not null,
    genesis_hash bytea not null,
    rent_payer bytea not null,
    terms jsonb not null,
    pending_terms jsonb not null,
    terms_change_at bigint not null,
    bump smallint not null,
    authority_bump smallint not null
);

create table payment_mint (
    address bytea primary key,
    slot bigint not null,
    write_version bigint not null,
    closed boolean not null,
    data bytea not null,
    mint bytea not null,
    token_program bytea not null,
    treasury bytea not null,
    rent_payer bytea not null,
    minimum_price numeric(20, 0) not null,
    stake_rate numeric(20, 0) not null,
    enabled smallint not null,
    decimals smallint not null,
    bump smallint not null
);

create table customer (
    address bytea primary key,
    slot bigint not null,
    write_version bigint not null,
    closed boolean not null,
    data bytea not null,
    wallet bytea not null,
    rent_payer bytea not null,
    next_job_id numeric(20, 0) not null,
    open_jobs bigint not null,
    bump smallint not null
);

create table job (
    address bytea primary key,
    slot bigint not null,
    write_version bigint not null,
    closed boolean not null,
    data bytea not null,
    customer bytea not null,
    mint bytea not null,
    node bytea not null,
    provider bytea not null,
    matcher bytea not null,
    rent_payer bytea not null,
    spec_hash bytea not null,
    output_digest bytea not null,
    id numeric(20, 0) not null,
    deposited numeric(20, 0) not null,
    max_price_per_hour numeric(20, 0) not null,
    price_per_hour numeric(20, 0) not null,
    paid_out numeric(20, 0) not null,
    bond numeric(20, 0) not null,
    sequence numeric(20, 0) not null,
    created_at bigint not null,
    active_at bigint not null,
    started_at bigint not null,
    ended_at bigint not null,
    max_duration bigint not null,
    start_deadline bigint not null,
    proof_timeout bigint not null,
    assignment bigint not null,
    served_seconds bigint not null,
    released_seconds bigint not null,
    checkpoint_seconds bigint not null,
    checkpoint_at bigint not null,
    exit_code integer not null,
    disk_gib bigint not null,
    mbps bigint not null,
    barred jsonb not null,
    gpu_models jsonb not null,
    countries jsonb not null,
    vram_gib integer not null,
    ram_gib integer not null,
    flags integer not null,
    reputation_bps integer not null,
    sla_uptime_bps integer not null,
    gpu_count smallint not null,
    tier smallint not null,
    status smallint not null,
    outcome smallint not null,
    options smallint not null,
    bump smallint not null,
    vault_bump smallint not null
);

create table dispute (
    address bytea primary key,
    slot bigint not null,
    write_version bigint not null,
    closed boolean not null,
    data bytea not null,
    job bytea not null,
    opener bytea not null,
    rent_payer bytea not null,
    reason_hash bytea not null,
    bond numeric(20, 0) not null,
    opened_at bigint not null,
    deadline bigint not null,
    votes jsonb not null,
    bump smallint not null
);
-- What the programs reported, in the order of the chain. Append only.
create table event (
    signature bytea not null,
    -- Place in its transaction, from 0.
    index integer not null,
    slot bigint not null,
    -- Place of the transaction in its block.
    transaction_index bigint not null,
    block_time bigint,
    program text not null,
    name text not null,
    -- Every key in the event's data.
    accounts bytea[] not null,
    data jsonb not null,
    primary key (signature, index)
);

create index event_slot on event (slot, transaction_index, index);
create index event_accounts on event using gin (accounts);
create index event_name on event (name, slot);

-- How far the tables are: every confirmed slot up to this one is in them. One row.
create table checkpoint (
    id smallint primary key default 1 check (id = 1),
    slot bigint not null,
    -- Null after a snapshot: there is no block that the checkpoint stands for.
    blockhash text,
    block_time bigint,
    genesis_hash text not null,
    updated_at timestamptz not null default now()
);

-- Slots whose account states are known, by a snapshot, but whose events are not.
create table event_gap (
    from_slot bigint primary key,
    to_slot bigint not null,
    recorded_at timestamptz not null default now(),
    check (from_slot <= to_slot)
);

create index provider_authority on provider (authority);
create index node_provider on node (provider);
create index node_price on node (price_mint, price_per_hour) where not closed;
create index position_pool on position (pool);
create index position_owner on position (owner);
create index job_created on job (created_at desc, address desc);
create index job_customer on job (customer, created_at desc, address desc);
create index job_provider on job (provider, created_at desc, address desc);
create index job_status on job (status, created_at desc, address desc) where not closed;

-- Base58 of a key, for people at a prompt.
create function base58(bytes bytea) returns text
language plpgsql immutable strict parallel safe as $$
declare
    alphabet constant text := '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
    value numeric := 0;
    digits text := '';
begin
    for i in 0 .. length(bytes) - 1 loop
        value := value * 256 + get_byte(bytes, i);
    end loop;
    while value > 0 loop
        digits := substr(alphabet, (value % 58)::integer + 1, 1) || digits;
        value := div(value, 58);
    end loop;
    for i in 0 .. length(bytes) - 1 loop
        exit when get_byte(bytes, i) <> 0;
        digits := '1' || digits;
    end loop;
    return digits;
end
$$;
