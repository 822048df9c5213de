DROP TABLE capability_item;
DROP TABLE capability_component;
DROP TABLE capability;
