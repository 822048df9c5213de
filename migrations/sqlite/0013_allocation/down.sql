DROP TABLE route_table;
DROP TABLE route;
DROP TABLE allocation_event;
DROP TABLE allocation_dispatch;
DROP TABLE allocation_scope;
DROP TABLE allocation_line;
DROP TABLE allocation;
