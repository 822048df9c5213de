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
    emergency_release_limit BIGINT,
    active BOOLEAN NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    CONSTRAINT app_user_name_key UNIQUE (name),
    CONSTRAINT app_user_role_check CHECK (role IN ('keeper', 'procurement', 'commander', 'auditor', 'admin')),
    CONSTRAINT app_user_limit_check CHECK (emergency_release_limit > 0)
);

-- The own stores of a keeper or procurement officer.
CREATE TABLE app_user_store (
    user_id TEXT NOT NULL REFERENCES app_user (id),
    store_code TEXT NOT NULL,
    PRIMARY KEY (user_id, store_code)
);

-- A bearer token, of which only the SHA-256 is kept.
CREATE TABLE api_token (
    id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES app_user (id),
    hash TEXT NOT NULL,
    label TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT,
    CONSTRAINT api_token_hash_key UNIQUE (hash)
);
CREATE INDEX api_token_user ON api_token (user_id, id);

-- The newest link of each hash chain; locked last in every command.
CREATE TABLE chain_head (
    chain TEXT NOT NULL PRIMARY KEY,
    seq BIGINT NOT NULL,
    hash TEXT NOT NULL,
    recorded_at BIGINT NOT NULL
);

-- What was done or refused, by whom; append-only, chained by hash for each store and the county.
CREATE TABLE audit_entry (
    id TEXT NOT NULL PRIMARY KEY,
    chain TEXT NOT NULL,
    chain_seq BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
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
);
CREATE INDEX audit_entry_time ON audit_entry (recorded_at, id);
CREATE INDEX audit_entry_object ON audit_entry (object_kind, object_id);

-- The answer that a storing request got, given again when the request is repeated.
CREATE TABLE idempotency_key (
    user_id TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    status BIGINT NOT NULL,
    body TEXT NOT NULL,
    etag TEXT,
    location TEXT,
    recorded_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, key)
);
CREATE INDEX idempotency_key_time ON idempotency_key (recorded_at);

-- The audit trail cannot be amended.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END;
$$;
CREATE TRIGGER audit_entry_append_only BEFORE UPDATE OR DELETE ON audit_entry
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_entry_no_truncate BEFORE TRUNCATE ON audit_entry
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
