#!/bin/bash
# Run once, by the image of PostgreSQL, when the primary's data directory is empty: who may do what.
set -euo pipefail
# Not a superuser: those are exempt from the policies that keep sellers apart. It makes the schemas of the services itself.
psql -v ON_ERROR_STOP=1 -v password="$ROLE_PASSWORD" -v replication="$REPLICATION_PASSWORD" --username "$POSTGRES_USER" <<'SQL'
CREATE ROLE souk LOGIN PASSWORD :'password';
CREATE DATABASE souk OWNER souk;
CREATE ROLE replicator LOGIN REPLICATION PASSWORD :'replication';
SELECT pg_create_physical_replication_slot('replica');
SQL
echo "host replication replicator all scram-sha-256" >>"$PGDATA/pg_hba.conf"
