#!/usr/bin/env bash
# Large work does not need a large machine: a receipt of 1 000 lines over HTTP, a batch of 1 000
# commands, and an import of 100 000 rows, each in a process of its own whose peak of resident memory
# (VmHWM) is read at the end. Fails where one needs more than the limit.
#
#   CHANGBEI       the binary; measure a release build
#   ROWS           rows of the import (default: 100000)
#   LIMIT_MB       the most that a process may hold (default: 200)
set -euo pipefail
cd "$(dirname "$0")/../.."
source tests/scripts/service.sh

ROWS="${ROWS:-100000}"
LIMIT_MB="${LIMIT_MB:-200}"
export CHANGBEI_LANGUAGE=en CHANGBEI_LOG_LEVEL=warn CHANGBEI_DATA_DIR="$DATA_DIR"

# Prints a peak in kilobytes and fails above the limit.
check() {
    printf '%s: %d MB of %d\n' "$1" "$(($2 / 1024))" "$LIMIT_MB"
    [ "$2" -le "$((LIMIT_MB * 1024))" ] || { echo "$1 needs too much memory" >&2; exit 1; }
}

peak() { awk '/VmHWM/ {print $2}' "/proc/$1/status"; }

# Starts the service on the county that is there, sends one request of 1 000 parts to it, and checks
# its peak.
send_thousand() {
    start_demo
    python3 - "$DATA_DIR/tokens.json" "$1" <<'PYTHON'
"""Sends a receipt of 1000 lines, or a batch of 1000 receipts."""
import json
import sys
import urllib.request

told = json.load(open(sys.argv[1], encoding="utf-8"))
keeper = next(user for user in told["users"] if user["role"] == "keeper")
store = keeper["stores"][0]


def line(number):
    return {"item_code": "M02", "lot_number": f"BIG{number:05}", "expires_on": "2028-01-01",
            "quantity": 10 + number, "unit_cost": "0.85"}


def receipt(lines):
    return {"store_code": store, "source": {"kind": "supplier", "name": "memory"}, "lines": lines}


if sys.argv[2] == "receipt":
    path, body = "/api/v1/receipts", receipt([line(number) for number in range(1000)])
else:
    path = "/api/v1/batches"
    body = {"commands": [{"client_id": str(number), "idempotency_key": f"big-{number}",
                          "command": "post_receipt", "body": receipt([line(number)])}
                         for number in range(1000)]}
request = urllib.request.Request(
    told["base_url"] + path, data=json.dumps(body).encode(), method="POST",
    headers={"Authorization": f"Bearer {keeper['token']}", "Content-Type": "application/json",
             "Idempotency-Key": "big"})
answer = json.load(urllib.request.urlopen(request, timeout=120))
count = len(answer["movements"]) if "movements" in answer else sum(
    result["outcome"] == "applied" for result in answer["results"])
assert count == 1000, count
PYTHON
    check "$2" "$(peak "$SERVICE")"
    stop_service
}

start_demo --date 2026-03-02 --seed 7
stop_service
send_thousand receipt "a receipt of 1000 lines"
send_thousand batch "a batch of 1000 commands"

rm -rf "$DATA_DIR"
"$CHANGBEI" migrate >/dev/null 2>&1
"$CHANGBEI" user add admin --role admin >/dev/null 2>&1
python3 - "$SCRATCH" "$ROWS" <<'PYTHON'
"""Writes the files of an import: items, stores, and many rows of receipts."""
import csv
import sys

folder, rows = sys.argv[1], int(sys.argv[2])


def write(name, heading, lines):
    with open(f"{folder}/{name}.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(heading)
        writer.writerows(lines)


write("items", ["code", "name_zh", "name_en", "category", "base_unit"],
      [[f"I{item:03}", f"物资{item}", f"Item {item}", "ppe", "只"] for item in range(200)])
write("stores", ["code", "name_zh", "name_en", "kind", "region_code", "region_name_zh",
                 "region_name_en"],
      [[f"S{store:02}", f"卫生院{store}", f"Health centre {store}", "township", "360729", "全南县",
        "Quannan County"] for store in range(20)])
write("receipts", ["store_code", "occurred_at", "source_kind", "source_name", "document_number",
                   "item_code", "lot_number", "expires_on", "quantity"],
      [[f"S{row % 20:02}", "2026-01-15T08:00:00+08:00", "supplier", "赣州医药公司", f"D{row // 100}",
        f"I{row % 200:03}", f"L{row:06}", "2028-01-01", 1 + row % 500] for row in range(rows)])
PYTHON
import() {
    local began=$SECONDS
    python3 - "$SCRATCH/peak" "$CHANGBEI" import "$@" <<'PYTHON' || return 1
"""Runs a command and writes down the most memory that it held, in kilobytes."""
import resource
import subprocess
import sys

done = subprocess.run(sys.argv[2:])
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
open(sys.argv[1], "w", encoding="utf-8").write(str(peak))
sys.exit(done.returncode)
PYTHON
    echo "$((SECONDS - began)) s"
}
import items "$SCRATCH/items.csv" --as admin >"$SCRATCH/report" || { tail "$SCRATCH/report"; exit 1; }
import stores "$SCRATCH/stores.csv" --as admin >"$SCRATCH/report" || { tail "$SCRATCH/report"; exit 1; }
# shellcheck disable=SC2046
"$CHANGBEI" user add keeper --role keeper $(seq -f '--store S%02.0f' 0 19) >/dev/null 2>&1
import receipts "$SCRATCH/receipts.csv" --as keeper >"$SCRATCH/report" || { tail "$SCRATCH/report"; exit 1; }
tail -n 2 "$SCRATCH/report"
check "an import of $ROWS rows, whole or not at all" "$(cat "$SCRATCH/peak")"
