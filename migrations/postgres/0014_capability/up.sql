-- What a county can do with what it holds: so many tests, so many swabs, so many shifts.

-- Something that takes several items at once, e.g. a nucleic-acid test.
CREATE TABLE capability (
    code TEXT NOT NULL PRIMARY KEY,
    name_zh TEXT NOT NULL,
    name_en TEXT NOT NULL,
    -- What one time is called, e.g. 人份.
    unit TEXT NOT NULL,
    active BOOLEAN NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

-- A part without which it cannot be done; the items of a part stand in for one another.
CREATE TABLE capability_component (
    capability_code TEXT NOT NULL REFERENCES capability (code),
    line_no BIGINT NOT NULL,
    name_zh TEXT NOT NULL,
    name_en TEXT NOT NULL,
    -- So many base units serve so many times.
    uses BIGINT NOT NULL,
    serves BIGINT NOT NULL,
    PRIMARY KEY (capability_code, line_no),
    CONSTRAINT capability_component_rate_check CHECK (uses > 0 AND serves > 0)
);

-- An item of a part.
CREATE TABLE capability_item (
    capability_code TEXT NOT NULL,
    line_no BIGINT NOT NULL,
    item_code TEXT NOT NULL REFERENCES item (code),
    PRIMARY KEY (capability_code, item_code),
    CONSTRAINT capability_item_component_fkey FOREIGN KEY (capability_code, line_no) REFERENCES capability_component (capability_code, line_no)
);
CREATE INDEX capability_item_component ON capability_item (capability_code, line_no, item_code);
