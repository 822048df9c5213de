-- Stock on its way from one store to another.

-- The order to move stock between two stores.
CREATE TABLE dispatch (
    id TEXT NOT NULL PRIMARY KEY,
    number TEXT NOT NULL,
    status TEXT NOT NULL,
    -- A request may leave the sender to whoever approves.
    from_store TEXT REFERENCES store (code),
    to_store TEXT NOT NULL REFERENCES store (code),
    -- A civil date or an instant, as people said it.
    needed_by TEXT,
    urgency TEXT NOT NULL,
    reason TEXT,
    order_number TEXT,
    -- By whose word, as JSON written and read whole.
    authority TEXT,
    note TEXT,
    -- The dispatch whose open remainder this one asks for again.
    follows TEXT REFERENCES dispatch (id),
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    approved_by TEXT,
    approved_at BIGINT,
    expected_at BIGINT,
    -- Whether something asked for is neither there, nor on its way, nor promised.
    open_remainder BOOLEAN NOT NULL,
    version BIGINT NOT NULL,
    CONSTRAINT dispatch_number_key UNIQUE (number),
    CONSTRAINT dispatch_status_check CHECK (status IN ('requested', 'draft', 'approved', 'picked', 'shipped', 'received', 'closed', 'cancelled')),
    CONSTRAINT dispatch_urgency_check CHECK (urgency IN ('routine', 'urgent', 'emergency')),
    CONSTRAINT dispatch_stores_check CHECK (from_store <> to_store),
    CONSTRAINT dispatch_sender_check CHECK (from_store IS NOT NULL OR status IN ('requested', 'draft', 'cancelled'))
);
CREATE INDEX dispatch_list ON dispatch (created_at, id);
CREATE INDEX dispatch_from ON dispatch (from_store, created_at, id);
CREATE INDEX dispatch_to ON dispatch (to_store, created_at, id);
CREATE INDEX dispatch_status ON dispatch (status, created_at, id);

-- One item of a dispatch: what was asked for, granted and set aside.
CREATE TABLE dispatch_line (
    dispatch_id TEXT NOT NULL REFERENCES dispatch (id),
    line_no BIGINT NOT NULL,
    item_code TEXT NOT NULL REFERENCES item (code),
    -- The lot that is asked for, where it must be that one.
    lot_id TEXT REFERENCES lot (id),
    requested BIGINT NOT NULL,
    approved BIGINT,
    picked BIGINT,
    -- Asked for again in another dispatch.
    carried_over BIGINT NOT NULL,
    PRIMARY KEY (dispatch_id, line_no),
    CONSTRAINT dispatch_line_requested_check CHECK (requested > 0),
    CONSTRAINT dispatch_line_approved_check CHECK (0 <= approved AND approved <= requested),
    CONSTRAINT dispatch_line_picked_check CHECK (0 <= picked AND picked <= approved),
    CONSTRAINT dispatch_line_carried_check CHECK (0 <= carried_over AND carried_over <= requested)
);
CREATE INDEX dispatch_line_item ON dispatch_line (item_code, dispatch_id);

-- Who set or added to a number of a line, when and why; nothing is taken back, only added.
CREATE TABLE dispatch_step (
    dispatch_id TEXT NOT NULL REFERENCES dispatch (id),
    seq BIGINT NOT NULL,
    line_no BIGINT NOT NULL,
    step TEXT NOT NULL,
    -- Below zero where a signing was reversed.
    quantity BIGINT NOT NULL,
    actor TEXT NOT NULL,
    at BIGINT NOT NULL,
    reason_code TEXT,
    note TEXT,
    PRIMARY KEY (dispatch_id, seq),
    CONSTRAINT dispatch_step_check CHECK (step IN ('requested', 'approved', 'picked', 'shipped', 'received', 'damaged', 'lost', 'returned', 'over', 'released', 'carried_over'))
);

