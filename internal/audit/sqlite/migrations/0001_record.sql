-- The chain's head: who moves it holds the lock.
CREATE TABLE record_head (
  one  INTEGER PRIMARY KEY CHECK (one = 1),
  seq  INTEGER NOT NULL,
  hash TEXT NOT NULL
);
INSERT INTO record_head VALUES (1, 0, '');

-- What is searched for is computed from the line, so that it can't say something else.
CREATE TABLE record_lines (
  seq       INTEGER PRIMARY KEY,
  line      TEXT NOT NULL,
  id        TEXT GENERATED ALWAYS AS (json_extract(line, '$.id')) STORED NOT NULL UNIQUE,
  kind      TEXT GENERATED ALWAYS AS (json_extract(line, '$.kind')) STORED NOT NULL,
  at        TEXT GENERATED ALWAYS AS (json_extract(line, '$.at')) STORED NOT NULL,
  namespace TEXT GENERATED ALWAYS AS (json_extract(line, '$.namespace')) STORED,
  approval  TEXT GENERATED ALWAYS AS (json_extract(line, '$.approval')) STORED,
  pipeline  TEXT GENERATED ALWAYS AS (json_extract(line, '$.pipeline')) STORED,
  gate      TEXT GENERATED ALWAYS AS (json_extract(line, '$.gate')) STORED,
  outcome   TEXT GENERATED ALWAYS AS (json_extract(line, '$.outcome')) STORED
);
CREATE INDEX record_by_time      ON record_lines (at, seq);
CREATE INDEX record_by_kind      ON record_lines (kind, at, seq);
CREATE INDEX record_by_namespace ON record_lines (namespace, at, seq);
CREATE INDEX record_by_approval  ON record_lines (approval, at, seq);
CREATE INDEX record_by_pipeline  ON record_lines (pipeline, at, seq);
CREATE INDEX record_by_gate      ON record_lines (gate, at, seq);
CREATE INDEX record_by_outcome   ON record_lines (outcome, at, seq);

CREATE TABLE record_people (
  person TEXT NOT NULL,
  at     TEXT NOT NULL,
  seq    INTEGER NOT NULL REFERENCES record_lines (seq),
  PRIMARY KEY (person, at, seq)
) WITHOUT ROWID;

-- Append-only: against mistakes. Against people there is the chain.
CREATE TRIGGER record_lines_no_update BEFORE UPDATE ON record_lines BEGIN SELECT RAISE(ABORT, 'the record is append-only'); END;
CREATE TRIGGER record_lines_no_delete BEFORE DELETE ON record_lines BEGIN SELECT RAISE(ABORT, 'the record is append-only'); END;
