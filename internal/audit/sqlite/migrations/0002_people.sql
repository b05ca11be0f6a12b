-- The people of a line, for whoever verifies that the index says no more and no less than the lines.
CREATE INDEX record_people_by_seq ON record_people (seq);
CREATE TRIGGER record_people_no_update BEFORE UPDATE ON record_people BEGIN SELECT RAISE(ABORT, 'the record is append-only'); END;
CREATE TRIGGER record_people_no_delete BEFORE DELETE ON record_people BEGIN SELECT RAISE(ABORT, 'the record is append-only'); END;
