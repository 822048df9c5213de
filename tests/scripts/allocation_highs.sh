#!/usr/bin/env bash
# Sets HiGHS beside the allocation solver: the same lowest levels and costs, and how many times as
# fast. Takes some minutes, most of them HiGHS's own. Needs Python 3 with venv and PyPI, or a Python
# that has highspy in $PYTHON.
set -euo pipefail
cd "$(dirname "$0")/../.."

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

if [ -z "${PYTHON:-}" ]; then
  python3 -m venv "$folder/venv"
  "$folder/venv/bin/pip" --quiet install 'highspy==1.16.0'
  PYTHON="$folder/venv/bin/python"
fi
cargo bench --quiet --bench allocation -- --cases "$folder/cases"
"$PYTHON" tests/scripts/allocation_highs.py "$folder/cases" "$@"
