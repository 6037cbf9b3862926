-- Ids of the change feed are of an epoch, which begins whenever an instance begins to write. Tables that were restored from a
-- backup, or emptied, count on from an older id: what they give out then is not what somebody had under that number before,
-- and the epoch tells the two apart.
create table feed_epoch (
    -- Milliseconds since 1970 by this server's clock when it began, or more: later ones are larger.
    epoch bigint primary key,
    -- The newest id before it.
    after bigint not null
);

-- Whatever was given out so far is of this one.
insert into feed_epoch (epoch, after) values ((extract(epoch from clock_timestamp()) * 1000)::bigint, 0);
