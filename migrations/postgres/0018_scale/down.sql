-- Back to the orders of before.
DROP INDEX lot_price;
DROP INDEX stock_movement_taken_back;
DROP INDEX stock_movement_use;
DROP INDEX reserve_plan_line_region;
DROP INDEX reserve_plan_line_kind;
DROP INDEX reserve_plan_line_store;
CREATE UNIQUE INDEX reserve_plan_line_store ON reserve_plan_line (plan_id, item_code, store_code) WHERE store_code IS NOT NULL;
CREATE UNIQUE INDEX reserve_plan_line_kind ON reserve_plan_line (plan_id, item_code, store_kind) WHERE store_kind IS NOT NULL;
CREATE UNIQUE INDEX reserve_plan_line_region ON reserve_plan_line (plan_id, item_code, region_code) WHERE region_code IS NOT NULL;
