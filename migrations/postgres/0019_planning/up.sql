-- What may stand in for an item is a governed list with its reason, use and validity; old events are forgotten.

-- A list takes the place of the one before it for the same item, use and region while it holds.
CREATE TABLE substitution_list (
    id TEXT NOT NULL PRIMARY KEY,
    item_code TEXT NOT NULL REFERENCES item (code),
    -- The how-manyth list of the item.
    version BIGINT NOT NULL,
    scene TEXT NOT NULL,
    -- The region for which it holds, and what lies in it; everywhere where there is none.
    region_code TEXT REFERENCES region (code),
    valid_from BIGINT NOT NULL,
    -- Exclusive.
    valid_to BIGINT,
    reason TEXT NOT NULL,
    -- The paper or standard that permits it.
    source TEXT NOT NULL,
    recorded_at BIGINT NOT NULL,
    recorded_by TEXT NOT NULL,
    CONSTRAINT substitution_list_version UNIQUE (item_code, version),
    CONSTRAINT substitution_list_version_check CHECK (version > 0),
    CONSTRAINT substitution_list_scene_check CHECK (scene IN ('general', 'isolation', 'clinical', 'laboratory', 'sampling', 'public')),
    CONSTRAINT substitution_list_validity_check CHECK (valid_to > valid_from)
);
CREATE INDEX substitution_list_newest ON substitution_list (recorded_at, id);

-- What stands in, in order of rank: so many of its units for so many of the item's.
CREATE TABLE substitution_entry (
    list_id TEXT NOT NULL REFERENCES substitution_list (id),
    rank BIGINT NOT NULL,
    substitute_code TEXT NOT NULL REFERENCES item (code),
    substitute_units BIGINT NOT NULL,
    item_units BIGINT NOT NULL,
    note TEXT,
    PRIMARY KEY (list_id, rank),
    CONSTRAINT substitution_entry_key UNIQUE (list_id, substitute_code),
    CONSTRAINT substitution_entry_rank_check CHECK (rank > 0),
    CONSTRAINT substitution_entry_rate_check CHECK (substitute_units > 0 AND item_units > 0)
);
CREATE INDEX substitution_entry_substitute ON substitution_entry (substitute_code, list_id);

-- What stood in until now held since the item was known, as far as anybody can tell.
INSERT INTO substitution_list (id, item_code, version, scene, region_code, valid_from, valid_to, reason, source, recorded_at, recorded_by)
SELECT gen_random_uuid()::text,
    code, 1, 'general', NULL, created_at, NULL, '目录中原有的替代关系', '物资目录', created_at, 'catalogue'
FROM item WHERE EXISTS (SELECT 1 FROM item_substitute WHERE item_substitute.item_code = item.code);
INSERT INTO substitution_entry (list_id, rank, substitute_code, substitute_units, item_units, note)
SELECT substitution_list.id, item_substitute.rank, item_substitute.substitute_code, 1, 1, NULL
FROM item_substitute JOIN substitution_list ON substitution_list.item_code = item_substitute.item_code;
DROP TABLE item_substitute;

-- The newest event that was forgotten: who resumes from before it may have missed some.
ALTER TABLE alert_watch ADD COLUMN forgotten_seq BIGINT NOT NULL DEFAULT 0;
CREATE INDEX alert_cleared ON alert (cleared_at, id) WHERE cleared_at IS NOT NULL;
CREATE INDEX webhook_delivery_event ON webhook_delivery (event_seq) WHERE event_seq IS NOT NULL;

-- Events are not amended, and those of an open alert not deleted.
DROP TRIGGER alert_event_append_only ON alert_event;
CREATE TRIGGER alert_event_append_only BEFORE UPDATE ON alert_event
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE FUNCTION refuse_while_open() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM alert WHERE alert.id = OLD.alert_id AND alert.cleared_at IS NULL) THEN
        RAISE EXCEPTION 'alert_event is append-only while its alert is open';
    END IF;
    RETURN OLD;
END
$$;
CREATE TRIGGER alert_event_no_delete BEFORE DELETE ON alert_event
    FOR EACH ROW EXECUTE FUNCTION refuse_while_open();
