-- What stores expect from outside: orders that are on their way to be delivered, agreements, and capacity to produce.

CREATE TABLE expected_receipt (
    id TEXT NOT NULL PRIMARY KEY,
    number TEXT NOT NULL,
    kind TEXT NOT NULL,
    store_code TEXT NOT NULL REFERENCES store (code),
    -- When the goods are due; an order always says, agreements and capacity may.
    expected_at BIGINT,
    supplier TEXT NOT NULL,
    contract_number TEXT,
    note TEXT,
    -- Days from the call to the delivery.
    lead_days BIGINT,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    cancelled_at BIGINT,
    version BIGINT NOT NULL,
    CONSTRAINT expected_receipt_number_key UNIQUE (number),
    CONSTRAINT expected_receipt_kind_check CHECK (kind IN ('order', 'agreement', 'capacity')),
    CONSTRAINT expected_receipt_due_check CHECK (kind <> 'order' OR expected_at IS NOT NULL)
);
CREATE INDEX expected_receipt_list ON expected_receipt (created_at, id);
CREATE INDEX expected_receipt_store ON expected_receipt (store_code, created_at, id);

CREATE TABLE expected_line (
    expected_id TEXT NOT NULL REFERENCES expected_receipt (id),
    line_no BIGINT NOT NULL,
    item_code TEXT NOT NULL REFERENCES item (code),
    -- Base units.
    quantity BIGINT NOT NULL,
    unit_price BIGINT,
    -- Base units that can be made in a day, for capacity.
    per_day BIGINT,
    PRIMARY KEY (expected_id, line_no),
    CONSTRAINT expected_line_quantity_check CHECK (quantity > 0)
);
CREATE INDEX expected_line_item ON expected_line (item_code, expected_id, line_no);

-- What became of it: made, put off, cancelled; never changed.
CREATE TABLE expected_event (
    expected_id TEXT NOT NULL REFERENCES expected_receipt (id),
    seq BIGINT NOT NULL,
    kind TEXT NOT NULL,
    -- When the goods are due from then on.
    expected_at BIGINT,
    reason TEXT,
    actor TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (expected_id, seq),
    CONSTRAINT expected_event_kind_check CHECK (kind IN ('created', 'rescheduled', 'cancelled'))
);

-- Which movement of a receipt fulfils which line; what is open follows from the ledger.
CREATE TABLE expected_fulfilment (
    movement_id TEXT NOT NULL PRIMARY KEY REFERENCES stock_movement (id),
    expected_id TEXT NOT NULL REFERENCES expected_receipt (id),
    line_no BIGINT NOT NULL,
    store_code TEXT NOT NULL REFERENCES store (code)
);
CREATE INDEX expected_fulfilment_line ON expected_fulfilment (expected_id, line_no);
CREATE INDEX expected_fulfilment_store ON expected_fulfilment (store_code, expected_id);
