DROP TABLE item_substitute;
DROP TABLE item_gtin;
DROP TABLE item_pack;
DROP TABLE item;
