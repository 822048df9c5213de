-- Stores tell their balances by no report any more.

DROP TABLE daily_use;
DROP TABLE stock_report_line;
DROP TABLE stock_report_version;
DROP TABLE stock_report;
DROP TABLE stock_report_schedule;
