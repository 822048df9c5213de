-- Plans are for everybody again.

DROP TABLE reserve_plan_comment;
DROP INDEX reserve_plan_in_force;
ALTER TABLE reserve_plan DROP COLUMN region_code;
