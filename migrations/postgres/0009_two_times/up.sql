-- What was there and what was promised at any time, and the end of a period.

-- How much of one lot in one state a store held, and how much of it was promised, at the end of a
-- business day; a row for each day on which either changed, so that the newest row up to a day is
-- one step of the index.
CREATE TABLE stock_closing (
    store_code TEXT NOT NULL REFERENCES store (code),
    lot_id TEXT NOT NULL REFERENCES lot (id),
    state TEXT NOT NULL,
    business_day DATE NOT NULL,
    item_code TEXT NOT NULL,
    on_hand BIGINT NOT NULL,
    reserved BIGINT NOT NULL,
    PRIMARY KEY (store_code, lot_id, state, business_day),
    CONSTRAINT stock_closing_state_check CHECK (state IN ('available', 'pending_inspection', 'quarantined', 'held', 'damaged')),
    CONSTRAINT stock_closing_check CHECK (on_hand >= 0 AND reserved >= 0)
);
INSERT INTO stock_closing (store_code, lot_id, state, business_day, item_code, on_hand, reserved)
SELECT store_code, lot_id, state, business_day, item_code,
       CAST(SUM(change) OVER (PARTITION BY store_code, lot_id, state ORDER BY business_day) AS BIGINT), 0
FROM (
    SELECT store_code, lot_id, state, business_day, MIN(item_code) AS item_code, SUM(change) AS change
    FROM (
        SELECT from_name AS store_code, lot_id, from_state AS state, business_day, item_code, -quantity AS change
        FROM stock_movement WHERE from_kind = 'store'
        UNION ALL
        SELECT to_name, lot_id, to_state, business_day, item_code, quantity
        FROM stock_movement WHERE to_kind = 'store'
    ) AS leg
    GROUP BY store_code, lot_id, state, business_day
) AS day;

-- A promise that was made or taken back; the sum of a balance's events is its reserved.
CREATE TABLE reservation_event (
    id TEXT NOT NULL PRIMARY KEY,
    document_kind TEXT NOT NULL,
    document_id TEXT NOT NULL,
    line_no BIGINT NOT NULL,
    store_code TEXT NOT NULL REFERENCES store (code),
    lot_id TEXT NOT NULL REFERENCES lot (id),
    item_code TEXT NOT NULL,
    -- Below zero where a promise was taken back or kept.
    change BIGINT NOT NULL,
    occurred_at BIGINT NOT NULL,
    business_day DATE NOT NULL,
    recorded_at BIGINT NOT NULL,
    CONSTRAINT reservation_event_change_check CHECK (change <> 0)
);
CREATE INDEX reservation_event_card ON reservation_event (store_code, item_code, occurred_at, id);
CREATE INDEX reservation_event_time ON reservation_event (recorded_at, id);

-- When the promise was made, or last added to: it cannot be kept before.
ALTER TABLE reservation ADD COLUMN promised_at BIGINT NOT NULL DEFAULT 946684800000000;
-- What a book of before remembers of its open promises is when their dispatch was approved.
UPDATE reservation SET promised_at = COALESCE(
    (SELECT d.approved_at FROM dispatch d WHERE d.id = reservation.document_id), 946684800000000);
INSERT INTO reservation_event (id, document_kind, document_id, line_no, store_code, lot_id, item_code, change, occurred_at, business_day, recorded_at)
SELECT md5(random()::text || clock_timestamp()::text || lot_id), document_kind, document_id, line_no, store_code, lot_id, item_code, quantity, promised_at, (DATE '1970-01-01' + CAST((promised_at / 1000000 + 28800) / 86400 AS INTEGER)), promised_at
FROM reservation;
INSERT INTO stock_closing (store_code, lot_id, state, business_day, item_code, on_hand, reserved)
SELECT e.store_code, e.lot_id, 'available', e.business_day, MIN(e.item_code), COALESCE(
    (SELECT c.on_hand FROM stock_closing c
     WHERE c.store_code = e.store_code AND c.lot_id = e.lot_id AND c.state = 'available' AND c.business_day < e.business_day
     ORDER BY c.business_day DESC LIMIT 1), 0), 0
FROM reservation_event e
WHERE NOT EXISTS (SELECT 1 FROM stock_closing c
    WHERE c.store_code = e.store_code AND c.lot_id = e.lot_id AND c.state = 'available' AND c.business_day = e.business_day)
GROUP BY e.store_code, e.lot_id, e.business_day;
UPDATE stock_closing SET reserved = COALESCE(
    (SELECT CAST(SUM(e.change) AS BIGINT) FROM reservation_event e
     WHERE e.store_code = stock_closing.store_code AND e.lot_id = stock_closing.lot_id AND e.business_day <= stock_closing.business_day), 0)
WHERE state = 'available'
    AND EXISTS (SELECT 1 FROM reservation r WHERE r.store_code = stock_closing.store_code AND r.lot_id = stock_closing.lot_id);

