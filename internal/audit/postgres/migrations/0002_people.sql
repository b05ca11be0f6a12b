-- The people of a line, for whoever verifies that the index says no more and no less than the lines.
CREATE INDEX record_people_by_seq ON record_people (seq);
CREATE TRIGGER record_people_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON record_people
  FOR EACH STATEMENT EXECUTE FUNCTION record_append_only();
