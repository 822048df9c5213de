DROP TABLE lot_cost_event;
DROP TABLE makers_lot_event;
DROP TABLE reservation_cut;
DROP TABLE unmatched_clearing;
DROP TABLE unmatched_fact;
