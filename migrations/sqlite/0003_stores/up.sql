-- Where stock is held.

-- A division of GB/T 2260 or a statistical sub-division.
CREATE TABLE region (
    code TEXT NOT NULL PRIMARY KEY,
    name_zh TEXT NOT NULL,
    name_en TEXT NOT NULL,
    parent_code TEXT REFERENCES region (code),
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX region_parent ON region (parent_code, code);

-- A kind of store; commanders add kinds in an emergency.
CREATE TABLE store_kind (
    code TEXT NOT NULL PRIMARY KEY,
    name_zh TEXT NOT NULL,
    name_en TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
INSERT INTO store_kind (code, name_zh, name_en, created_at) VALUES
    ('county_reserve', '县级集中储备', 'County reserve', 946684800000000),
    ('hospital', '医院', 'Hospital', 946684800000000),
    ('cdc', '疾控中心', 'Centre for disease control', 946684800000000),
    ('township', '乡镇', 'Township', 946684800000000),
    ('community', '社区', 'Community', 946684800000000);

-- A place that holds stock.
CREATE TABLE store (
    code TEXT NOT NULL PRIMARY KEY,
    name_zh TEXT NOT NULL,
    name_en TEXT NOT NULL,
    search_text TEXT NOT NULL,
    kind TEXT NOT NULL REFERENCES store_kind (code),
    region_code TEXT NOT NULL REFERENCES region (code),
    supplied_by TEXT REFERENCES store (code),
    -- 1 is served first.
    priority_class INTEGER NOT NULL,
    consumption_by TEXT NOT NULL,
    duty_phone TEXT,
    latitude_microdegrees INTEGER,
    longitude_microdegrees INTEGER,
    active INTEGER NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    CONSTRAINT store_consumption_check CHECK (consumption_by IN ('issue', 'report')),
    CONSTRAINT store_priority_check CHECK (priority_class BETWEEN 1 AND 9),
    CONSTRAINT store_latitude_check CHECK (latitude_microdegrees BETWEEN -90000000 AND 90000000),
    CONSTRAINT store_longitude_check CHECK (longitude_microdegrees BETWEEN -180000000 AND 180000000)
) STRICT;
CREATE INDEX store_region ON store (region_code, code);

-- A storage condition that a store can keep.
CREATE TABLE store_storage (
    store_code TEXT NOT NULL REFERENCES store (code),
    condition TEXT NOT NULL,
    PRIMARY KEY (store_code, condition),
    CONSTRAINT store_storage_check CHECK (condition IN ('ambient', 'cool', 'refrigerated', 'frozen', 'flammable'))
) STRICT;
