DROP TABLE response_level;
DROP TABLE reserve_plan_line;
DROP TABLE reserve_plan;
