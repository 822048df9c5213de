-- Nobody waits for long writes any more.
DROP TABLE long_write;
