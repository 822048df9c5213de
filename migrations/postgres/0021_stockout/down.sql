DROP INDEX stock_movement_reverses;
CREATE INDEX stock_movement_reverses ON stock_movement (reverses);
DROP INDEX stock_movement_estimated;
DROP INDEX stock_closing_empty_item;
DROP INDEX stock_closing_empty;
