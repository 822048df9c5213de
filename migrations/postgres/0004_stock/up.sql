-- The ledger: movements are the truth, balances are a cache of them.

-- A maker's lot: what a recall or a correction acts on, in all stores at once.
CREATE TABLE makers_lot (
    id TEXT NOT NULL PRIMARY KEY,
    item_code TEXT NOT NULL REFERENCES item (code),
    lot_number TEXT NOT NULL,
    maker TEXT NOT NULL,
    -- The label had no number, and the store gave one.
    is_house_number BOOLEAN NOT NULL,
    manufactured_on DATE,
    expiry TEXT NOT NULL,
    expires_on DATE,
    recalled_at BIGINT,
    recall_reason TEXT,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    CONSTRAINT makers_lot_key UNIQUE (item_code, lot_number, maker),
    CONSTRAINT makers_lot_expiry_check CHECK (expiry IN ('dated', 'none', 'unknown')),
    CONSTRAINT makers_lot_expires_on_check CHECK ((expiry = 'dated') = (expires_on IS NOT NULL))
);
CREATE INDEX makers_lot_expires ON makers_lot (expires_on, id);

-- A maker's lot with its provenance: the grain of the ledger.
CREATE TABLE lot (
    id TEXT NOT NULL PRIMARY KEY,
    makers_lot_id TEXT NOT NULL REFERENCES makers_lot (id),
    item_code TEXT NOT NULL REFERENCES item (code),
    -- Hash of everything that tells this lot from others of the same maker's lot.
    provenance_key TEXT NOT NULL,
    owner_code TEXT,
    source_kind TEXT NOT NULL,
    source_name TEXT,
    fund_source TEXT,
    donor TEXT,
    earmarked_for TEXT,
    -- Ten-thousandths of a yuan for one base unit.
    unit_cost BIGINT,
    cost_is_estimated BOOLEAN NOT NULL,
    pack_units BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    CONSTRAINT lot_provenance_key UNIQUE (makers_lot_id, provenance_key),
    CONSTRAINT lot_pack_check CHECK (pack_units > 0),
    CONSTRAINT lot_cost_check CHECK (unit_cost >= 0)
);
CREATE INDEX lot_item ON lot (item_code, id);

-- A document that posts to the ledger: receipt, issue, write-off, adjustment, state change.
CREATE TABLE stock_document (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    number TEXT NOT NULL,
    store_code TEXT NOT NULL REFERENCES store (code),
    status TEXT NOT NULL,
    occurred_at BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    approved_by TEXT,
    approved_at BIGINT,
    -- What the document says beyond its movements, as JSON written and read whole.
    detail TEXT NOT NULL,
    version BIGINT NOT NULL,
    CONSTRAINT stock_document_number_key UNIQUE (number),
    CONSTRAINT stock_document_kind_check CHECK (kind IN ('receipt', 'issue', 'write_off', 'adjustment', 'state_change')),
    CONSTRAINT stock_document_status_check CHECK (status IN ('draft', 'posted', 'cancelled'))
);
CREATE INDEX stock_document_list ON stock_document (kind, recorded_at, id);
CREATE INDEX stock_document_store ON stock_document (store_code, kind, recorded_at, id);

-- The last number given by a store for a kind of document in a year.
CREATE TABLE number_counter (
    store_code TEXT NOT NULL,
    kind TEXT NOT NULL,
    year BIGINT NOT NULL,
    last BIGINT NOT NULL,
    PRIMARY KEY (store_code, kind, year)
);

-- What the movements of one lot in one state at one store add up to, and how much is promised.
CREATE TABLE stock_balance (
    store_code TEXT NOT NULL REFERENCES store (code),
    lot_id TEXT NOT NULL REFERENCES lot (id),
    state TEXT NOT NULL,
    item_code TEXT NOT NULL,
    on_hand BIGINT NOT NULL,
    reserved BIGINT NOT NULL,
    -- Business time of the latest movement, which late outflows are held against.
    last_occurred_at BIGINT NOT NULL,
    PRIMARY KEY (store_code, lot_id, state),
    CONSTRAINT stock_balance_state_check CHECK (state IN ('available', 'pending_inspection', 'quarantined', 'held', 'damaged')),
    CONSTRAINT stock_balance_check CHECK (0 <= reserved AND reserved <= on_hand)
);
CREATE INDEX stock_balance_item ON stock_balance (item_code, store_code);
CREATE INDEX stock_balance_lot ON stock_balance (lot_id);

