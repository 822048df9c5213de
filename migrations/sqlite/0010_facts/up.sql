-- Facts that the book could not cover, promises that facts cut, and what was corrected of lots.

-- A fact that the book could not cover, until a receipt, a count or a reversal clears it.
CREATE TABLE unmatched_fact (
    id TEXT NOT NULL PRIMARY KEY,
    store_code TEXT NOT NULL REFERENCES store (code),
    item_code TEXT NOT NULL REFERENCES item (code),
    -- The lot that carries it in the ledger: the one named, else the house lot of the item.
    lot_id TEXT NOT NULL REFERENCES lot (id),
    -- The number that the slip names, where the book does not know it.
    named_lot TEXT,
    quantity INTEGER NOT NULL,
    -- What neither came to light nor was taken back so far.
    still_open INTEGER NOT NULL,
    purpose TEXT NOT NULL,
    -- The movement from `unmatched` to the purpose.
    movement_id TEXT NOT NULL REFERENCES stock_movement (id),
    document_kind TEXT NOT NULL,
    document_id TEXT NOT NULL,
    document_number TEXT NOT NULL,
    line_no INTEGER NOT NULL,
    slip_number TEXT NOT NULL,
    occurred_at INTEGER NOT NULL,
    business_day TEXT NOT NULL,
    recorded_at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    version INTEGER NOT NULL,
    CONSTRAINT unmatched_fact_movement_key UNIQUE (movement_id),
    CONSTRAINT unmatched_fact_quantity_check CHECK (quantity > 0),
    CONSTRAINT unmatched_fact_open_check CHECK (0 <= still_open AND still_open <= quantity)
) STRICT;
CREATE INDEX unmatched_fact_cell ON unmatched_fact (store_code, item_code, occurred_at, id);
CREATE INDEX unmatched_fact_list ON unmatched_fact (occurred_at, id);

-- A movement that cleared a fact, wholly or in part.
CREATE TABLE unmatched_clearing (
    movement_id TEXT NOT NULL PRIMARY KEY REFERENCES stock_movement (id),
    unmatched_id TEXT NOT NULL REFERENCES unmatched_fact (id),
    how TEXT NOT NULL,
    -- The document that brought it to light: a receipt, a dispatch, a count.
    by_kind TEXT NOT NULL,
    by_id TEXT NOT NULL,
    by_number TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    CONSTRAINT unmatched_clearing_how_check CHECK (how IN ('receipt', 'count', 'match')),
    CONSTRAINT unmatched_clearing_quantity_check CHECK (quantity > 0)
) STRICT;
CREATE INDEX unmatched_clearing_fact ON unmatched_clearing (unmatched_id, recorded_at, movement_id);

-- A promise that a fact cut, until the document that lost it goes on without it.
CREATE TABLE reservation_cut (
    id TEXT NOT NULL PRIMARY KEY,
    document_kind TEXT NOT NULL,
    document_id TEXT NOT NULL,
    line_no INTEGER NOT NULL,
    store_code TEXT NOT NULL REFERENCES store (code),
    lot_id TEXT NOT NULL REFERENCES lot (id),
    item_code TEXT NOT NULL REFERENCES item (code),
    quantity INTEGER NOT NULL,
    -- The fact that cut it.
    by_kind TEXT NOT NULL,
    by_id TEXT NOT NULL,
    by_number TEXT NOT NULL,
    slip_number TEXT NOT NULL,
    cut_at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    acknowledged_at INTEGER,
    acknowledged_by TEXT,
    CONSTRAINT reservation_cut_quantity_check CHECK (quantity > 0)
) STRICT;
CREATE INDEX reservation_cut_document ON reservation_cut (document_kind, document_id, cut_at, id);
CREATE INDEX reservation_cut_list ON reservation_cut (cut_at, id);

-- What was corrected of a maker's lot: what the book said before, what it says now, and why.
CREATE TABLE makers_lot_event (
    id TEXT NOT NULL PRIMARY KEY,
    makers_lot_id TEXT NOT NULL REFERENCES makers_lot (id),
    seq INTEGER NOT NULL,
    kind TEXT NOT NULL,
    number TEXT NOT NULL,
    recorded_at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    reason_code TEXT NOT NULL,
    note TEXT,
    -- By whose word the expiry was extended, as JSON.
    authority TEXT,
    -- The label as the book had it and has it now, as JSON written and read whole.
    label_before TEXT NOT NULL,
    label_after TEXT NOT NULL,
    -- The maker's lot to which everything went.
    corrected_to TEXT REFERENCES makers_lot (id),
    CONSTRAINT makers_lot_event_seq_key UNIQUE (makers_lot_id, seq),
    CONSTRAINT makers_lot_event_kind_check CHECK (kind IN ('correction', 'expiry_corrected', 'expiry_extended'))
) STRICT;
CREATE INDEX makers_lot_event_target ON makers_lot_event (corrected_to);

-- What a lot was said to cost before, and who settled it.
CREATE TABLE lot_cost_event (
    id TEXT NOT NULL PRIMARY KEY,
    lot_id TEXT NOT NULL REFERENCES lot (id),
    seq INTEGER NOT NULL,
    -- Ten-thousandths of a yuan for one base unit.
    old_cost INTEGER,
    was_estimated INTEGER NOT NULL,
    new_cost INTEGER NOT NULL,
    document_id TEXT NOT NULL,
    line_no INTEGER NOT NULL,
    reason_code TEXT,
    note TEXT,
    recorded_at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    CONSTRAINT lot_cost_event_seq_key UNIQUE (lot_id, seq),
    CONSTRAINT lot_cost_event_cost_check CHECK (new_cost >= 0)
) STRICT;

-- What was cleared and corrected stays so.
CREATE TRIGGER unmatched_clearing_no_update BEFORE UPDATE ON unmatched_clearing
BEGIN
    SELECT RAISE(ABORT, 'unmatched_clearing is append-only');
END;
CREATE TRIGGER unmatched_clearing_no_delete BEFORE DELETE ON unmatched_clearing
BEGIN
    SELECT RAISE(ABORT, 'unmatched_clearing is append-only');
END;
CREATE TRIGGER makers_lot_event_no_update BEFORE UPDATE ON makers_lot_event
BEGIN
    SELECT RAISE(ABORT, 'makers_lot_event is append-only');
END;
CREATE TRIGGER makers_lot_event_no_delete BEFORE DELETE ON makers_lot_event
BEGIN
    SELECT RAISE(ABORT, 'makers_lot_event is append-only');
END;
CREATE TRIGGER lot_cost_event_no_update BEFORE UPDATE ON lot_cost_event
BEGIN
    SELECT RAISE(ABORT, 'lot_cost_event is append-only');
END;
CREATE TRIGGER lot_cost_event_no_delete BEFORE DELETE ON lot_cost_event
BEGIN
    SELECT RAISE(ABORT, 'lot_cost_event is append-only');
END;
