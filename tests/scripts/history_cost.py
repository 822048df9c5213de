#!/usr/bin/env python3
"""What questions cost as history grows: fills two books by SQL, one with a short history and one
with a long one, asks both over HTTP, and prints the median times and their ratios as JSON.

    tests/scripts/history_cost.py CHANGBEI [--short 10000] [--long 2000000] [--rounds 15]
                                  [--server postgres://…/postgres]

CHANGBEI is the built program. The books are SQLite files; with --server they are two databases that
are made there and dropped again (tests/scripts/history_cost.sh starts a throw-away server and measures
both). The books have the same twenty stores, fifty items and lots that are replaced every two months;
the short one has a sparse history of 400 days, the long one ten years. The movements carry no hashes:
such a book is for measuring, and `verify` would say so.
"""
import argparse
import datetime
import hashlib
import json
import os
import socket
import sqlite3
import statistics
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request

DAY = 86_400_000_000
EVER = 7_258_118_399_999_999
TOKEN = "cb_history_cost"
STORES, ITEMS, LOT_DAYS = 20, 50, 60


class Sqlite:
    """A book in a file."""

    def __init__(self, root, name):
        self.arguments = ["--data-dir", os.path.join(root, name)]
        self.environment = {}
        os.mkdir(self.arguments[1])
        self.path = os.path.join(self.arguments[1], "changbei.db")

    def open(self):
        self.db = sqlite3.connect(self.path, isolation_level=None)
        self.db.execute("PRAGMA foreign_keys = OFF")
        self.db.execute("PRAGMA synchronous = OFF")
        self.db.execute("BEGIN")

    def insert(self, table, columns, rows):
        marks = ", ".join("?" * len(columns.split(",")))
        self.db.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows)

    def close(self):
        self.db.execute("COMMIT")
        self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.db.close()

    def drop(self):
        pass


class Postgres:
    """A book in a database of its own. Rows go in by COPY, unseen by triggers and foreign keys."""

    def __init__(self, root, name, server):
        self.name, self.server, self.folder = f"history_{name}", server, root
        address = urllib.parse.urlsplit(server)
        self.url = urllib.parse.urlunsplit(address._replace(path=f"/{self.name}"))
        self.arguments, self.environment = [], {"DATABASE_URL": self.url}
        self.psql(server, f"CREATE DATABASE {self.name} LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")

    @staticmethod
    def psql(url, *commands):
        given = [part for command in commands for part in ("-c", command)]
        subprocess.run(["psql", "-qXv", "ON_ERROR_STOP=1", url, *given], check=True)

    def open(self):
        self.files = {}

    def insert(self, table, columns, rows):
        if (table, columns) not in self.files:
            path = os.path.join(self.folder, f"{self.name}.{table}.copy")
            self.files[table, columns] = open(path, "w", encoding="utf-8")
        for row in rows:
            told = ("\\N" if value is None else str(value) for value in row)
            self.files[table, columns].write("\t".join(told) + "\n")

    def close(self):
        for (table, columns), file in self.files.items():
            file.close()
            self.psql(self.url, "SET session_replication_role = replica",
                      f"\\copy {table} ({columns}) FROM '{file.name}'")
            os.remove(file.name)
        # What a database of this size has had long before it got there.
        self.psql(self.url, "VACUUM ANALYZE")

    def drop(self):
        self.psql(self.server, f"DROP DATABASE {self.name}")


