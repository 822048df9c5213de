#!/usr/bin/env python3
"""What questions cost as history grows: fills two SQLite books by SQL, one with a short history and
one with a long one, asks both over HTTP, and prints the median times and their ratios as JSON.

    tests/scripts/history_cost.py CHANGBEI [--short 10000] [--long 2000000] [--rounds 15]

CHANGBEI is the built program. The books have the same twenty stores, fifty items and lots that are
replaced every two months; the short one has a sparse history of 400 days, the long one ten years.
The movements carry no hashes: such a book is for measuring, and `verify` would say so.
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
import urllib.request

DAY = 86_400_000_000
EVER = 7_258_118_399_999_999
TOKEN = "cb_history_cost"
STORES, ITEMS, LOT_DAYS = 20, 50, 60


def fill(path, movements, days):
    """Writes `movements` receipts and issues over the last `days` days."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA foreign_keys = OFF")
    db.execute("PRAGMA synchronous = OFF")
    db.execute("BEGIN")
    now = time.time_ns() // 1000
    today = datetime.datetime.fromtimestamp(now / 1e6, datetime.timezone.utc).date()
    db.execute("INSERT INTO region VALUES ('360729', '全南县', 'Quannan', NULL, ?)", (now,))
    for s in range(STORES):
        db.execute(
            "INSERT INTO store (code, name_zh, name_en, search_text, kind, region_code, priority_class,"
            " consumption_by, active, version, created_at) VALUES (?, 's', 's', 's', 'township',"
            " '360729', 1, 'issue', 1, 1, ?)", (f"S{s:02}", now))
    for i in range(ITEMS):
        db.execute(
            "INSERT INTO item (code, name_zh, name_en, search_text, category, base_unit, storage,"
            " near_expiry_days, active, version, created_at) VALUES (?, 'i', 'i', 'i', 'ppe', 'pc',"
            " 'ambient', 90, 1, 1, ?)", (f"I{i:02}", now))
    db.execute(
        "INSERT INTO app_user (id, name, display_name, role, active, version, created_at)"
        " VALUES ('01900000-0000-7000-8000-000000000001', 'auditor', 'auditor', 'auditor', 1, 1, ?)", (now,))
    db.execute(
        "INSERT INTO api_token (id, user_id, hash, label, created_at)"
        " VALUES ('01900000-0000-7000-8000-000000000002', '01900000-0000-7000-8000-000000000001', ?, 't', ?)",
        (hashlib.sha256(TOKEN.encode()).hexdigest(), now))
    places = [(f"S{s:02}", f"I{i:02}") for s in range(STORES) for i in range(ITEMS)]
    per_place = movements // len(places)
    number = 0
    for store, item in places:
        rows, closings, balances = [], {}, {}
        lots = max(1, days // LOT_DAYS)
        # Each lot is received once, used piece by piece, and emptied when its successor is in use.
        moves = max(2, per_place // lots)
        for k in range(lots):
            number += 1
            lot = f"01900000-0000-7001-8000-{number:012}"
            begun = days - k * LOT_DAYS
            db.execute("INSERT INTO makers_lot VALUES (?, ?, ?, 'm', 0, NULL, 'none', NULL, NULL, NULL, 1, ?)",
                       (lot, item, f"L{number}", now - begun * DAY))
            db.execute("INSERT INTO lot VALUES (?, ?, ?, 'p', NULL, 'supplier', NULL, NULL, NULL, NULL, 8500, 0, 1, ?)",
                       (lot, lot, item, now - begun * DAY))
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
                             number, item, lot, quantity, *ends, f"d{number}", f"N{number}", at,
                             day.isoformat(), at + 60_000_000))
                closings[(lot, day.isoformat())] = held
                balances[lot] = (held, at, day.isoformat())
        db.executemany(
            "INSERT INTO stock_movement (id, kind, store_code, chain_seq, item_code, lot_id, quantity, from_kind,"
            " from_name, from_state, to_kind, to_name, to_state, document_kind, document_id, document_number,"
            " line_no, after_the_fact, occurred_at, business_day, recorded_at, actor, previous_hash, hash)"
            " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,'receipt',?,?,1,0,?,?,?,'a','','')", rows)
        db.executemany("INSERT INTO stock_closing VALUES (?, ?, 'available', ?, ?, ?, 0)",
                       [(store, lot, day, item, held) for (lot, day), held in closings.items()])
        db.executemany(
            "INSERT INTO stock_balance (store_code, lot_id, state, item_code, on_hand, reserved,"
            " last_occurred_at, last_day, live_until) VALUES (?, ?, 'available', ?, ?, 0, ?, ?, ?)",
            [(store, lot, item, held, at, day, EVER if held else at + 60_000_000)
             for lot, (held, at, day) in balances.items()])
    db.execute("COMMIT")
    count = lambda table: db.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]
    counted = {table: count(table) for table in ("stock_movement", "stock_closing", "stock_balance")}
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
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
        "a page of a card a year ago": f"/stock/card?store=S07&item=I07&as_of={then}&limit=5",
    }


def measure(program, folder, rounds):
    """The median milliseconds of each question, and the length of its answer."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "DATABASE_URL": ""}
    environment.pop("DATABASE_URL")
    service = subprocess.Popen(
        [program, "serve", "--data-dir", folder, "--listen", f"127.0.0.1:{port}"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
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
    given = parser.parse_args()
    found = {}
    with tempfile.TemporaryDirectory() as root:
        for name, movements, days in (("short", given.short, 400), ("long", given.long, 3650)):
            folder = os.path.join(root, name)
            os.mkdir(folder)
            subprocess.run([given.program, "migrate", "--data-dir", folder], check=True, stdout=subprocess.DEVNULL)
            begun = time.perf_counter()
            counted = fill(os.path.join(folder, "changbei.db"), movements, days)
            found[name] = {"rows": counted, "fill_seconds": round(time.perf_counter() - begun, 1),
                           "questions": measure(given.program, folder, given.rounds)}
    found["ratio"] = {
        name: round(found["long"]["questions"][name][0] / milliseconds, 2)
        for name, (milliseconds, _) in found["short"]["questions"].items()
    }
    print(json.dumps(found, ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main()
