DROP TABLE stocktake_result;
DROP TABLE stocktake_count;
DROP TABLE stocktake_line;
DROP TABLE stocktake;
DROP TABLE stock_count_mark;
