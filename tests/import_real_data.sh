#!/usr/bin/env bash
# Real files go in: notices of the Wuhan Red Cross of January 2020 as requests, and 10 324 shipments
# of the USAID supply chain programme as receipts. Prints what was accepted and what was refused.
#
#   CHANGBEI        the binary (default: built by cargo)
#   CHANGBEI_DATA   the folder of the files (default: ../shared/data; without it nothing is done)
set -euo pipefail
cd "$(dirname "$0")/.."

DATA="${CHANGBEI_DATA:-../shared/data}"
NOTICES="$DATA/wuhan_redcross/dispatch_lines.csv"
SHIPMENTS="$DATA/scms/SCMS_Delivery_History_Dataset.csv"
if [ ! -f "$NOTICES" ] || [ ! -f "$SHIPMENTS" ]; then
    echo "no real data in $DATA: nothing imported"
    exit 0
fi
source tests/scripts/service.sh

export CHANGBEI_LANGUAGE=en CHANGBEI_LOG_LEVEL=warn CHANGBEI_DATA_DIR="$DATA_DIR"

fail() {
    echo "$*" >&2
    exit 1
}

# Imports, shows the counts, and requires the exit code named first and the words named second.
import() {
    local expected="$1" words="$2" result=0 began=$SECONDS
    shift 2
    "$CHANGBEI" import "$@" >"$SCRATCH/report" || result=$?
    tail -n 1 "$SCRATCH/report" | sed "s/\$/ ($((SECONDS - began)) s)/"
    [ "$result" = "$expected" ] || { tail -n 20 "$SCRATCH/report"; fail "exit $result, not $expected"; }
    grep -qF "$words" "$SCRATCH/report" || { tail -n 20 "$SCRATCH/report"; fail "not said: $words"; }
}

stores_of() {
    tail -n +2 "$1" | cut -d, -f1 | sed 's/^/--store /'
}

"$CHANGBEI" migrate >/dev/null 2>&1
"$CHANGBEI" user add admin --role admin >/dev/null 2>&1

step "Wuhan, January 2020: requests of hospitals"
import 0 "50 accepted" items tests/import/wuhan_items.csv --as admin
import 0 "23 accepted" stores tests/import/wuhan_stores.csv --as admin
# shellcheck disable=SC2046
"$CHANGBEI" user add wuhan --role procurement $(stores_of tests/import/wuhan_stores.csv) >/dev/null 2>&1
NOTICES_AS=(dispatches "$NOTICES" --as wuhan --map tests/import/wuhan_dispatches.toml)
import 1 "174 refused; a dry run" "${NOTICES_AS[@]}" --dry-run
import 1 "76 accepted" "${NOTICES_AS[@]}" --rejects "$SCRATCH/refused.csv"
import 1 "0 accepted (0 documents), 76 already imported" "${NOTICES_AS[@]}"
echo "why lines were refused:"
python3 - "$SCRATCH/refused.csv" <<'PYTHON'
import collections
import csv
import sys

with open(sys.argv[1], encoding="utf-8-sig", newline="") as file:
    rows = list(csv.DictReader(file))
for reason, count in collections.Counter(row["rejected_reason"] for row in rows).most_common():
    print(f"  {count:4} {reason}")
assert len(rows) == 174, len(rows)
PYTHON

step "SCMS, 2006 to 2015: receipts of shipments"
import 0 "184 accepted" items "$SHIPMENTS" --as admin --map tests/import/scms_items.toml
import 0 "43 accepted" stores tests/import/scms_stores.csv --as admin
# shellcheck disable=SC2046
"$CHANGBEI" user add scms --role keeper $(stores_of tests/import/scms_stores.csv) >/dev/null 2>&1
SHIPMENTS_AS=(receipts "$SHIPMENTS" --as scms --map tests/import/scms_receipts.toml)
import 0 "10324 accepted (7030 documents)" "${SHIPMENTS_AS[@]}"
import 0 "10324 already imported" "${SHIPMENTS_AS[@]}"

if "$CHANGBEI" verify --help >/dev/null 2>&1; then
    step "the ledger verifies"
    "$CHANGBEI" verify
fi
echo "real data imported"
