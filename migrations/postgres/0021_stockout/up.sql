-- The days on which a balance came to nothing are few among its closings, and tell when a store was out
-- of stock; averages look for them alone.
CREATE INDEX stock_closing_empty ON stock_closing (store_code, business_day, lot_id, item_code) WHERE on_hand = 0 AND state = 'available';
CREATE INDEX stock_closing_empty_item ON stock_closing (item_code, business_day) WHERE on_hand = 0 AND state = 'available';

-- What is estimated from stock reports, without looking at those of all stores.
CREATE INDEX stock_movement_estimated ON stock_movement (store_code, business_day, item_code) WHERE document_kind = 'stock_report';

-- Hardly any movement is a reversal: an index that names the others too is long, is written with each of
-- them, and is taken by a database without statistics for a way to find few.
DROP INDEX stock_movement_reverses;
CREATE INDEX stock_movement_reverses ON stock_movement (reverses) WHERE reverses IS NOT NULL;
