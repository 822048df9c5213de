-- By whose word stock moves, and what of it was reserve.

-- The paper that is due after something was done on a spoken word.
CREATE TABLE paperwork (
    id TEXT NOT NULL PRIMARY KEY,
    document_kind TEXT NOT NULL,
    document_id TEXT NOT NULL,
    document_number TEXT,
    -- Who sees it: users with one of these stores in scope, and those with every store.
    store_code TEXT REFERENCES store (code),
    other_store_code TEXT REFERENCES store (code),
    -- By whose word, as JSON written and read whole.
    authority TEXT NOT NULL,
    acted_by TEXT NOT NULL,
    -- Users who made, approved or carried out the document, as JSON: none of them may vouch for it.
    involved TEXT NOT NULL,
    acted_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    status TEXT NOT NULL,
    decided_by TEXT,
    decided_at BIGINT,
    paper_number TEXT,
    note TEXT,
    version BIGINT NOT NULL,
    CONSTRAINT paperwork_status_check CHECK (status IN ('open', 'confirmed', 'objected', 'void')),
    CONSTRAINT paperwork_decided_check CHECK ((status IN ('confirmed', 'objected')) = (decided_by IS NOT NULL AND decided_at IS NOT NULL))
);
CREATE INDEX paperwork_due ON paperwork (status, due_at, id);
CREATE INDEX paperwork_document ON paperwork (document_kind, document_id);

-- Stock taken from below its floor.
CREATE TABLE draw_down (
    id TEXT NOT NULL PRIMARY KEY,
    store_code TEXT NOT NULL REFERENCES store (code),
    item_code TEXT NOT NULL REFERENCES item (code),
    -- Base units that the document took from below the floor; less once some are given back.
    quantity BIGINT NOT NULL,
    available_after BIGINT NOT NULL,
    floor BIGINT NOT NULL,
    -- The plan version that gave the floor.
    plan_id TEXT NOT NULL REFERENCES reserve_plan (id),
    plan_version BIGINT NOT NULL,
    -- By whose word, as JSON written and read whole.
    authority TEXT NOT NULL,
    document_kind TEXT NOT NULL,
    document_id TEXT NOT NULL,
    document_number TEXT NOT NULL,
    taken_by TEXT NOT NULL,
    taken_at BIGINT NOT NULL,
    replenish_by DATE NOT NULL,
    status TEXT NOT NULL,
    closed_by TEXT,
    closed_at BIGINT,
    note TEXT,
    version BIGINT NOT NULL,
    CONSTRAINT draw_down_quantity_check CHECK (quantity >= 0 AND available_after >= 0 AND floor > 0),
    CONSTRAINT draw_down_status_check CHECK (status IN ('open', 'released', 'replenished', 'closed'))
);
CREATE INDEX draw_down_list ON draw_down (replenish_by, id);
CREATE INDEX draw_down_place ON draw_down (store_code, item_code, status);
CREATE INDEX draw_down_document ON draw_down (document_kind, document_id);
