-- Stocktakes: what was counted against the book, by whom, and the marks that counts leave in the ledger.

-- A lot in a state at a store was counted then; also where nothing differed. Owned by the ledger.
CREATE TABLE stock_count_mark (
    store_code TEXT NOT NULL REFERENCES store (code),
    lot_id TEXT NOT NULL REFERENCES lot (id),
    state TEXT NOT NULL,
    document_id TEXT NOT NULL,
    document_number TEXT NOT NULL,
    counted INTEGER NOT NULL,
    -- Business time of the count.
    counted_at INTEGER NOT NULL,
    -- The store's last movement that the count was held against.
    chain_seq INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    PRIMARY KEY (store_code, lot_id, state, document_id),
    CONSTRAINT stock_count_mark_state_check CHECK (state IN ('available', 'pending_inspection', 'quarantined', 'held', 'damaged')),
    CONSTRAINT stock_count_mark_counted_check CHECK (counted >= 0)
) STRICT;

CREATE TABLE stocktake (
    id TEXT NOT NULL PRIMARY KEY,
    number TEXT NOT NULL,
    store_code TEXT NOT NULL REFERENCES store (code),
    status TEXT NOT NULL,
    -- What is counted: everything, one category, or the items of a JSON list.
    category TEXT,
    items TEXT,
    -- The sheet does not show what the book says.
    blind INTEGER NOT NULL,
    -- How many independent counts each line needs.
    rounds INTEGER NOT NULL,
    -- What happens to lines that nobody counted.
    not_counted TEXT NOT NULL,
    note TEXT,
    -- Business time of the book that the sheet was made from, and the store's last movement then.
    frozen_at INTEGER NOT NULL,
    frozen_seq INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    submitted_by TEXT,
    submitted_at INTEGER,
    approved_by TEXT,
    approved_at INTEGER,
    -- Who posted it or gave it up.
    ended_by TEXT,
    ended_at INTEGER,
    decision_note TEXT,
    version INTEGER NOT NULL,
    CONSTRAINT stocktake_number_key UNIQUE (number),
    CONSTRAINT stocktake_status_check CHECK (status IN ('open', 'submitted', 'approved', 'posted', 'cancelled')),
    CONSTRAINT stocktake_rounds_check CHECK (rounds IN (1, 2)),
    CONSTRAINT stocktake_not_counted_check CHECK (not_counted IN ('refuse', 'keep')),
    CONSTRAINT stocktake_coverage_check CHECK (category IS NULL OR items IS NULL)
) STRICT;
CREATE INDEX stocktake_list ON stocktake (created_at, id);
CREATE INDEX stocktake_store ON stocktake (store_code, created_at, id);

-- A line of the sheet: one lot in one state, or goods under a label that the book does not know.
CREATE TABLE stocktake_line (
    stocktake_id TEXT NOT NULL REFERENCES stocktake (id),
    line_no INTEGER NOT NULL,
    item_code TEXT NOT NULL REFERENCES item (code),
    lot_id TEXT REFERENCES lot (id),
    state TEXT NOT NULL,
    -- The label, where the book did not know the lot.
    lot_number TEXT,
    maker TEXT,
    manufactured_on TEXT,
    expiry TEXT,
    expires_on TEXT,
    -- What the book said when the sheet was made.
    frozen INTEGER NOT NULL,
    -- Not on the sheet at first: found while counting.
    added INTEGER NOT NULL,
    reason_code TEXT,
    reason_note TEXT,
    -- The difference that was approved.
    approved_difference INTEGER,
    -- The outcome, once posted.
    counted INTEGER,
    counted_at INTEGER,
    decided_round INTEGER,
    rounds_counted INTEGER,
    book INTEGER,
    unit_cost INTEGER,
    PRIMARY KEY (stocktake_id, line_no),
    CONSTRAINT stocktake_line_lot_key UNIQUE (stocktake_id, lot_id, state),
    CONSTRAINT stocktake_line_goods_check CHECK (lot_id IS NOT NULL OR (lot_number IS NOT NULL AND maker IS NOT NULL AND expiry IS NOT NULL)),
    CONSTRAINT stocktake_line_state_check CHECK (state IN ('available', 'pending_inspection', 'quarantined', 'held', 'damaged')),
    CONSTRAINT stocktake_line_frozen_check CHECK (frozen >= 0),
    CONSTRAINT stocktake_line_outcome_check CHECK ((counted IS NULL) = (counted_at IS NULL) AND (counted IS NULL) = (book IS NULL))
) STRICT;
CREATE INDEX stocktake_line_item ON stocktake_line (stocktake_id, item_code);