-- One lorry of a dispatch.
CREATE TABLE dispatch_shipment (
    id TEXT NOT NULL PRIMARY KEY,
    dispatch_id TEXT NOT NULL REFERENCES dispatch (id),
    seq BIGINT NOT NULL,
    occurred_at BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    shipped_by TEXT NOT NULL,
    carrier TEXT,
    vehicle TEXT,
    driver TEXT,
    phone TEXT,
    expected_at BIGINT NOT NULL,
    CONSTRAINT dispatch_shipment_key UNIQUE (dispatch_id, seq),
    CONSTRAINT dispatch_shipment_expected_check CHECK (occurred_at <= expected_at)
);

-- What a lorry carries of one lot for one line, and what has become of it.
CREATE TABLE dispatch_load (
    shipment_id TEXT NOT NULL REFERENCES dispatch_shipment (id),
    line_no BIGINT NOT NULL,
    lot_id TEXT NOT NULL REFERENCES lot (id),
    dispatch_id TEXT NOT NULL REFERENCES dispatch (id),
    item_code TEXT NOT NULL,
    shipped BIGINT NOT NULL,
    received BIGINT NOT NULL,
    damaged BIGINT NOT NULL,
    lost BIGINT NOT NULL,
    returned BIGINT NOT NULL,
    -- Arrived beyond what the papers say.
    surplus BIGINT NOT NULL,
    PRIMARY KEY (shipment_id, line_no, lot_id),
    CONSTRAINT dispatch_load_check CHECK (shipped > 0 AND received >= 0 AND damaged >= 0 AND lost >= 0 AND returned >= 0 AND surplus >= 0 AND received + damaged + lost + returned <= shipped)
);
CREATE INDEX dispatch_load_dispatch ON dispatch_load (dispatch_id, line_no);

-- A signing for goods.
CREATE TABLE dispatch_receipt (
    id TEXT NOT NULL PRIMARY KEY,
    dispatch_id TEXT NOT NULL REFERENCES dispatch (id),
    seq BIGINT NOT NULL,
    store_code TEXT NOT NULL REFERENCES store (code),
    occurred_at BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    received_by TEXT,
    signed_by TEXT NOT NULL,
    note TEXT,
    reversed_at BIGINT,
    reversed_by TEXT,
    reversal_reason TEXT,
    CONSTRAINT dispatch_receipt_key UNIQUE (dispatch_id, seq)
);
CREATE INDEX dispatch_receipt_store ON dispatch_receipt (store_code, dispatch_id);

-- Some pieces of one lot that were signed for, how they ended, and the movement that says so.
CREATE TABLE dispatch_piece (
    receipt_id TEXT NOT NULL REFERENCES dispatch_receipt (id),
    seq BIGINT NOT NULL,
    dispatch_id TEXT NOT NULL REFERENCES dispatch (id),
    -- Neither line nor lorry where the goods were not on the papers.
    line_no BIGINT,
    shipment_id TEXT REFERENCES dispatch_shipment (id),
    lot_id TEXT NOT NULL REFERENCES lot (id),
    item_code TEXT NOT NULL,
    fate TEXT NOT NULL,
    quantity BIGINT NOT NULL,
    movement_id TEXT NOT NULL REFERENCES stock_movement (id),
    reason_code TEXT,
    note TEXT,
    PRIMARY KEY (receipt_id, seq),
    CONSTRAINT dispatch_piece_fate_check CHECK (fate IN ('received', 'damaged', 'lost', 'returned', 'over')),
    CONSTRAINT dispatch_piece_quantity_check CHECK (quantity > 0),
    CONSTRAINT dispatch_piece_line_check CHECK ((line_no IS NULL) = (shipment_id IS NULL))
);
CREATE INDEX dispatch_piece_dispatch ON dispatch_piece (dispatch_id);

-- What happened to a dispatch, in order.
CREATE TABLE dispatch_event (
    dispatch_id TEXT NOT NULL REFERENCES dispatch (id),
    seq BIGINT NOT NULL,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    what TEXT NOT NULL,
    note TEXT,
    PRIMARY KEY (dispatch_id, seq)
);
