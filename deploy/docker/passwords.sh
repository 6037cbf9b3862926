#!/bin/sh
# Run once by the image of Postgres: the roles of roles.sql get the password that it was given.
set -eu
psql --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" --set ON_ERROR_STOP=1 --set "word=$POSTGRES_PASSWORD" <<'SQL'
alter role gantry_indexer password :'word';
alter role gantry_api password :'word';
SQL
