-- The chain's head as each append left it, signed; and the public keys that verify them,
-- each with another key's word for it. Both are lines of the stream.
CREATE TABLE record_signatures (
  seq  bigint PRIMARY KEY REFERENCES record_lines (seq),
  head text NOT NULL
);
CREATE TABLE record_keys (line text COLLATE "C" PRIMARY KEY);
CREATE TRIGGER record_signatures_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON record_signatures
  FOR EACH STATEMENT EXECUTE FUNCTION record_append_only();
CREATE TRIGGER record_keys_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON record_keys
  FOR EACH STATEMENT EXECUTE FUNCTION record_append_only();
