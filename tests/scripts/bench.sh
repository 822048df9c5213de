#!/usr/bin/env bash
# The throughput that the README promises, on both databases: `changbei bench` on a throw-away SQLite
# file, and on a throw-away PostgreSQL that keeps its promises (fsync and synchronous_commit on), beside
# `pgbench` with the same statements. Prints JSON. Not a test: nothing fails here.
#
#   CHANGBEI   the binary; measure a release build on an otherwise idle machine
#   SECONDS_EACH  how long each measurement takes (default: 10)
set -euo pipefail
cd "$(dirname "$0")/../.."
source tests/scripts/service.sh

each="${SECONDS_EACH:-10}"
step "SQLite" >&2
"$CHANGBEI" bench --seconds "$each" "$@"
step "PostgreSQL" >&2
FSYNC=on start_postgres
pgbench="$(command -v pgbench || ls /usr/lib/postgresql/*/bin/pgbench | sort -V | tail -n 1)"
"$CHANGBEI" bench --seconds "$each" --pgbench "$pgbench" "$@"
