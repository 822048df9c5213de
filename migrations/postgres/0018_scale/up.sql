-- Orders in which a province is read: the lines of a store, its use day by day, the price of an item.

-- What a plan says of a store, a kind or a region lies together, so that the lines that a store is
-- held to are found without reading those of all others.
DROP INDEX reserve_plan_line_store;
DROP INDEX reserve_plan_line_kind;
DROP INDEX reserve_plan_line_region;
CREATE UNIQUE INDEX reserve_plan_line_store ON reserve_plan_line (plan_id, store_code, item_code) WHERE store_code IS NOT NULL;
CREATE UNIQUE INDEX reserve_plan_line_kind ON reserve_plan_line (plan_id, store_kind, item_code) WHERE store_kind IS NOT NULL;
CREATE UNIQUE INDEX reserve_plan_line_region ON reserve_plan_line (plan_id, region_code, item_code) WHERE region_code IS NOT NULL;

-- What stores used and what wards gave back, by day: averages look at a window of days, not at the
-- whole history, and not at all that only moved.
CREATE INDEX stock_movement_use ON stock_movement (store_code, business_day, item_code, quantity, from_kind, from_name, to_kind, to_name, reverses, recorded_at)
    WHERE (to_kind = 'outside' AND to_name IN ('consumption', 'ward_return')) OR (from_kind = 'outside' AND from_name IN ('consumption', 'ward_return'));
CREATE INDEX stock_movement_taken_back ON stock_movement (store_code, item_code) WHERE reverses IS NOT NULL;

-- The newest price of an item is the last step of this index.
CREATE INDEX lot_price ON lot (item_code, created_at, id, unit_cost) WHERE unit_cost IS NOT NULL;