-- The day of the newest closing, and the time after which the balance has been empty: both its
-- movements' business times and their records lie before. 2199 while something is there.
ALTER TABLE stock_balance ADD COLUMN last_day DATE NOT NULL DEFAULT '2000-01-01';
ALTER TABLE stock_balance ADD COLUMN live_until BIGINT NOT NULL DEFAULT 7258118399999999;
UPDATE stock_balance SET
    last_day = COALESCE((SELECT MAX(c.business_day) FROM stock_closing c
        WHERE c.store_code = stock_balance.store_code AND c.lot_id = stock_balance.lot_id AND c.state = stock_balance.state), '2000-01-01'),
    live_until = CASE WHEN on_hand > 0 THEN 7258118399999999 ELSE COALESCE((
        SELECT MAX(CASE WHEN m.occurred_at > m.recorded_at THEN m.occurred_at ELSE m.recorded_at END) FROM stock_movement m
        WHERE m.lot_id = stock_balance.lot_id AND m.store_code = stock_balance.store_code), 946684800000000) END;
-- Lots that were used up long ago are passed by without being looked at.
DROP INDEX stock_balance_item;
CREATE INDEX stock_balance_item ON stock_balance (item_code, store_code, live_until);
CREATE INDEX stock_balance_live ON stock_balance (store_code, live_until);

-- When a lorry was loaded, and the time after which it has been empty, as above.
ALTER TABLE transit_balance ADD COLUMN loaded_at BIGINT NOT NULL DEFAULT 946684800000000;
ALTER TABLE transit_balance ADD COLUMN live_until BIGINT NOT NULL DEFAULT 7258118399999999;
UPDATE transit_balance SET
    loaded_at = COALESCE((SELECT MIN(m.occurred_at) FROM stock_movement m
        WHERE m.lot_id = transit_balance.lot_id AND m.to_kind = 'transit' AND m.to_name = transit_balance.dispatch_id
            AND m.shipment_id = transit_balance.shipment_id), 946684800000000),
    live_until = CASE WHEN on_hand > 0 THEN 7258118399999999 ELSE COALESCE((
        SELECT MAX(CASE WHEN m.occurred_at > m.recorded_at THEN m.occurred_at ELSE m.recorded_at END) FROM stock_movement m
        WHERE m.lot_id = transit_balance.lot_id AND m.shipment_id = transit_balance.shipment_id), 946684800000000) END;
DROP INDEX transit_balance_to;
DROP INDEX transit_balance_from;
CREATE INDEX transit_balance_to ON transit_balance (to_store, live_until);
CREATE INDEX transit_balance_from ON transit_balance (from_store, live_until);
CREATE INDEX transit_balance_live ON transit_balance (live_until);

-- Where goods on a lorry were bound before they were sent elsewhere.
CREATE TABLE transit_redirect (
    dispatch_id TEXT NOT NULL,
    shipment_id TEXT NOT NULL,
    lot_id TEXT NOT NULL REFERENCES lot (id),
    redirected_at BIGINT NOT NULL,
    previous_to_store TEXT NOT NULL REFERENCES store (code),
    PRIMARY KEY (dispatch_id, shipment_id, lot_id, redirected_at)
);

-- A stock card is read in this order.
DROP INDEX stock_movement_item_day;
CREATE INDEX stock_movement_card ON stock_movement (store_code, item_code, occurred_at, recorded_at, id);

-- A period that was closed for a store or a region, through a business day, and perhaps reopened.
CREATE TABLE stock_period (
    id TEXT NOT NULL PRIMARY KEY,
    store_code TEXT REFERENCES store (code),
    region_code TEXT REFERENCES region (code),
    through_day DATE NOT NULL,
    status TEXT NOT NULL,
    closed_by TEXT NOT NULL,
    closed_by_role TEXT NOT NULL,
    closed_at BIGINT NOT NULL,
    note TEXT,
    reopened_by TEXT,
    reopened_at BIGINT,
    reopen_reason TEXT,
    version BIGINT NOT NULL,
    CONSTRAINT stock_period_scope_check CHECK ((store_code IS NULL) <> (region_code IS NULL)),
    CONSTRAINT stock_period_status_check CHECK (status IN ('closed', 'reopened')),
    CONSTRAINT stock_period_reopened_check CHECK ((status = 'reopened') = (reopened_by IS NOT NULL AND reopened_at IS NOT NULL AND reopen_reason IS NOT NULL))
);
CREATE INDEX stock_period_status ON stock_period (status, through_day, id);
CREATE INDEX stock_period_list ON stock_period (closed_at, id);

-- A clock that was off, and that someone with the right accepted all the same.
CREATE TABLE clock_acceptance (
    id TEXT NOT NULL PRIMARY KEY,
    -- The newest recorded time when it was accepted, and what the clock showed.
    recorded_head BIGINT NOT NULL,
    shown BIGINT NOT NULL,
    reason TEXT NOT NULL,
    accepted_by TEXT NOT NULL
);
CREATE INDEX clock_acceptance_shown ON clock_acceptance (shown, id);

-- History cannot be amended.
CREATE TRIGGER reservation_event_append_only BEFORE UPDATE OR DELETE ON reservation_event
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER reservation_event_no_truncate BEFORE TRUNCATE ON reservation_event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER transit_redirect_append_only BEFORE UPDATE OR DELETE ON transit_redirect
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER transit_redirect_no_truncate BEFORE TRUNCATE ON transit_redirect
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER clock_acceptance_append_only BEFORE UPDATE OR DELETE ON clock_acceptance
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER clock_acceptance_no_truncate BEFORE TRUNCATE ON clock_acceptance
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
