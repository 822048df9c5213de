-- Stock reports of stores that tell what they hold, and the daily use that somebody set by hand.

-- By what hour a store's reports are due, where it differs from the county's; its row also keeps two
-- reports of one store apart.
CREATE TABLE stock_report_schedule (
    store_code TEXT NOT NULL PRIMARY KEY REFERENCES store (code),
    -- Hours after the beginning of the business day; the county's where it is empty.
    due_hour INTEGER,
    set_by TEXT,
    set_at INTEGER,
    version INTEGER NOT NULL,
    CONSTRAINT stock_report_schedule_hour_check CHECK (due_hour BETWEEN 0 AND 72)
) STRICT;

-- What a store says it holds on a business day: the newest version of it.
CREATE TABLE stock_report (
    id TEXT NOT NULL PRIMARY KEY,
    number TEXT NOT NULL,
    store_code TEXT NOT NULL REFERENCES store (code),
    business_day TEXT NOT NULL,
    -- When it was due, as that stood when it first came.
    due_at INTEGER NOT NULL,
    -- When its first version was recorded.
    first_recorded_at INTEGER NOT NULL,
    version INTEGER NOT NULL,
    as_of INTEGER NOT NULL,
    -- What a report without lines says; empty for one with lines.
    nil TEXT,
    recorded_at INTEGER NOT NULL,
    -- Lines that told something else than the book, when they were told.
    differences INTEGER NOT NULL,
    CONSTRAINT stock_report_number_key UNIQUE (number),
    CONSTRAINT stock_report_day_key UNIQUE (store_code, business_day),
    CONSTRAINT stock_report_nil_check CHECK (nil IN ('unchanged', 'nothing_held'))
) STRICT;
CREATE INDEX stock_report_list ON stock_report (business_day, id);
CREATE INDEX stock_report_as_of ON stock_report (store_code, as_of);

-- Every version, with who told it and why it was told again. Nothing is amended.
CREATE TABLE stock_report_version (
    report_id TEXT NOT NULL REFERENCES stock_report (id),
    version INTEGER NOT NULL,
    as_of INTEGER NOT NULL,
    nil TEXT,
    -- Why an earlier version was wrong.
    reason TEXT,
    note TEXT,
    -- How the store told its consumption then: estimates are posted for `report` alone.
    consumption_by TEXT NOT NULL,
    reported_by TEXT NOT NULL,
    recorded_at INTEGER NOT NULL,
    differences INTEGER NOT NULL,
    PRIMARY KEY (report_id, version),
    CONSTRAINT stock_report_version_nil_check CHECK (nil IN ('unchanged', 'nothing_held')),
    CONSTRAINT stock_report_version_reason_check CHECK (version = 1 OR reason IS NOT NULL),
    CONSTRAINT stock_report_version_by_check CHECK (consumption_by IN ('issue', 'report'))
) STRICT;

-- What a version says of an item, all lots and states together.
CREATE TABLE stock_report_line (
    report_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    line_no INTEGER NOT NULL,
    item_code TEXT NOT NULL REFERENCES item (code),
    on_hand INTEGER NOT NULL,
    -- What the store says it used since its last report; empty where it does not say.
    used INTEGER,
    -- What the book held at that time without what this report itself had posted.
    book INTEGER NOT NULL,
    PRIMARY KEY (report_id, version, line_no),
    CONSTRAINT stock_report_line_item_key UNIQUE (report_id, version, item_code),
    CONSTRAINT stock_report_line_version_fkey FOREIGN KEY (report_id, version) REFERENCES stock_report_version (report_id, version),
    CONSTRAINT stock_report_line_quantity_check CHECK (on_hand >= 0 AND used >= 0)
) STRICT;

-- A daily use that somebody set by hand for a while, in place of what the ledger shows.
CREATE TABLE daily_use (
    id TEXT NOT NULL PRIMARY KEY,
    store_code TEXT NOT NULL REFERENCES store (code),
    item_code TEXT NOT NULL REFERENCES item (code),
    -- Base units per day, as an exact fraction.
    numerator INTEGER NOT NULL,
    denominator INTEGER NOT NULL,
    -- The last day on which it holds.
    through_day TEXT NOT NULL,
    reason TEXT NOT NULL,
    -- What it rests on, in words.
    sample TEXT,
    author TEXT NOT NULL,
    recorded_at INTEGER NOT NULL,
    ended_by TEXT,
    ended_at INTEGER,
    end_reason TEXT,
    version INTEGER NOT NULL,
    CONSTRAINT daily_use_rate_check CHECK (numerator >= 0 AND denominator > 0)
) STRICT;
CREATE INDEX daily_use_list ON daily_use (recorded_at, id);
CREATE INDEX daily_use_cell ON daily_use (store_code, item_code, recorded_at);

CREATE TRIGGER stock_report_version_no_update BEFORE UPDATE ON stock_report_version
BEGIN
    SELECT RAISE(ABORT, 'stock_report_version is append-only');
END;
CREATE TRIGGER stock_report_version_no_delete BEFORE DELETE ON stock_report_version
BEGIN
    SELECT RAISE(ABORT, 'stock_report_version is append-only');
END;
CREATE TRIGGER stock_report_line_no_update BEFORE UPDATE ON stock_report_line
BEGIN
    SELECT RAISE(ABORT, 'stock_report_line is append-only');
END;
CREATE TRIGGER stock_report_line_no_delete BEFORE DELETE ON stock_report_line
BEGIN
    SELECT RAISE(ABORT, 'stock_report_line is append-only');
END;
