#!/usr/bin/env bash
# The README's first command, as a stranger runs it: the county is there and answers within seconds.
#
#   CHANGBEI   the binary (default: built by cargo)
set -euo pipefail
cd "$(dirname "$0")/.."
source tests/scripts/service.sh

start_demo
python3 - "$DATA_DIR/tokens.json" <<'PYTHON'
"""Asks the running county the questions that the README asks."""
import json
import sys
import urllib.request

tokens = json.load(open(sys.argv[1], encoding="utf-8"))
base = tokens["base_url"].rstrip("/")
token = {user["role"]: user["token"] for user in reversed(tokens["users"])}


def get(path, role=None):
    request = urllib.request.Request(base + path)
    if role:
        request.add_header("Authorization", f"Bearer {token[role]}")
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 200, (path, answer.status)
        return answer.read()


def rows(path, role):
    found = json.loads(get(path, role))["rows"]
    assert found, f"{path} answers no rows"
    return found


for path in ["/healthz", "/readyz", "/metrics", "/openapi.json", "/docs/"]:
    assert get(path), path
assert json.loads(get("/api/v1/me", "commander"))
print("items", len(rows("/api/v1/items?limit=1000", "keeper")))
print("stores", len(rows("/api/v1/stores?limit=1000", "keeper")))
print("stock lines", len(rows("/api/v1/stock?limit=1000", "commander")))
print("dispatches", len(rows("/api/v1/dispatches?limit=1000", "commander")))
short = rows("/api/v1/shortfalls?limit=1000", "commander")
print("shortfall lines", len(short))
PYTHON

step "stopped by SIGTERM, it ends well and the ledger verifies"
stop_service
"$CHANGBEI" verify --data-dir "$DATA_DIR"

step "started again, it opens the county it made"
start_demo
stop_service
echo "the demonstration county answers"
