#!/usr/bin/env bash
# The README's figures: how long the county takes to be there, what a question costs, how much memory
# it holds. Not a test: nothing fails here, the numbers are printed.
#
#   CHANGBEI   the binary; measure a release build
#   REQUESTS   questions before the memory is read again (default: 10000)
set -euo pipefail
cd "$(dirname "$0")/../.."
source tests/scripts/service.sh

resident() { awk '/VmRSS/ {printf "%d MB\n", $2 / 1024}' "/proc/$SERVICE/status"; }

echo "binary: $(($(stat -c %s "$CHANGBEI") / 1048576)) MB"
began=$(date +%s%N)
start_demo --date 2026-03-02 --seed 7
echo "ninety days of county made and answering: $((($(date +%s%N) - began) / 1000000)) ms"
stop_service
began=$(date +%s%N)
start_demo
echo "start to first answer: $((($(date +%s%N) - began) / 1000000)) ms"
echo "memory idle: $(resident)"
python3 - "$DATA_DIR/tokens.json" "${REQUESTS:-10000}" <<'PYTHON'
"""Asks for every shortfall of the county, again and again on one connection for each client."""
import http.client
import json
import sys
import threading
import time
from urllib.parse import urlparse

tokens = json.load(open(sys.argv[1], encoding="utf-8"))
address = urlparse(tokens["base_url"])
token = next(user["token"] for user in tokens["users"] if user["role"] == "commander")
paths = ["/api/v1/shortfalls?limit=1000&totals=true", "/api/v1/stock?store=QN-DEPOT",
         "/api/v1/dispatches", "/api/v1/shortfalls/explain?store=QN-PH&item=M03"]


def ask(connection, path):
    connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
    answer = connection.getresponse()
    body = answer.read()
    assert answer.status == 200, (path, answer.status)
    return body


def client(count):
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
    for turn in range(count):
        ask(connection, paths[turn % len(paths)])


connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
taken = []
for _ in range(50):
    began = time.perf_counter()
    lines = len(json.loads(ask(connection, paths[0]))["rows"])
    taken.append(time.perf_counter() - began)
taken.sort()
print(f"every shortfall of the county ({lines} lines): median {taken[25] * 1000:.1f} ms, "
      f"slowest of 50 {taken[-1] * 1000:.1f} ms")
clients = [threading.Thread(target=client, args=(int(sys.argv[2]) // 8,)) for _ in range(8)]
began = time.perf_counter()
for one in clients:
    one.start()
for one in clients:
    one.join()
print(f"{sys.argv[2]} questions by 8 clients: {time.perf_counter() - began:.1f} s")
PYTHON
echo "memory after that: $(resident)"
stop_service
