-- Who gets what of scarce stock: proposals with their frozen inputs, decisions, and roads.

-- A proposal of who gets what from whom, and what became of it.
CREATE TABLE allocation (
    id TEXT NOT NULL PRIMARY KEY,
    number TEXT NOT NULL,
    status TEXT NOT NULL,
    -- Worked out on figures that somebody made up; never turned into dispatches.
    rehearsal INTEGER NOT NULL,
    policy TEXT NOT NULL,
    measure TEXT NOT NULL,
    urgency TEXT NOT NULL,
    -- A civil date or an instant, as people said it.
    needed_by TEXT,
    reason TEXT,
    -- Everything that the proposal was worked out from, as JSON written and read whole.
    inputs TEXT NOT NULL,
    input_hash TEXT NOT NULL,
    -- What came out, as JSON.
    outcome TEXT NOT NULL,
    -- The allocation that this one repeats as stock arrives, and the number of its round.
    follows TEXT REFERENCES allocation (id),
    round_no INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    -- Users who made or edited it, as JSON: none of them may approve it.
    authors TEXT NOT NULL,
    decided_by TEXT,
    decided_at INTEGER,
    -- By whose word, as JSON.
    authority TEXT,
    -- What had changed since and was accepted, as JSON.
    accepted TEXT,
    note TEXT,
    version INTEGER NOT NULL,
    CONSTRAINT allocation_number_key UNIQUE (number),
    CONSTRAINT allocation_status_check CHECK (status IN ('proposed', 'approved', 'discarded')),
    CONSTRAINT allocation_urgency_check CHECK (urgency IN ('routine', 'urgent', 'emergency')),
    CONSTRAINT allocation_round_check CHECK (round_no > 0),
    CONSTRAINT allocation_rehearsal_check CHECK (rehearsal = 0 OR status <> 'approved'),
    CONSTRAINT allocation_decided_check CHECK ((status = 'proposed') = (decided_at IS NULL))
) STRICT;
CREATE INDEX allocation_list ON allocation (created_at, id);
CREATE INDEX allocation_status ON allocation (status, created_at, id);
CREATE INDEX allocation_follows ON allocation (follows);

-- What one store is to get of one item from another: as proposed, and as decided.
CREATE TABLE allocation_line (
    allocation_id TEXT NOT NULL REFERENCES allocation (id),
    line_no INTEGER NOT NULL,
    -- The part of the proposal, whose item it may stand in for.
    part_no INTEGER NOT NULL,
    item_code TEXT NOT NULL REFERENCES item (code),
    from_store TEXT NOT NULL REFERENCES store (code),
    to_store TEXT NOT NULL REFERENCES store (code),
    -- Nothing for a line that was added by hand.
    proposed INTEGER NOT NULL,
    -- Lots and quantities, as JSON.
    proposed_lots TEXT NOT NULL,
    decided INTEGER NOT NULL,
    decided_lots TEXT NOT NULL,
    -- Why it was edited, by whom and when.
    reason TEXT,
    edited_by TEXT,
    edited_at INTEGER,
    PRIMARY KEY (allocation_id, line_no),
    CONSTRAINT allocation_line_key UNIQUE (allocation_id, item_code, from_store, to_store),
    CONSTRAINT allocation_line_stores_check CHECK (from_store <> to_store),
    CONSTRAINT allocation_line_quantity_check CHECK (proposed >= 0 AND decided >= 0),
    CONSTRAINT allocation_line_reason_check CHECK ((edited_by IS NULL) = (reason IS NULL))
) STRICT;
CREATE INDEX allocation_line_from ON allocation_line (from_store, allocation_id);
CREATE INDEX allocation_line_to ON allocation_line (to_store, allocation_id);
CREATE INDEX allocation_line_item ON allocation_line (item_code, allocation_id);

-- Every store and item that a proposal looked at, whether it gets or gives anything or not.
CREATE TABLE allocation_scope (
    allocation_id TEXT NOT NULL REFERENCES allocation (id),
    store_code TEXT NOT NULL REFERENCES store (code),
    item_code TEXT NOT NULL REFERENCES item (code),
    PRIMARY KEY (allocation_id, store_code, item_code)
) STRICT;
CREATE INDEX allocation_scope_store ON allocation_scope (store_code, allocation_id);
CREATE INDEX allocation_scope_item ON allocation_scope (item_code, allocation_id);

-- The dispatches into which an allocation was turned.
CREATE TABLE allocation_dispatch (
    dispatch_id TEXT NOT NULL PRIMARY KEY REFERENCES dispatch (id),
    allocation_id TEXT NOT NULL REFERENCES allocation (id)
) STRICT;
CREATE INDEX allocation_dispatch_allocation ON allocation_dispatch (allocation_id, dispatch_id);

-- What happened to an allocation, in order.
CREATE TABLE allocation_event (
    allocation_id TEXT NOT NULL REFERENCES allocation (id),
    seq INTEGER NOT NULL,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    what TEXT NOT NULL,
    note TEXT,
    PRIMARY KEY (allocation_id, seq)
) STRICT;

-- What is known of the road from one store to another.
CREATE TABLE route (
    from_store TEXT NOT NULL REFERENCES store (code),
    to_store TEXT NOT NULL REFERENCES store (code),
    -- What moving one pack costs, in whatever the county counts.
    cost INTEGER,
    distance_m INTEGER,
    travel_minutes INTEGER,
    cold_chain INTEGER NOT NULL,
    closed INTEGER NOT NULL,
    reason TEXT,
    PRIMARY KEY (from_store, to_store),
    CONSTRAINT route_stores_check CHECK (from_store <> to_store),
    CONSTRAINT route_cost_check CHECK (cost >= 0),
    CONSTRAINT route_distance_check CHECK (distance_m >= 0),
    CONSTRAINT route_minutes_check CHECK (travel_minutes >= 0),
    CONSTRAINT route_closed_check CHECK (closed = 0 OR reason IS NOT NULL)
) STRICT;
CREATE INDEX route_to ON route (to_store, from_store);

-- Counts the changes of all routes together, for If-Match; one row.
CREATE TABLE route_table (
    id INTEGER NOT NULL PRIMARY KEY,
    version INTEGER NOT NULL,
    changed_by TEXT,
    changed_at INTEGER,
    CONSTRAINT route_table_one_check CHECK (id = 1)
) STRICT;
INSERT INTO route_table (id, version) VALUES (1, 1);