-- What somebody counted in a round; a slip is superseded by a further entry and stays.
CREATE TABLE stocktake_count (
    id TEXT NOT NULL PRIMARY KEY,
    stocktake_id TEXT NOT NULL,
    line_no INTEGER NOT NULL,
    round INTEGER NOT NULL,
    -- Absent where the count is withdrawn: then the line is not counted in this round, which is not zero.
    quantity INTEGER,
    counted_at INTEGER NOT NULL,
    counted_by TEXT NOT NULL,
    witnessed_by TEXT NOT NULL,
    note TEXT,
    supersedes TEXT REFERENCES stocktake_count (id),
    reason TEXT,
    entered_by TEXT NOT NULL,
    recorded_at INTEGER NOT NULL,
    CONSTRAINT stocktake_count_line FOREIGN KEY (stocktake_id, line_no) REFERENCES stocktake_line (stocktake_id, line_no),
    CONSTRAINT stocktake_count_supersedes_key UNIQUE (supersedes),
    CONSTRAINT stocktake_count_round_check CHECK (round IN (1, 2, 3)),
    CONSTRAINT stocktake_count_quantity_check CHECK (quantity >= 0),
    CONSTRAINT stocktake_count_reason_check CHECK ((supersedes IS NULL) = (reason IS NULL)),
    CONSTRAINT stocktake_count_withdrawn_check CHECK (quantity IS NOT NULL OR supersedes IS NOT NULL),
    CONSTRAINT stocktake_count_people_check CHECK (counted_by <> witnessed_by)
) STRICT;
CREATE INDEX stocktake_count_list ON stocktake_count (stocktake_id, recorded_at, id);
CREATE INDEX stocktake_count_line_round ON stocktake_count (stocktake_id, line_no, round);

-- How true the book was, for each posted stocktake.
CREATE TABLE stocktake_result (
    stocktake_id TEXT NOT NULL PRIMARY KEY REFERENCES stocktake (id),
    store_code TEXT NOT NULL REFERENCES store (code),
    number TEXT NOT NULL,
    posted_at INTEGER NOT NULL,
    lines_counted INTEGER NOT NULL,
    lines_exact INTEGER NOT NULL,
    lines_not_counted INTEGER NOT NULL,
    lines_recounted INTEGER NOT NULL,
    lines_without_cost INTEGER NOT NULL,
    rounds INTEGER NOT NULL,
    book_units INTEGER NOT NULL,
    absolute_units INTEGER NOT NULL,
    net_units INTEGER NOT NULL,
    absolute_value INTEGER NOT NULL,
    net_value INTEGER NOT NULL,
    -- Who counted, as a JSON list.
    counters TEXT NOT NULL,
    CONSTRAINT stocktake_result_exact_check CHECK (0 <= lines_exact AND lines_exact <= lines_counted)
) STRICT;
CREATE INDEX stocktake_result_time ON stocktake_result (posted_at, stocktake_id);
CREATE INDEX stocktake_result_store ON stocktake_result (store_code, posted_at, stocktake_id);

-- What was counted stays as it was counted.
CREATE TRIGGER stock_count_mark_no_update BEFORE UPDATE ON stock_count_mark
BEGIN
    SELECT RAISE(ABORT, 'stock_count_mark is append-only');
END;
CREATE TRIGGER stock_count_mark_no_delete BEFORE DELETE ON stock_count_mark
BEGIN
    SELECT RAISE(ABORT, 'stock_count_mark is append-only');
END;
CREATE TRIGGER stocktake_count_no_update BEFORE UPDATE ON stocktake_count
BEGIN
    SELECT RAISE(ABORT, 'stocktake_count is append-only');
END;
CREATE TRIGGER stocktake_count_no_delete BEFORE DELETE ON stocktake_count
BEGIN
    SELECT RAISE(ABORT, 'stocktake_count is append-only');
END;
