-- What is stocked.

-- An item with its one base unit.
CREATE TABLE item (
    code TEXT NOT NULL PRIMARY KEY,
    name_zh TEXT NOT NULL,
    name_en TEXT NOT NULL,
    -- Code and names folded for searching alike on both databases.
    search_text TEXT NOT NULL,
    category TEXT NOT NULL,
    base_unit TEXT NOT NULL,
    storage TEXT NOT NULL,
    shelf_life_months BIGINT,
    near_expiry_days BIGINT NOT NULL,
    registration_number TEXT,
    standard TEXT,
    active BOOLEAN NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    CONSTRAINT item_category_check CHECK (category IN ('ppe', 'disinfectant', 'drug', 'reagent', 'equipment')),
    CONSTRAINT item_storage_check CHECK (storage IN ('ambient', 'cool', 'refrigerated', 'frozen', 'flammable')),
    CONSTRAINT item_shelf_life_check CHECK (shelf_life_months > 0),
    CONSTRAINT item_near_expiry_check CHECK (near_expiry_days >= 0)
);

-- A pack in which an item is handled, in base units.
CREATE TABLE item_pack (
    item_code TEXT NOT NULL REFERENCES item (code),
    code TEXT NOT NULL,
    name_zh TEXT NOT NULL,
    name_en TEXT NOT NULL,
    units BIGINT NOT NULL,
    PRIMARY KEY (item_code, code),
    CONSTRAINT item_pack_units_check CHECK (units > 0)
);

-- A trade item number of an item, padded to fourteen digits.
CREATE TABLE item_gtin (
    gtin TEXT NOT NULL PRIMARY KEY,
    item_code TEXT NOT NULL REFERENCES item (code)
);
CREATE INDEX item_gtin_item ON item_gtin (item_code, gtin);

-- What may stand in for an item, in order of rank, one way only.
CREATE TABLE item_substitute (
    item_code TEXT NOT NULL REFERENCES item (code),
    rank BIGINT NOT NULL,
    substitute_code TEXT NOT NULL REFERENCES item (code),
    PRIMARY KEY (item_code, rank),
    CONSTRAINT item_substitute_key UNIQUE (item_code, substitute_code),
    CONSTRAINT item_substitute_other_check CHECK (item_code <> substitute_code),
    CONSTRAINT item_substitute_rank_check CHECK (rank > 0)
);
