DROP TABLE stock_movement;
DROP TABLE reservation;
DROP TABLE transit_balance;
DROP TABLE stock_balance;
DROP TABLE number_counter;
DROP TABLE stock_document;
DROP TABLE lot;
DROP TABLE makers_lot;
