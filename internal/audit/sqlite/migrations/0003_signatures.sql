-- The chain's head as each append left it, signed; and the public keys that verify them,
-- each with another key's word for it. Both are lines of the stream.
CREATE TABLE record_signatures (
  seq  INTEGER PRIMARY KEY REFERENCES record_lines (seq),
  head TEXT NOT NULL
);
CREATE TABLE record_keys (line TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TRIGGER record_signatures_no_update BEFORE UPDATE ON record_signatures BEGIN SELECT RAISE(ABORT, 'the record is append-only'); END;
CREATE TRIGGER record_signatures_no_delete BEFORE DELETE ON record_signatures BEGIN SELECT RAISE(ABORT, 'the record is append-only'); END;
CREATE TRIGGER record_keys_no_update BEFORE UPDATE ON record_keys BEGIN SELECT RAISE(ABORT, 'the record is append-only'); END;
CREATE TRIGGER record_keys_no_delete BEFORE DELETE ON record_keys BEGIN SELECT RAISE(ABORT, 'the record is append-only'); END;