-- What is on one lorry: the transit account of a dispatch, by shipment and lot.
CREATE TABLE transit_balance (
    dispatch_id TEXT NOT NULL,
    shipment_id TEXT NOT NULL,
    lot_id TEXT NOT NULL REFERENCES lot (id),
    item_code TEXT NOT NULL,
    from_store TEXT NOT NULL REFERENCES store (code),
    to_store TEXT NOT NULL REFERENCES store (code),
    expected_at BIGINT NOT NULL,
    on_hand BIGINT NOT NULL,
    PRIMARY KEY (dispatch_id, shipment_id, lot_id),
    CONSTRAINT transit_balance_check CHECK (0 <= on_hand)
);
CREATE INDEX transit_balance_to ON transit_balance (to_store, item_code);
CREATE INDEX transit_balance_from ON transit_balance (from_store, item_code);

-- Stock promised to a line of a document; its sum is the balance's reserved.
CREATE TABLE reservation (
    document_kind TEXT NOT NULL,
    document_id TEXT NOT NULL,
    line_no BIGINT NOT NULL,
    store_code TEXT NOT NULL,
    lot_id TEXT NOT NULL REFERENCES lot (id),
    item_code TEXT NOT NULL,
    quantity BIGINT NOT NULL,
    PRIMARY KEY (document_kind, document_id, line_no, store_code, lot_id),
    CONSTRAINT reservation_quantity_check CHECK (quantity > 0)
);
CREATE INDEX reservation_balance ON reservation (store_code, lot_id);

-- One immutable line of the ledger: a quantity of one lot from one account to another.
CREATE TABLE stock_movement (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    -- The store whose chain the movement stands in.
    store_code TEXT NOT NULL REFERENCES store (code),
    chain_seq BIGINT NOT NULL,
    item_code TEXT NOT NULL,
    lot_id TEXT NOT NULL REFERENCES lot (id),
    quantity BIGINT NOT NULL,
    -- Accounts: ('store', code, state), ('transit', dispatch, NULL), ('outside', word, NULL).
    from_kind TEXT NOT NULL,
    from_name TEXT NOT NULL,
    from_state TEXT,
    to_kind TEXT NOT NULL,
    to_name TEXT NOT NULL,
    to_state TEXT,
    -- The lorry, where one of the accounts is in transit.
    shipment_id TEXT,
    document_kind TEXT NOT NULL,
    document_id TEXT NOT NULL,
    document_number TEXT NOT NULL,
    line_no BIGINT NOT NULL,
    reason_code TEXT,
    note TEXT,
    -- The movement that this one takes back, wholly or in part.
    reverses TEXT REFERENCES stock_movement (id),
    after_the_fact BOOLEAN NOT NULL,
    slip_number TEXT,
    occurred_at BIGINT NOT NULL,
    -- The calendar day of occurred_at in the county's zone.
    business_day DATE NOT NULL,
    recorded_at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    previous_hash TEXT NOT NULL,
    hash TEXT NOT NULL,
    CONSTRAINT stock_movement_chain_key UNIQUE (store_code, chain_seq),
    CONSTRAINT stock_movement_quantity_check CHECK (quantity > 0),
    CONSTRAINT stock_movement_kind_check CHECK (kind IN ('receipt', 'issue', 'write_off', 'adjustment', 'state_change', 'dispatch_out', 'dispatch_in', 'transit_loss', 'count', 'reclassification', 'reversal')),
    CONSTRAINT stock_movement_from_check CHECK (from_kind IN ('store', 'transit', 'outside')),
    CONSTRAINT stock_movement_to_check CHECK (to_kind IN ('store', 'transit', 'outside'))
);
CREATE INDEX stock_movement_time ON stock_movement (recorded_at, id);
CREATE INDEX stock_movement_lot ON stock_movement (lot_id, recorded_at, id);
CREATE INDEX stock_movement_item_day ON stock_movement (store_code, item_code, business_day);
CREATE INDEX stock_movement_document ON stock_movement (document_kind, document_id);
CREATE INDEX stock_movement_reverses ON stock_movement (reverses);

-- The ledger cannot be amended.
CREATE TRIGGER stock_movement_append_only BEFORE UPDATE OR DELETE ON stock_movement
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER stock_movement_no_truncate BEFORE TRUNCATE ON stock_movement
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
