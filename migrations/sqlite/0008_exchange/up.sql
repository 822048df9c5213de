-- What came from files, so that the same row never comes twice.

-- A row of a file that was imported, and the document that it made; kept for ever.
CREATE TABLE import_row (
    -- SHA-256 of what tells the row from every other: its identity at the origin, or all it says.
    fingerprint TEXT NOT NULL PRIMARY KEY,
    -- SHA-256 of all that the row says.
    content_hash TEXT NOT NULL,
    kind TEXT NOT NULL,
    -- SHA-256 of the file's bytes.
    file_hash TEXT NOT NULL,
    line INTEGER NOT NULL,
    document_kind TEXT NOT NULL,
    document_id TEXT NOT NULL,
    imported_by TEXT NOT NULL,
    imported_at INTEGER NOT NULL,
    CONSTRAINT import_row_kind_check CHECK (kind IN ('items', 'stores', 'opening-stock', 'receipts', 'dispatches')),
    CONSTRAINT import_row_line_check CHECK (line > 0)
) STRICT;
CREATE INDEX import_row_document ON import_row (document_kind, document_id, line);
