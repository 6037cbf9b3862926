#!/bin/bash
# Runs in the machine, as root and with systemd as its process 1: installs as docs/operations.md and docs/node.md say, and
# sees each unit run. What it finds goes to standard output; the last line says whether all of it held.
set -euo pipefail

# The network outside, and the keys of those who do not belong here: a provider and a customer.
. /mnt/network/env
export PATH=/usr/local/bin:$PATH HOME=/root
UNITS='gantry-indexer gantry-indexer-api@8081 gantry-matcher gantry-node'
# Seconds that anything waited for may take: the machine is emulated, and the programs are debug builds.
PATIENCE=240
BLOBS=/var/lib/gantry-node/blobs
started=$SECONDS

step() { printf '\n== %s (%s s)\n' "$1" "$((SECONDS - started))"; }
held() { printf 'ok: %s\n' "$1"; }
fail() { printf 'FAILED: %s\n' "$1"; exit 1; }

finish() {
  status=$?
  if [ "$status" != 0 ]; then
    printf '\nwhat the units said\n'
    systemctl --no-pager --full --lines=0 status $UNITS postgresql || true
    journalctl --no-pager --since="$begin" --lines=300 --output=short-precise $(printf -- '--unit=%s ' $UNITS init.scope) || true
    printf '\nthe units do not hold\n'
  else
    printf '\nall units hold\n'
  fi
}
trap finish EXIT

# Waits until a command succeeds. Not asked too often: each look takes of the one processor that everything has.
await() {
  local what=$1 end=$((SECONDS + PATIENCE)); shift
  until "$@" > /dev/null 2>&1; do
    [ "$SECONDS" -lt "$end" ] || fail "$what: not within $PATIENCE s: $*"
    sleep 2
  done
  held "$what"
}

# The moment from which the journal is waited for. Not a cursor: behind one, journalctl of systemd 252 leaves out the first
# line that a filter lets through.
now() { date +@%s.%6N; }

# Waits until a unit writes a line with these words, after that moment.
logged() {
  local unit=$1 words=$2 from=$3 line
  line=$(timeout "$PATIENCE" grep --max-count=1 --fixed-strings -- "$words" \
    < <(journalctl --quiet --follow --no-tail --since="$from" --unit="$unit" --output=cat)) \
    || fail "$unit never says: $words"
  printf 'ok: %s says: %s\n' "$unit" "$line"
}

begin=$(now)

property() { systemctl show --property="$2" --value "$1"; }

# A unit that runs, as the user that it should run as and no other.
runs_as() {
  local pid user
  [ "$(property "$1" ActiveState)" = active ] || fail "$1 is $(property "$1" ActiveState)"
  pid=$(property "$1" MainPID)
  user=$(stat --format=%U "/proc/$pid")
  [ "$user" = "$2" ] || fail "$1 runs as $user, not $2"
  grep --quiet '^CapEff:\s*0*$' "/proc/$pid/status" || fail "$1 has capabilities"
  grep --quiet '^NoNewPrivs:\s*1$' "/proc/$pid/status" || fail "$1 may get privileges"
  held "$1 runs as $user, without capabilities, with $(($(property "$1" MemoryCurrent) / 1048576)) MiB"
}

# A process that is killed is started again by Restart=.
returns() {
  local before restarts
  before=$(property "$1" MainPID) restarts=$(property "$1" NRestarts)
  kill -KILL "$before"
  await "$1 is started again after kill -9" \
    eval "[ \$(property $1 NRestarts) -gt $restarts ] && [ \$(property $1 ActiveState) = active ]"
  [ "$(property "$1" MainPID)" != "$before" ] || fail "$1 has the same process"
}

# A unit that is stopped ends by itself, within its time and without an error.
stops() {
  timeout "$PATIENCE" systemctl stop "$1" || fail "$1 does not stop"
  [ "$(property "$1" Result) $(property "$1" ExecMainStatus)" = 'success 0' ] \
    || fail "$1 stopped with $(property "$1" Result), status $(property "$1" ExecMainStatus)"
  held "$1 stops, status 0"
}

