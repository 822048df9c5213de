DROP TABLE dispatch_event;
DROP TABLE dispatch_piece;
DROP TABLE dispatch_receipt;
DROP TABLE dispatch_load;
DROP TABLE dispatch_shipment;
DROP TABLE dispatch_step;
DROP TABLE dispatch_line;
DROP TABLE dispatch;
