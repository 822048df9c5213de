#!/usr/bin/env bash
# Divides 31 202 real requests for protective equipment, day by day and item by item, by each policy,
# and prints how the fair ones do against first come, first served.
#
#   CHANGBEI_DATA   the folder of the files (default: ../shared/data; without it nothing is done)
set -euo pipefail
cd "$(dirname "$0")/.."

export CHANGBEI_DATA="${CHANGBEI_DATA:-$PWD/../shared/data}"
cargo test --quiet --test allocation real_requests -- --nocapture
