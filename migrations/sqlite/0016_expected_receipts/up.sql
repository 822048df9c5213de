-- What stores expect from outside: orders that are on their way to be delivered, agreements, and capacity to produce.

CREATE TABLE expected_receipt (
    id TEXT NOT NULL PRIMARY KEY,
    number TEXT NOT NULL,
    kind TEXT NOT NULL,
    store_code TEXT NOT NULL REFERENCES store (code),
    -- When the goods are due; an order always says, agreements and capacity may.
    expected_at INTEGER,
    supplier TEXT NOT NULL,
    contract_number TEXT,
    note TEXT,
    -- Days from the call to the delivery.
    lead_days INTEGER,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    cancelled_at INTEGER,
    version INTEGER NOT NULL,
    CONSTRAINT expected_receipt_number_key UNIQUE (number),
    CONSTRAINT expected_receipt_kind_check CHECK (kind IN ('order', 'agreement', 'capacity')),
    CONSTRAINT expected_receipt_due_check CHECK (kind <> 'order' OR expected_at IS NOT NULL)
) STRICT;
CREATE INDEX expected_receipt_list ON expected_receipt (created_at, id);
CREATE INDEX expected_receipt_store ON expected_receipt (store_code, created_at, id);

CREATE TABLE expected_line (
    expected_id TEXT NOT NULL REFERENCES expected_receipt (id),
    line_no INTEGER NOT NULL,
    item_code TEXT NOT NULL REFERENCES item (code),
    -- Base units.
    quantity INTEGER NOT NULL,
    unit_price INTEGER,
    -- Base units that can be made in a day, for capacity.
    per_day INTEGER,
    PRIMARY KEY (expected_id, line_no),
    CONSTRAINT expected_line_quantity_check CHECK (quantity > 0)
) STRICT;
CREATE INDEX expected_line_item ON expected_line (item_code, expected_id, line_no);

-- What became of it: made, put off, cancelled; never changed.
CREATE TABLE expected_event (
    expected_id TEXT NOT NULL REFERENCES expected_receipt (id),
    seq INTEGER NOT NULL,
    kind TEXT NOT NULL,
    -- When the goods are due from then on.
    expected_at INTEGER,
    reason TEXT,
    actor TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (expected_id, seq),
    CONSTRAINT expected_event_kind_check CHECK (kind IN ('created', 'rescheduled', 'cancelled'))
) STRICT;

-- Which movement of a receipt fulfils which line; what is open follows from the ledger.
CREATE TABLE expected_fulfilment (
    movement_id TEXT NOT NULL PRIMARY KEY REFERENCES stock_movement (id),
    expected_id TEXT NOT NULL REFERENCES expected_receipt (id),
    line_no INTEGER NOT NULL,
    store_code TEXT NOT NULL REFERENCES store (code)
) STRICT;
CREATE INDEX expected_fulfilment_line ON expected_fulfilment (expected_id, line_no);
CREATE INDEX expected_fulfilment_store ON expected_fulfilment (store_code, expected_id);
