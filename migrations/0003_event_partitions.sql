-- Events as history: append only, partitioned by slot, so that what is too old is dropped a partition at a time.

alter table event rename to event_unpartitioned;
alter index event_pkey rename to event_unpartitioned_pkey;
drop index event_slot, event_accounts, event_name;

create table event (
    slot bigint not null,
    -- Place of the transaction in its block.
    transaction_index bigint not null,
    -- Place in its transaction, from 0.
    index integer not null,
    signature bytea not null,
    block_time bigint,
    program text not null,
    name text not null,
    -- The job that it is about, if it names one.
    job bytea,
    -- Every key in the event's data.
    accounts bytea[] not null,
    data jsonb not null,
    primary key (slot, signature, index)
) partition by range (slot);

create index event_order on event (slot, transaction_index, index);
create index event_job on event (job, slot, transaction_index, index) where job is not null;
create index event_accounts on event using gin (accounts);
create index event_name on event (name, slot);

-- Slots in one partition: about four and a half days of a cluster.
create function event_partition_slots() returns bigint
language sql immutable parallel safe as 'select 1000000::bigint';

-- The partition for `slot`, made if it is not there. It is filled in before it is attached, so that no reader of the other
-- partitions waits.
create function ensure_event_partition(of_slot bigint) returns text
language plpgsql as $$
declare
    width constant bigint := event_partition_slots();
    number constant bigint := of_slot / width;
    name constant text := 'event_p' || number;
begin
    if to_regclass(name) is null then
        execute format('create table %I (like event including defaults including constraints)', name);
        execute format(
            'alter table event attach partition %I for values from (%s) to (%s)',
            name, number * width, (number + 1) * width
        );
    end if;
    return name;
end
$$;

-- Drops the partitions that hold nothing from `keep_from` on; says how many.
create function drop_event_partitions(keep_from bigint) returns integer
language plpgsql as $$
declare
    width constant bigint := event_partition_slots();
    part record;
    dropped integer := 0;
begin
    for part in
        select c.relname as name, substr(c.relname, 8)::bigint as number
        from pg_inherits i join pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'event'::regclass and c.relname ~ '^event_p[0-9]+$'
    loop
        if (part.number + 1) * width <= keep_from then
            execute format('drop table %I', part.name);
            dropped := dropped + 1;
        end if;
    end loop;
    return dropped;
end
$$;

select ensure_event_partition(number * event_partition_slots())
from (select distinct slot / event_partition_slots() as number from event_unpartitioned) numbers;

-- A key of an event's data as bytes: the inverse of `base58`.
create function unbase58(digits text) returns bytea
language plpgsql immutable strict parallel safe as $$
declare
    alphabet constant text := '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
    value numeric := 0;
    bytes bytea := '';
begin
    for i in 1 .. length(digits) loop
        value := value * 58 + strpos(alphabet, substr(digits, i, 1)) - 1;
    end loop;
    while value > 0 loop
        bytes := set_byte('\x00'::bytea, 0, (value % 256)::integer) || bytes;
        value := div(value, 256);
    end loop;
    for i in 1 .. length(digits) loop
        exit when substr(digits, i, 1) <> '1';
        bytes := '\x00'::bytea || bytes;
    end loop;
    return bytes;
end
$$;

insert into event (slot, transaction_index, index, signature, block_time, program, name, job, accounts, data)
    select slot, transaction_index, index, signature, block_time, program, name, unbase58(data ->> 'job'), accounts, data
    from event_unpartitioned;
drop table event_unpartitioned;

-- Gaps are filled from the chain's history; the row stays to say so.
alter table event_gap add column filled_at timestamptz;

-- What every event about a job moved. `kind` is the field of the event that says the amount, in base units: of the job's
-- mint, or of the stake mint where `of_stake`.
create view job_transfer as
    select e.job, e.slot, e.transaction_index, e.index, e.block_time, e.signature, e.name as event, m.kind,
        (e.data ->> m.kind)::numeric(20, 0) as amount, m.of_stake
    from event e
    join (values
        ('JobOpened', 'deposited', false),
        ('JobToppedUp', 'added', false),
        ('JobCancelled', 'refunded', false),
        ('JobClaimed', 'to_provider', false),
        ('JobClaimed', 'to_delegators', false),
        ('JobSettled', 'to_provider', false),
        ('JobSettled', 'to_delegators', false),
        ('JobSettled', 'to_matcher', false),
        ('JobSettled', 'to_treasury', false),
        ('JobSettled', 'to_customer', false),
        ('DisputeOpened', 'bond', false),
        ('DisputeResolved', 'bond', false),
        ('DisputeResolved', 'slashed', true),
        ('AssignmentExpired', 'slashed', true),
        ('CreditSlashed', 'slashed', true),
        ('EquivocationSlashed', 'slashed', true)
    ) as m (event, kind, of_stake) on m.event = e.name
    where e.job is not null and e.data ? m.kind
    union all
    -- The staking program says who received what was slashed, in the transaction of the market's own event.
    select j.job, e.slot, e.transaction_index, e.index, e.block_time, e.signature, e.name, m.kind,
        (e.data ->> m.kind)::numeric(20, 0), true
    from event e
    join lateral (
        select distinct o.job from event o
        where o.slot = e.slot and o.signature = e.signature and o.job is not null
    ) j on true
    join (values ('to_customer'), ('to_reporter'), ('to_treasury')) as m (kind) on true
    where e.program = 'staking' and e.name = 'Slashed' and (e.data ->> m.kind)::numeric > 0;

-- The life of every job: what happened, when, in which transaction, and the amounts that it moved.
create view job_timeline as
    select e.job, e.slot, e.transaction_index, e.index, e.block_time, e.signature, e.program, e.name, e.data,
        coalesce(
            (select jsonb_object_agg(t.kind, t.amount::text) from job_transfer t
             where t.job = e.job and t.slot = e.slot and t.signature = e.signature and t.index = e.index),
            '{}'::jsonb
        ) as amounts
    from event e
    where e.job is not null;
