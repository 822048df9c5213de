-- How much each store should hold, and at which response level.

-- A version of a reserve plan. In force is the approved one with the latest effective_from.
CREATE TABLE reserve_plan (
    id TEXT NOT NULL PRIMARY KEY,
    -- The plan that this is a version of, as people number it.
    number TEXT NOT NULL,
    version INTEGER NOT NULL,
    name TEXT NOT NULL,
    status TEXT NOT NULL,
    -- Users who made, edited or submitted it, as JSON: none of them may approve it.
    authors TEXT NOT NULL,
    copied_from TEXT REFERENCES reserve_plan (id),
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    submitted_by TEXT,
    submitted_at INTEGER,
    approved_by TEXT,
    approved_at INTEGER,
    approval_number TEXT,
    effective_from INTEGER,
    -- Counts the changes, for If-Match.
    revision INTEGER NOT NULL,
    CONSTRAINT reserve_plan_number_key UNIQUE (number, version),
    CONSTRAINT reserve_plan_version_check CHECK (version > 0),
    CONSTRAINT reserve_plan_status_check CHECK (status IN ('draft', 'submitted', 'approved')),
    CONSTRAINT reserve_plan_approved_check CHECK ((status = 'approved') = (effective_from IS NOT NULL AND approved_by IS NOT NULL))
) STRICT;
CREATE INDEX reserve_plan_effective ON reserve_plan (status, effective_from, id);

-- What a plan says of one item in the stores of one scope: a store, a kind or a region.
CREATE TABLE reserve_plan_line (
    id TEXT NOT NULL PRIMARY KEY,
    plan_id TEXT NOT NULL REFERENCES reserve_plan (id),
    line_no INTEGER NOT NULL,
    item_code TEXT NOT NULL REFERENCES item (code),
    store_code TEXT REFERENCES store (code),
    store_kind TEXT REFERENCES store_kind (code),
    region_code TEXT REFERENCES region (code),
    -- The grounds of the target, as JSON written and read whole.
    bases TEXT NOT NULL,
    floor INTEGER,
    ceiling INTEGER,
    -- Whole percents by response level, as JSON.
    level_percent TEXT NOT NULL,
    floor_percent TEXT NOT NULL,
    CONSTRAINT reserve_plan_line_key UNIQUE (plan_id, line_no),
    CONSTRAINT reserve_plan_line_scope_check CHECK (
        (store_code IS NOT NULL AND store_kind IS NULL AND region_code IS NULL)
        OR (store_code IS NULL AND store_kind IS NOT NULL AND region_code IS NULL)
        OR (store_code IS NULL AND store_kind IS NULL AND region_code IS NOT NULL)
    ),
    CONSTRAINT reserve_plan_line_bounds_check CHECK (floor >= 0 AND ceiling >= 0 AND floor <= ceiling)
) STRICT;
CREATE UNIQUE INDEX reserve_plan_line_store ON reserve_plan_line (plan_id, item_code, store_code) WHERE store_code IS NOT NULL;
CREATE UNIQUE INDEX reserve_plan_line_kind ON reserve_plan_line (plan_id, item_code, store_kind) WHERE store_kind IS NOT NULL;
CREATE UNIQUE INDEX reserve_plan_line_region ON reserve_plan_line (plan_id, item_code, region_code) WHERE region_code IS NOT NULL;

-- A response level that a region declared for itself; later ones follow, none is amended.
CREATE TABLE response_level (
    id TEXT NOT NULL PRIMARY KEY,
    region_code TEXT NOT NULL REFERENCES region (code),
    level TEXT NOT NULL,
    reason TEXT NOT NULL,
    -- By whose word, as JSON.
    authority TEXT NOT NULL,
    effective_at INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    declared_by TEXT NOT NULL,
    CONSTRAINT response_level_level_check CHECK (level IN ('normal', 'IV', 'III', 'II', 'I'))
) STRICT;
CREATE INDEX response_level_region ON response_level (region_code, effective_at, recorded_at, id);
