-- What it takes to go back and what changed, in few large rows instead of one for each account: writing them costs a
-- fraction, and deleting them a fraction of that.

alter table undo rename to undo_by_account;
alter index undo_pkey rename to undo_by_account_pkey;
drop index undo_address;

-- The rows of one table as they were before a block changed them: the same place in each list is the same account. Kept
-- until the block is final, and some slots longer so that tables can be compared with the chain at a final slot.
create table undo (
    slot bigint not null,
    -- The table of the rows.
    account text not null,
    -- Statements of one block, from 0. No account is in two of them.
    part smallint not null,
    address bytea[] not null,
    -- Null elements where there was no row.
    before_slot bigint[] not null,
    before_write_version bigint[] not null,
    before_closed boolean[] not null,
    before_data bytea[] not null,
    primary key (slot, account, part)
);

-- Keys and hashes do not compress.
alter table undo
    alter column address set storage external,
    alter column before_data set storage external;

insert into undo (slot, account, part, address, before_slot, before_write_version, before_closed, before_data)
    select slot, account, 0, array_agg(address order by address), array_agg(before_slot order by address),
        array_agg(before_write_version order by address), array_agg(before_closed order by address),
        array_agg(before_data order by address)
    from undo_by_account group by slot, account;
drop table undo_by_account;

-- The same, a row for each account.
create view undo_row as
    select u.slot, u.account, r.address, r.before_slot, r.before_write_version, r.before_closed, r.before_data
    from undo u, unnest(u.address, u.before_slot, u.before_write_version, u.before_closed, u.before_data)
        as r (address, before_slot, before_write_version, before_closed, before_data);

-- Changes of several accounts in one row: `id` is the last of `count` ids, one for each of the addresses in order. Ids
-- still have no holes and never go back.
alter table outbox
    add column count integer not null default 1 check (count > 0),
    add column addresses bytea[],
    alter column addresses set storage external;
update outbox set addresses = array[address] where address is not null;
alter table outbox
    drop column address,
    add check (addresses is null or cardinality(addresses) = count);

-- Room on every page for the next version of its rows. An update that changes no indexed column then writes no index.
alter table job set (fillfactor = 75);
alter table node set (fillfactor = 75);
alter table pool set (fillfactor = 75);
alter table position set (fillfactor = 75);
alter table provider set (fillfactor = 75);
alter table customer set (fillfactor = 75);
