#!/bin/bash
# A copy of the primary that follows it: made the first time, with what it takes to follow written into it.
set -euo pipefail
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  chmod 700 "$PGDATA"
  pg_basebackup --host postgres --username replicator --pgdata "$PGDATA" --wal-method stream --slot replica --write-recovery-conf --progress
fi
exec postgres -c hot_standby=on -c max_connections=300
