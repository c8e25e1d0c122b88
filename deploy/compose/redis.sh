#!/bin/sh
# Starts Redis with one user, Souk's, who may use what Souk uses under names that begin with `souk.`. The password comes by standard input,
# so that it stands in no command line.
set -eu
exec redis-server /etc/redis.conf - <<CONF
user default reset
user souk reset on >$REDIS_PASSWORD ~souk.* &souk.* +@connection +@string +@pubsub +@scripting +time -@dangerous
CONF
