-- Writes under way that may take longer than a command: until they end, nobody is told what was known
-- since they began.
CREATE TABLE long_write (
    id TEXT NOT NULL PRIMARY KEY,
    -- What it records may be as old as this.
    begun_at INTEGER NOT NULL,
    -- It is given up by then; later the row only says that a process died.
    ends_by INTEGER NOT NULL,
    CONSTRAINT long_write_times CHECK (begun_at < ends_by)
) STRICT;
