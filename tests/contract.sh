#!/usr/bin/env bash
# Does the service keep the contract it serves? schemathesis reads /openapi.json from a running
# demonstration county and sends what fits the document and what does not: nothing may be a server
# error, and every answer's status, content type and body must be documented.
#
#   CHANGBEI           the binary (default: built by cargo)
#   CONTRACT_SECONDS   time for each role on each database (default: 45)
#   CONTRACT_SEED      to repeat a run that failed
set -euo pipefail
cd "$(dirname "$0")/.."
source tests/scripts/service.sh

VENV="$CHANGBEI_CACHE/contract"
SCHEMATHESIS=4.32.5
if ! "$VENV/bin/schemathesis" --version 2>/dev/null | grep -qF "$SCHEMATHESIS"; then
    step "installing schemathesis $SCHEMATHESIS"
    python3 -m venv "$VENV"
    "$VENV/bin/pip" install --quiet "schemathesis==$SCHEMATHESIS"
fi

token_of() {
    python3 -c '
import json, sys
users = json.load(open(sys.argv[1], encoding="utf-8"))["users"]
print(next(user["token"] for user in users if user["role"] == sys.argv[2]))' \
        "$DATA_DIR/tokens.json" "$1"
}

export SCHEMATHESIS_HOOKS=tests/scripts/schemathesis_hooks.py PYTHONDONTWRITEBYTECODE=1
checks=not_a_server_error,status_code_conformance,content_type_conformance
checks+=,response_headers_conformance,response_schema_conformance
failed=()

# Asks as one role of the demonstration county. A stream of alerts never ends, so it is left out.
ask_as() {
    step "as $1 on $database"
    "$VENV/bin/schemathesis" --config-file tests/scripts/schemathesis.toml \
        run "$BASE_URL/openapi.json" \
        --header "Authorization: Bearer $(token_of "$1")" \
        --exclude-path /api/v1/alerts/stream \
        --checks "$checks" \
        --phases examples,coverage,fuzzing \
        --max-time "${CONTRACT_SECONDS:-45}" \
        --workers 1 \
        --continue-on-failure \
        --warnings off \
        ${CONTRACT_SEED:+--seed "$CONTRACT_SEED"} || failed+=("$1")
}

for database in ${CONTRACT_DATABASES:-sqlite postgres}; do
    DATA_DIR="$SCRATCH/$database"
    if [ "$database" = postgres ]; then start_postgres; fi
    start_demo
    for role in ${CONTRACT_ROLES:-commander keeper admin}; do
        ask_as "$role"
    done
    step "the ledger still verifies"
    stop_service
    "$CHANGBEI" verify --data-dir "$DATA_DIR"
done
if [ ${#failed[@]} -gt 0 ]; then
    echo "the contract was broken as: ${failed[*]}" >&2
    exit 1
fi
