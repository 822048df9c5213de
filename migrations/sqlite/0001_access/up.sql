-- Who may act, what was done, and which requests were answered.

-- A person or program that may call the service.
CREATE TABLE app_user (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    display_name TEXT NOT NULL,
    role TEXT NOT NULL,
    -- A commander's scope: every store in this division.
    region_code TEXT,
    -- Base units per line that may be released on a spoken authority; NULL means not at all.
    emergency_release_limit INTEGER,
    active INTEGER NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    CONSTRAINT app_user_name_key UNIQUE (name),
    CONSTRAINT app_user_role_check CHECK (role IN ('keeper', 'procurement', 'commander', 'auditor', 'admin')),
    CONSTRAINT app_user_limit_check CHECK (emergency_release_limit > 0)
) STRICT;

-- The own stores of a keeper or procurement officer.
CREATE TABLE app_user_store (
    user_id TEXT NOT NULL REFERENCES app_user (id),
    store_code TEXT NOT NULL,
    PRIMARY KEY (user_id, store_code)
) STRICT;

-- A bearer token, of which only the SHA-256 is kept.
CREATE TABLE api_token (
    id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES app_user (id),
    hash TEXT NOT NULL,
    label TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER,
    CONSTRAINT api_token_hash_key UNIQUE (hash)
) STRICT;
CREATE INDEX api_token_user ON api_token (user_id, id);

-- The newest link of each hash chain; locked last in every command.
CREATE TABLE chain_head (
    chain TEXT NOT NULL PRIMARY KEY,
    seq INTEGER NOT NULL,
    hash TEXT NOT NULL,
    recorded_at INTEGER NOT NULL
) STRICT;

-- What was done or refused, by whom; append-only, chained by hash for each store and the county.
CREATE TABLE audit_entry (
    id TEXT NOT NULL PRIMARY KEY,
    chain TEXT NOT NULL,
    chain_seq INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    role TEXT NOT NULL,
    action TEXT NOT NULL,
    object_kind TEXT,
    object_id TEXT,
    store_code TEXT,
    outcome TEXT NOT NULL,
    code TEXT,
    request_id TEXT NOT NULL,
    detail TEXT NOT NULL,
    previous_hash TEXT NOT NULL,
    hash TEXT NOT NULL,
    CONSTRAINT audit_entry_chain_key UNIQUE (chain, chain_seq),
    CONSTRAINT audit_entry_outcome_check CHECK (outcome IN ('done', 'refused'))
) STRICT;
CREATE INDEX audit_entry_time ON audit_entry (recorded_at, id);
CREATE INDEX audit_entry_object ON audit_entry (object_kind, object_id);

-- The answer that a storing request got, given again when the request is repeated.
CREATE TABLE idempotency_key (
    user_id TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    status INTEGER NOT NULL,
    body TEXT NOT NULL,
    etag TEXT,
    location TEXT,
    recorded_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, key)
) STRICT;
CREATE INDEX idempotency_key_time ON idempotency_key (recorded_at);

-- The audit trail cannot be amended.
CREATE TRIGGER audit_entry_no_update BEFORE UPDATE ON audit_entry
BEGIN
    SELECT RAISE(ABORT, 'audit_entry is append-only');
END;
CREATE TRIGGER audit_entry_no_delete BEFORE DELETE ON audit_entry
BEGIN
    SELECT RAISE(ABORT, 'audit_entry is append-only');
END;