ready() { [ "$(curl --silent --max-time 30 --output /dev/null --write-out '%{http_code}' "http://127.0.0.1:$1/readyz")" = 200 ]; }

# `gantry` as one of those outside; the blob store is the node's own folder, whose user therefore runs it.
as() {
  local wallet=$1; shift
  HOME=/var/lib/gantry-node GANTRY_KEYPAIR=/run/keys/$wallet.json runuser --user=gantry-node -- gantry "$@"
}

step 'what this is'
printf '%s, kernel %s, %s\n' "$(. /etc/os-release; echo "$PRETTY_NAME")" "$(uname -r)" "$(systemctl --version | head -n 1)"
[ "$(ps --pid 1 --format comm=)" = systemd ] || fail 'process 1 is not systemd'
export GANTRY_RPC_URL=$RPC_URL GANTRY_RUN_DIR=/mnt/network GANTRY_BLOB_DIR=$BLOBS
await 'the network outside answers' curl --silent --max-time 30 --fail --json '{"jsonrpc":"2.0","id":1,"method":"getHealth"}' "$RPC_URL"

step 'docs/operations.md, Install: programs, settings, database'
cd /mnt
install bin/* /usr/local/bin/
install -d /etc/gantry && install -m 644 deploy/gantry-indexer.toml /etc/gantry/indexer.toml
sed --in-place "s|^rpc_url = .*|rpc_url = \"$RPC_URL\"|; s|^grpc_url = .*|grpc_url = \"$GRPC_URL\"|" /etc/gantry/indexer.toml
await 'postgresql runs' runuser --user=postgres -- psql --command 'select 1'
runuser --user=postgres -- createdb gantry
for time in first second; do
  runuser --user=postgres -- psql --quiet --dbname gantry --set ON_ERROR_STOP=1 < deploy/postgres/roles.sql
  held "roles.sql for the $time time"
done
runuser --user=postgres -- psql --quiet --dbname gantry --command "alter role gantry_indexer password 'writes'"
runuser --user=postgres -- psql --quiet --dbname gantry --command "alter role gantry_api password 'reads'"

step 'docs/operations.md, Install: gantry-indexer'
for user in gantry-indexer gantry-matcher; do
  useradd --system --no-create-home --shell /usr/sbin/nologin $user
done
install -m 644 deploy/systemd/*.service /etc/systemd/system/
install -m 600 /dev/stdin /etc/gantry/indexer.env <<'ENV'
DATABASE_URL=postgres://gantry_indexer:writes@localhost/gantry
ENV
systemctl daemon-reload
from=$(now)
systemctl enable --now gantry-indexer
await 'gantry-indexer is ready' ready 8080
runs_as gantry-indexer gantry-indexer
logged gantry-indexer 'serving address=' "$from"
systemctl --no-pager --full --lines=3 status gantry-indexer
from=$(now)
systemctl restart gantry-indexer
logged gantry-indexer 'serving address=' "$from"
await 'gantry-indexer is ready again' ready 8080
returns gantry-indexer
await 'gantry-indexer is ready after that' ready 8080

step 'docs/operations.md, Install: gantry-indexer-api@8081'
install -m 644 deploy/gantry-indexer.toml /etc/gantry/indexer-api.toml
install -m 600 /dev/stdin /etc/gantry/indexer-api.env <<'ENV'
DATABASE_URL=postgres://gantry_api:reads@localhost/gantry
ENV
systemctl enable --now gantry-indexer-api@8081
await 'gantry-indexer-api@8081 is ready' ready 8081
runs_as gantry-indexer-api@8081 gantry-indexer
role=$(runuser --user=postgres -- psql --tuples-only --no-align \
  --command "select distinct usename from pg_stat_activity where datname = 'gantry' and usename <> 'gantry_indexer' and pid <> pg_backend_pid()")
[ "$role" = gantry_api ] || fail "the instance connects as $role"
held 'it connects as gantry_api'

step 'docs/operations.md, Install: gantry-matcher'
gantry keys new /etc/gantry/matcher.json
gantry airdrop --sol 1 --to /etc/gantry/matcher.json
[ "$(stat --format='%U %a' /etc/gantry/matcher.json)" = 'root 600' ] || fail 'the wallet is not root:root, mode 0600'
install -m 600 /dev/stdin /etc/gantry/matcher.env <<ENV
GANTRY_RPC_URL=$RPC_URL
GANTRY_GRPC_URL=$GRPC_URL
ENV
from=$(now)
systemctl enable --now gantry-matcher
logged gantry-matcher 'serves matcher=' "$from"
runs_as gantry-matcher gantry-matcher
ls -l /run/credentials/gantry-matcher.service/
from=$(now)
returns gantry-matcher
logged gantry-matcher 'serves matcher=' "$from"

step 'docs/node.md, Setting up a machine'
useradd --system --home-dir /var/lib/gantry-node --shell /usr/sbin/nologin gantry-node
install -d -o gantry-node -g gantry-node -m 0700 /etc/gantry/node
runuser -u gantry-node -- gantry-node keygen /etc/gantry/node/node.json
runuser -u gantry-node -- gantry-node keygen /etc/gantry/node/operator.json
gantry airdrop --sol 0.5 --to /etc/gantry/node/operator.json
gantry-node detect
# What jobs may run.
install -D -m 755 /mnt/work /usr/local/lib/gantry-jobs/work
install -m 600 /dev/stdin /etc/gantry/node.env <<ENV
GANTRY_NODE_KEY=/etc/gantry/node/node.json
GANTRY_OPERATOR_KEY=/etc/gantry/node/operator.json
GANTRY_PROVIDER=$PROVIDER
GANTRY_RPC_URL=$RPC_URL
GANTRY_BLOB_DIR=$BLOBS
GANTRY_RUNNERS=process
GANTRY_SEARCH_PATH=/usr/local/lib/gantry-jobs
GANTRY_SANDBOX=required
GANTRY_STATUS_LISTEN=127.0.0.1:9464
GANTRY_ON_SIGTERM=finish
ENV

# A key that others can read: refused, with what to do, until it is mended.
chmod 644 /etc/gantry/node/node.json
from=$(now)
systemctl enable --now gantry-node
logged gantry-node 'chmod 600 /etc/gantry/node/node.json' "$from"
await 'gantry-node waits for its next try' eval '[ "$(systemctl show --property=SubState --value gantry-node)" = auto-restart ]'
[ "$(property gantry-node ExecMainStatus)" != 0 ] || fail 'the refusal ends with status 0'
chmod 600 /etc/gantry/node/node.json
logged gantry-node 'waiting' "$from"
gantry-node list --wallet /mnt/network/keys/provider.json --node-key /etc/gantry/node/node.json --price 0.50 --country DE
logged gantry-node 'serves node=' "$from"
runs_as gantry-node gantry-node
[ "$(stat --format='%U %a' /var/lib/gantry-node)" = 'gantry-node 700' ] || fail '/var/lib/gantry-node is not its user'"'"'s alone'
from=$(now)
returns gantry-node
logged gantry-node 'serves node=' "$from"
await 'gantry-node answers about itself' curl --silent --max-time 30 --fail http://127.0.0.1:9464/healthz

step 'a job from its opening to its settlement, all units at work'
install -d -o gantry-node -m 0700 /run/keys
install -o gantry-node -m 600 /mnt/network/keys/customer.json /run/keys/
from=$(now)
as customer job open /mnt/short.json --yes
logged gantry-node assigned "$from"
logged gantry-node 'receipt posted' "$from"
as customer job watch 0
as customer job show 0 --output json > /tmp/job.json
cat /tmp/job.json
logged gantry-node 'exit_code=0' "$from"
logged gantry-node 'done job=' "$from"
logged gantry-matcher 'settle_job for job' "$from"
api() { curl --silent --max-time 30 --fail "http://127.0.0.1:$1/v1/jobs?limit=1" | grep --quiet '"status":"closed"'; }
await 'gantry-indexer has the job as closed' api 8080
await 'gantry-indexer-api@8081 has the job as closed' api 8081

step 'docs/node.md, draining: SIGTERM while a job runs'
from=$(now)
as customer job open /mnt/long.json --yes
logged gantry-node 'runs job=' "$from"
before=$(now)
stops gantry-node
logged gantry-node drains "$before"
logged gantry-node "the job's command has ended" "$before"
logged gantry-node 'drained: no job is left' "$before"
as customer job watch 1

step 'gantry-indexer verify, as gantry_api'
DATABASE_URL=postgres://gantry_api:reads@localhost/gantry gantry-indexer verify --rpc-url "$RPC_URL" | tee /tmp/verify
grep --quiet '^differences: 0$' /tmp/verify || fail 'the tables differ from the chain'

step 'stopping'
# A stream that is open says that the instance ends.
curl --silent --no-buffer 'http://127.0.0.1:8080/v1/events/stream?after=0' > /tmp/stream & stream=$!
await 'a stream of events is open' [ -s /tmp/stream ]
stops gantry-indexer
wait "$stream" || true
grep --quiet 'retry: 1000' /tmp/stream || fail 'the stream was cut off without a word'
held 'the stream was told to come back'
stops gantry-indexer-api@8081
stops gantry-matcher
for unit in gantry-indexer gantry-indexer-api@8081 gantry-matcher gantry-node; do
  systemd-analyze security --no-pager $unit.service | tail -n 1
done
journalctl --quiet --no-pager --since="$begin" --priority=warning --output=short $(printf -- '--unit=%s ' $UNITS init.scope) || true
