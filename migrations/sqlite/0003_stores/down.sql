DROP TABLE store_storage;
DROP TABLE store;
DROP TABLE store_kind;
DROP TABLE region;
