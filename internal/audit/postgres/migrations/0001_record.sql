-- The chain's head: who moves it holds the lock.
CREATE TABLE record_head (
  one  integer PRIMARY KEY CHECK (one = 1),
  seq  bigint NOT NULL,
  hash text NOT NULL
);
INSERT INTO record_head VALUES (1, 0, '');

-- What is searched for is computed from the line, so that it can't say something else.
CREATE TABLE record_lines (
  seq       bigint PRIMARY KEY,
  line      text NOT NULL,
  id        text COLLATE "C" GENERATED ALWAYS AS (line::jsonb ->> 'id') STORED NOT NULL UNIQUE,
  kind      text COLLATE "C" GENERATED ALWAYS AS (line::jsonb ->> 'kind') STORED NOT NULL,
  at        text COLLATE "C" GENERATED ALWAYS AS (line::jsonb ->> 'at') STORED NOT NULL,
  namespace text COLLATE "C" GENERATED ALWAYS AS (line::jsonb ->> 'namespace') STORED,
  approval  text COLLATE "C" GENERATED ALWAYS AS (line::jsonb ->> 'approval') STORED,
  pipeline  text COLLATE "C" GENERATED ALWAYS AS (line::jsonb ->> 'pipeline') STORED,
  gate      text COLLATE "C" GENERATED ALWAYS AS (line::jsonb ->> 'gate') STORED,
  outcome   text COLLATE "C" GENERATED ALWAYS AS (line::jsonb ->> 'outcome') STORED
);
CREATE INDEX record_by_time      ON record_lines (at, seq);
CREATE INDEX record_by_kind      ON record_lines (kind, at, seq);
CREATE INDEX record_by_namespace ON record_lines (namespace, at, seq);
CREATE INDEX record_by_approval  ON record_lines (approval, at, seq);
CREATE INDEX record_by_pipeline  ON record_lines (pipeline, at, seq);
CREATE INDEX record_by_gate      ON record_lines (gate, at, seq);
CREATE INDEX record_by_outcome   ON record_lines (outcome, at, seq);

CREATE TABLE record_people (
  person text COLLATE "C" NOT NULL,
  at     text COLLATE "C" NOT NULL,
  seq    bigint NOT NULL REFERENCES record_lines (seq),
  PRIMARY KEY (person, at, seq)
);

-- Append-only: against mistakes. Against people there is the chain.
CREATE FUNCTION record_append_only() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN RAISE EXCEPTION 'the record is append-only'; END $$;
CREATE TRIGGER record_lines_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON record_lines
  FOR EACH STATEMENT EXECUTE FUNCTION record_append_only();
