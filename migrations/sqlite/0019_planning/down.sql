-- Back to one list for each item, and to events that stay.
DROP TRIGGER alert_event_no_delete;
CREATE TRIGGER alert_event_no_delete BEFORE DELETE ON alert_event
BEGIN
    SELECT RAISE(ABORT, 'alert_event is append-only');
END;
DROP INDEX webhook_delivery_event;
DROP INDEX alert_cleared;
ALTER TABLE alert_watch DROP COLUMN forgotten_seq;

-- The newest list of those for general use and everywhere.
CREATE TABLE item_substitute (
    item_code TEXT NOT NULL REFERENCES item (code),
    rank INTEGER NOT NULL,
    substitute_code TEXT NOT NULL REFERENCES item (code),
    PRIMARY KEY (item_code, rank),
    CONSTRAINT item_substitute_key UNIQUE (item_code, substitute_code),
    CONSTRAINT item_substitute_other_check CHECK (item_code <> substitute_code),
    CONSTRAINT item_substitute_rank_check CHECK (rank > 0)
) STRICT;
INSERT INTO item_substitute (item_code, rank, substitute_code)
SELECT list.item_code, entry.rank, entry.substitute_code
FROM substitution_list list JOIN substitution_entry entry ON entry.list_id = list.id
WHERE list.scene = 'general' AND list.region_code IS NULL AND list.version = (
    SELECT max(other.version) FROM substitution_list other
    WHERE other.item_code = list.item_code AND other.scene = 'general' AND other.region_code IS NULL
);
DROP TABLE substitution_entry;
DROP TABLE substitution_list;
