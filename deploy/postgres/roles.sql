-- The roles of an indexer's database, for psql as a superuser and connected to that database. It can be run again at any time.
--
--   gantry_indexer  owns the tables and writes them                          `gantry-indexer run`, `verify`
--   gantry_api      reads the tables                                         `gantry-indexer serve`
--   gantry_analyst  reads the views in the schema `analytics`, nothing else  people and their tools
--
-- Passwords are set afterwards: \password gantry_indexer and so on. Run it before the first start of the indexer, so that
-- gantry_indexer owns what it makes; where the views exist already they are granted at once, and otherwise as they are made.

do $$
declare
    role_name text;
begin
    foreach role_name in array array['gantry_indexer', 'gantry_api', 'gantry_analyst'] loop
        begin
            execute format('create role %I login', role_name);
        exception when duplicate_object or unique_violation then
            null;
        end;
    end loop;
    execute format('revoke all on database %I from public', current_database());
    execute format('grant connect, create on database %I to gantry_indexer', current_database());
    execute format('grant connect on database %I to gantry_api, gantry_analyst', current_database());
end
$$;

-- Only who writes makes anything here.
revoke create on schema public from public;
grant usage, create on schema public to gantry_indexer;
grant usage on schema public to gantry_api, gantry_analyst;
grant select on all tables in schema public to gantry_api;
alter default privileges for role gantry_indexer in schema public grant select on tables to gantry_api;

-- Advisory locks say who leads: nobody else may take one. Large objects are tables that anybody could fill.
do $$
declare
    found regprocedure;
begin
    for found in
        select oid::regprocedure from pg_proc
        where pronamespace = 'pg_catalog'::regnamespace
            and (proname ~ '^pg_(try_)?advisory_' or proname ~ '^lo_' or proname = 'lowrite')
    loop
        execute format('revoke execute on function %s from public', found);
        if found::text ~ 'advisory' then
            execute format('grant execute on function %s to gantry_indexer', found);
        end if;
    end loop;
end
$$;

-- The schema belongs to who migrates, and is made here so that the grants below it reach views to come.
create schema if not exists analytics authorization gantry_indexer;
grant usage on schema analytics to gantry_analyst;
grant select on all tables in schema analytics to gantry_analyst;
alter default privileges for role gantry_indexer in schema analytics grant select on tables to gantry_analyst;

-- Settings hold for logins of this very name. They keep mistakes small; what an analyst may do is in the grants.
alter role gantry_analyst set search_path = analytics, public;
alter role gantry_analyst set default_transaction_read_only = on;
alter role gantry_analyst set statement_timeout = '30s';
alter role gantry_analyst set idle_in_transaction_session_timeout = '60s';
alter role gantry_analyst set temp_file_limit = '2GB';
alter role gantry_analyst connection limit 10;
alter role gantry_api set default_transaction_read_only = on;
