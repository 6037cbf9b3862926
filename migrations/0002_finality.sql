-- What it takes to go back: the blocks that were written, and of every row that a block changed the state before it.

-- Every confirmed block that was written, each the child of the one before.
create table block (
    slot bigint primary key,
    -- Null where it is not known: the block was written before this table was made.
    parent bigint,
    blockhash text not null,
    block_time bigint,
    check (parent < slot)
);

-- The row of an account as it was before a block changed it. Kept until the block is final, and some slots longer so that
-- tables can be compared with the chain at a final slot.
create table undo (
    slot bigint not null,
    -- The table of the row.
    account text not null,
    address bytea not null,
    -- All null where there was no row.
    before_slot bigint,
    before_write_version bigint,
    before_closed boolean,
    before_data bytea,
    primary key (slot, account, address)
);

create index undo_address on undo (account, address, slot);

-- What changed, in the order in which it was written. `id` has no holes and never goes back, whatever happens to the chain.
--   account    a row of the table `name` was written        address
--   closed     the account of such a row is gone            address
--   event      an event `name` was reported                 signature, index
--   undone     an abandoned block's change was taken back   address, or signature and index
--   rollback   all blocks after `slot` were taken back
--   finalized  everything up to `slot` is final
--   snapshot   all accounts were read again at `slot`
create table outbox (
    id bigint primary key,
    slot bigint not null,
    kind text not null,
    name text not null default '',
    address bytea,
    signature bytea,
    index integer
);

-- Accounts whose state the stream leaves open: read from the chain once `slot` is final.
create table doubt (
    address bytea primary key,
    slot bigint not null
);

alter table checkpoint
    -- Everything up to this slot is final: rows and events of later slots may still be taken back.
    add column finalized_slot bigint not null default 0,
    -- Nothing up to this slot can be taken back: it was read as a whole.
    add column snapshot_slot bigint not null default 0,
    -- The newest id of the outbox.
    add column outbox_id bigint not null default 0;

-- What was written so far left no undo rows.
update checkpoint set snapshot_slot = slot;
insert into block (slot, blockhash, block_time)
    select slot, blockhash, block_time from checkpoint where blockhash is not null;
