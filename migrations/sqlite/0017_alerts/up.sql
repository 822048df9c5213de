-- What the watch saw change for the worse or the better, who is told of it, and how far the telling came.

-- The watch itself: one row, locked by whatever adds an event.
CREATE TABLE alert_watch (
    id TEXT NOT NULL PRIMARY KEY,
    -- A fingerprint of what holds for all stores at once: plans and levels in force.
    world TEXT NOT NULL,
    -- Counts the changes of it; a store looked at under a lesser one is looked at again.
    generation INTEGER NOT NULL,
    -- The county's audit trail is read up to here.
    county_seq INTEGER NOT NULL,
    -- The number of the newest event.
    event_seq INTEGER NOT NULL,
    -- Who watches, and until when nobody else does.
    holder TEXT NOT NULL,
    held_until INTEGER NOT NULL,
    CONSTRAINT alert_watch_single_check CHECK (id = 'watch')
) STRICT;

-- How far the watch has come with a store.
CREATE TABLE alert_watched_store (
    store_code TEXT NOT NULL PRIMARY KEY REFERENCES store (code),
    -- Links of the store's two chains, ledger and audit, when it was looked at.
    links INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    looked_at INTEGER NOT NULL,
    -- When time alone may have changed something.
    due_at INTEGER NOT NULL
) STRICT;

-- Something that somebody should know of, from when it was first seen until it is over.
CREATE TABLE alert (
    id TEXT NOT NULL PRIMARY KEY,
    -- What it is about, as one text: at most one alert about it is open.
    subject TEXT NOT NULL,
    kind TEXT NOT NULL,
    status TEXT NOT NULL,
    severity TEXT NOT NULL,
    store_code TEXT NOT NULL REFERENCES store (code),
    item_code TEXT REFERENCES item (code),
    lot_id TEXT REFERENCES lot (id),
    document_kind TEXT,
    document_id TEXT,
    -- How often this has been seen, this time included, and the time before.
    occurrence INTEGER NOT NULL,
    previous_id TEXT REFERENCES alert (id),
    first_seen_at INTEGER NOT NULL,
    last_changed_at INTEGER NOT NULL,
    cleared_at INTEGER,
    acknowledged_at INTEGER,
    acknowledged_by TEXT,
    acknowledged_note TEXT,
    -- The figures behind its status when that last changed, as JSON.
    facts TEXT NOT NULL,
    version INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX alert_open ON alert (subject) WHERE cleared_at IS NULL;
CREATE INDEX alert_subject ON alert (subject, occurrence);
CREATE INDEX alert_store ON alert (store_code, first_seen_at, id);
CREATE INDEX alert_first_seen ON alert (first_seen_at, id);

-- A change of an alert. Append-only; its number orders what all are told.
CREATE TABLE alert_event (
    seq INTEGER NOT NULL PRIMARY KEY,
    alert_id TEXT NOT NULL REFERENCES alert (id),
    transition TEXT NOT NULL,
    store_code TEXT NOT NULL REFERENCES store (code),
    status_before TEXT,
    status TEXT NOT NULL,
    severity TEXT NOT NULL,
    facts TEXT NOT NULL,
    happened_at INTEGER NOT NULL,
    actor TEXT,
    note TEXT
) STRICT;
CREATE INDEX alert_event_alert ON alert_event (alert_id, seq);
CREATE TRIGGER alert_event_no_update BEFORE UPDATE ON alert_event
BEGIN
    SELECT RAISE(ABORT, 'alert_event is append-only');
END;
CREATE TRIGGER alert_event_no_delete BEFORE DELETE ON alert_event
BEGIN
    SELECT RAISE(ABORT, 'alert_event is append-only');
END;

-- A program elsewhere that is told of alerts. Its secret is derived from the server's key.
CREATE TABLE webhook (
    id TEXT NOT NULL PRIMARY KEY,
    url TEXT NOT NULL,
    name TEXT NOT NULL,
    region_code TEXT REFERENCES region (code),
    -- The kinds it is told of, with commas between; empty for all.
    kinds TEXT NOT NULL,
    severity TEXT NOT NULL,
    active INTEGER NOT NULL,
    secret_no INTEGER NOT NULL,
    -- SHA-256 of the secret: a server with another key knows that it cannot sign.
    secret_hash TEXT NOT NULL,
    rests_until INTEGER,
    failing_since INTEGER,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    removed_at INTEGER,
    version INTEGER NOT NULL
) STRICT;

-- The outbox: one telling of one event to one webhook, put there in the event's own transaction.
CREATE TABLE webhook_delivery (
    id TEXT NOT NULL PRIMARY KEY,
    webhook_id TEXT NOT NULL REFERENCES webhook (id),
    event_seq INTEGER REFERENCES alert_event (seq),
    body TEXT NOT NULL,
    status TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    queued_at INTEGER NOT NULL,
    next_attempt_at INTEGER NOT NULL,
    last_attempt_at INTEGER,
    last_status INTEGER,
    last_error TEXT,
    delivered_at INTEGER,
    CONSTRAINT webhook_delivery_event_key UNIQUE (webhook_id, event_seq)
) STRICT;
CREATE INDEX webhook_delivery_due ON webhook_delivery (status, next_attempt_at, id);
CREATE INDEX webhook_delivery_webhook ON webhook_delivery (webhook_id, queued_at, id);
