# For the scripts beside it: a service of its own on a free port, with a demonstration county in a
# folder that goes away at the end. To be sourced; sets CHANGBEI, DATA_DIR, BASE_URL, SERVICE.

CHANGBEI_CACHE="${CHANGBEI_CACHE:-$HOME/.cache/changbei}"
if [ -z "${CHANGBEI:-}" ]; then
    cargo build --quiet
    CHANGBEI="${CARGO_TARGET_DIR:-target}/debug/changbei"
fi
# A database that the surroundings name is not ours to fill.
unset DATABASE_URL

SCRATCH="$(mktemp -d)"
DATA_DIR="$SCRATCH/data"
SERVICE=""
CLUSTER=""

step() {
    printf -- '-- %s\n' "$*"
}

stop_service() {
    [ -n "$SERVICE" ] || return 0
    kill -TERM "$SERVICE"
    wait "$SERVICE"
    SERVICE=""
}

tidy_up() {
    local result=$?
    if [ -n "$SERVICE" ]; then
        kill -KILL "$SERVICE" 2>/dev/null || true
    fi
    if [ -n "$CLUSTER" ]; then
        as_postgres "$PG_BIN/pg_ctl" -D "$CLUSTER/data" -m immediate stop >/dev/null 2>&1 || true
        rm -rf "$CLUSTER"
    fi
    if [ "$result" -ne 0 ] && [ -s "$SCRATCH/log" ]; then
        echo "the service said last:" >&2
        tail -n 40 "$SCRATCH/log" >&2
    fi
    rm -rf "$SCRATCH"
}
trap tidy_up EXIT

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# PostgreSQL refuses to run as root; Debian's package brings a user for it.
as_postgres() {
    if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi
}

# Starts a throw-away PostgreSQL of its own, and lets DATABASE_URL name it. It does not wait for the
# disk unless FSYNC=on.
start_postgres() {
    local port initdb
    initdb="$(command -v initdb || ls /usr/lib/postgresql/*/bin/initdb 2>/dev/null | sort -V | tail -n 1)"
    [ -n "$initdb" ] || { echo "PostgreSQL is not installed" >&2; return 1; }
    PG_BIN="$(dirname "$initdb")"
    CLUSTER="$(mktemp -d)"
    if [ "$(id -u)" = 0 ]; then chown postgres "$CLUSTER"; fi
    port="$(free_port)"
    as_postgres "$PG_BIN/initdb" -D "$CLUSTER/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
    as_postgres "$PG_BIN/pg_ctl" -D "$CLUSTER/data" -l "$CLUSTER/log" -w \
        -o "-p $port -k $CLUSTER -c listen_addresses=127.0.0.1 -c fsync=${FSYNC:-off}" start >/dev/null
    export DATABASE_URL="postgres://postgres@127.0.0.1:$port/postgres"
}

# Starts `changbei demo` and comes back when it answers; `tokens.json` is complete by then.
start_demo() {
    local port
    port="$(free_port)"
    BASE_URL="http://127.0.0.1:$port"
    mkdir -p "$DATA_DIR"
    "$CHANGBEI" demo --data-dir "$DATA_DIR" --listen "127.0.0.1:$port" "$@" >"$SCRATCH/log" 2>&1 &
    SERVICE=$!
    local waited=0
    until python3 -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=2)' \
        "$BASE_URL/readyz" 2>/dev/null; do
        kill -0 "$SERVICE" 2>/dev/null || { SERVICE=""; echo "the service ended" >&2; return 1; }
        waited=$((waited + 1))
        [ "$waited" -lt 600 ] || { echo "no answer from $BASE_URL/readyz" >&2; return 1; }
        sleep 0.2
    done
}
