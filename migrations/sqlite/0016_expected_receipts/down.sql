DROP TABLE expected_fulfilment;
DROP TABLE expected_event;
DROP TABLE expected_line;
DROP TABLE expected_receipt;
