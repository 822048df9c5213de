#!/usr/bin/env bash
# What questions cost as history grows, on both databases: SQLite files, and a throw-away PostgreSQL.
# Prints JSON; every ratio is to lie below 2. Not a test: nothing fails here.
#
#   CHANGBEI   the binary; measure a release build on an otherwise idle machine
set -euo pipefail
cd "$(dirname "$0")/../.."
source tests/scripts/service.sh

step "SQLite" >&2
tests/scripts/history_cost.py "$CHANGBEI" "$@"
step "PostgreSQL" >&2
start_postgres
tests/scripts/history_cost.py "$CHANGBEI" --server "$DATABASE_URL" "$@"