def fill(book, movements, days):
    """Writes `movements` receipts and issues over the last `days` days; how many rows of what."""
    book.open()
    now = time.time_ns() // 1000
    today = datetime.datetime.fromtimestamp(now / 1e6, datetime.timezone.utc).date()
    book.insert("region", "code, name_zh, name_en, parent_code, created_at",
                [("360729", "全南县", "Quannan", None, now)])
    book.insert(
        "store", "code, name_zh, name_en, search_text, kind, region_code, priority_class, consumption_by,"
        " active, version, created_at",
        [(f"S{s:02}", "s", "s", "s", "township", "360729", 1, "issue", 1, 1, now) for s in range(STORES)])
    book.insert(
        "item", "code, name_zh, name_en, search_text, category, base_unit, storage, near_expiry_days,"
        " active, version, created_at",
        [(f"I{i:02}", "i", "i", "i", "ppe", "pc", "ambient", 90, 1, 1, now) for i in range(ITEMS)])
    user = "01900000-0000-7000-8000-000000000001"
    book.insert("app_user", "id, name, display_name, role, active, version, created_at",
                [(user, "auditor", "auditor", "auditor", 1, 1, now)])
    book.insert("api_token", "id, user_id, hash, label, created_at",
                [("01900000-0000-7000-8000-000000000002", user,
                  hashlib.sha256(TOKEN.encode()).hexdigest(), "t", now)])
    counted = dict.fromkeys(("stock_movement", "stock_closing", "stock_balance"), 0)
    places = [(f"S{s:02}", f"I{i:02}") for s in range(STORES) for i in range(ITEMS)]
    per_place = movements // len(places)
    number = 0
    for store, item in places:
        rows, closings, balances = [], {}, {}
        makers, held_lots = [], []
        lots = max(1, days // LOT_DAYS)
        # Each lot is received once, used piece by piece, and emptied when its successor is in use.
        moves = max(2, per_place // lots)
        for k in range(lots):
            number += 1
            lot = f"01900000-0000-7001-8000-{number:012}"
            begun = days - k * LOT_DAYS
            made = now - begun * DAY
            makers.append((lot, item, f"L{number}", "m", 0, "none", 1, made))
            held_lots.append((lot, lot, item, "p", "supplier", 8500, 0, 1, made))
            held = 0
            for m in range(moves):
                came, last = m == 0, m == moves - 1
                ago = begun - (LOT_DAYS + 30 if last else m * LOT_DAYS // moves)
                if ago < 1 or (last and k == lots - 1):
                    break
                quantity = moves + 5 if came else held if last else 1
                held = held + quantity if came else held - quantity
                at = now - ago * DAY - 3_600_000_000 + m
                day = today - datetime.timedelta(days=ago)
                number += 1
                outside = ("outside", "supplier", None) if came else ("outside", "consumption", None)
                inside = ("store", store, "available")
                ends = outside + inside if came else inside + outside
                rows.append((f"01900000-0000-7002-8000-{number:012}", "receipt" if came else "issue", store,
                             number, item, lot, quantity, *ends, "receipt", f"d{number}", f"N{number}", 1, 0,
                             at, day.isoformat(), at + 60_000_000, "a", "", ""))
                closings[(lot, day.isoformat())] = held
                balances[lot] = (held, at, day.isoformat())
        book.insert("makers_lot", "id, item_code, lot_number, maker, is_house_number, expiry, version,"
                    " created_at", makers)
        book.insert("lot", "id, makers_lot_id, item_code, provenance_key, source_kind, unit_cost,"
                    " cost_is_estimated, pack_units, created_at", held_lots)
        book.insert(
            "stock_movement",
            "id, kind, store_code, chain_seq, item_code, lot_id, quantity, from_kind, from_name, from_state,"
            " to_kind, to_name, to_state, document_kind, document_id, document_number, line_no,"
            " after_the_fact, occurred_at, business_day, recorded_at, actor, previous_hash, hash", rows)
        book.insert("stock_closing", "store_code, lot_id, state, business_day, item_code, on_hand, reserved",
                    [(store, lot, "available", day, item, held, 0)
                     for (lot, day), held in closings.items()])
        book.insert(
            "stock_balance",
            "store_code, lot_id, state, item_code, on_hand, reserved, last_occurred_at, last_day, live_until",
            [(store, lot, "available", item, held, 0, at, day, EVER if held else at + 60_000_000)
             for lot, (held, at, day) in balances.items()])
        counted["stock_movement"] += len(rows)
        counted["stock_closing"] += len(closings)
        counted["stock_balance"] += len(balances)
    book.close()
    return counted


def questions():
    then = (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=365)).strftime("%Y-%m-%dT%H:%M:%SZ")
    first = (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=390)).strftime("%Y-%m-%d")
    return {
        "current stock of an item at a store": "/stock?store=S07&item=I07",
        "current stock of the county by item": "/stock?group_by=item",
        "stock of an item at a store a year ago": f"/stock?store=S07&item=I07&as_of={then}",
        "stock of a store a year ago": f"/stock?store=S07&as_of={then}",
        "stock of the county by item a year ago": f"/stock?group_by=item&as_of={then}",
        "a page of a card": f"/stock/card?store=S07&item=I07&from={first}&limit=10",
        "the summary of a day a year ago of an item at a store":
            f"/stock/summary?store=S07&item=I07&from={then[:10]}&to={then[:10]}",
        "a page of a card a year ago": f"/stock/card?store=S07&item=I07&as_of={then}&limit=5",
    }


def surroundings(book):
    """Ours, but for the database that they may name."""
    return {**{name: value for name, value in os.environ.items() if name != "DATABASE_URL"}, **book.environment}


def measure(program, book, rounds):
    """The median milliseconds of each question, and the length of its answer."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    service = subprocess.Popen(
        [program, "serve", *book.arguments, "--listen", f"127.0.0.1:{port}"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=surroundings(book))
    try:
        base = f"http://127.0.0.1:{port}"
        for _ in range(200):
            try:
                urllib.request.urlopen(base + "/healthz", timeout=5).read()
                break
            except OSError:
                time.sleep(0.1)
        medians = {}
        for name, path in questions().items():
            request = urllib.request.Request(base + "/api/v1" + path, headers={"authorization": f"Bearer {TOKEN}"})
            times = []
            for _ in range(rounds):
                begun = time.perf_counter()
                body = urllib.request.urlopen(request, timeout=120).read()
                times.append((time.perf_counter() - begun) * 1000)
            medians[name] = (round(statistics.median(times), 2), len(json.loads(body)["rows"]))
        return medians
    finally:
        service.terminate()
        service.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program")
    parser.add_argument("--short", type=int, default=10_000)
    parser.add_argument("--long", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--server", help="a PostgreSQL on which databases may be made")
    given = parser.parse_args()
    found = {}
    with tempfile.TemporaryDirectory() as root:
        for name, movements, days in (("short", given.short, 400), ("long", given.long, 3650)):
            book = Postgres(root, name, given.server) if given.server else Sqlite(root, name)
            try:
                subprocess.run([given.program, "migrate", *book.arguments], check=True,
                               stdout=subprocess.DEVNULL, env=surroundings(book))
                begun = time.perf_counter()
                counted = fill(book, movements, days)
                found[name] = {"rows": counted, "fill_seconds": round(time.perf_counter() - begun, 1),
                               "questions": measure(given.program, book, given.rounds)}
            finally:
                book.drop()
    found["ratio"] = {
        name: round(found["long"]["questions"][name][0] / milliseconds, 2)
        for name, (milliseconds, _) in found["short"]["questions"].items()
    }
    print(json.dumps(found, ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main()
