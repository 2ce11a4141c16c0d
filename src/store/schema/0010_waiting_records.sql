-- Records that were taken and wait for a classifier. A row goes with the transaction that stores what its record
-- came to.

CREATE TABLE waiting_records (
  -- In the order of their coming; never given twice, so that nobody takes a new one for one that is gone.
  id       INTEGER PRIMARY KEY AUTOINCREMENT,
  -- By what a repeat is told: a keyed digest of the record.
  told_by  BLOB    NOT NULL CHECK (length(told_by) = 32),
  record   TEXT    NOT NULL,
  -- What the built-in detector found: it stands where the classifier says nothing.
  found    TEXT    NOT NULL,
  taken_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX waiting_records_once ON waiting_records (told_by);

-- How many they are and how much they take, so that a bound costs no counting.
CREATE TABLE waiting_room (
  one     INTEGER PRIMARY KEY CHECK (one = 1),
  records INTEGER NOT NULL,
  bytes   INTEGER NOT NULL
) STRICT;
INSERT INTO waiting_room VALUES (1, 0, 0);
CREATE TRIGGER waiting_records_come AFTER INSERT ON waiting_records BEGIN
  UPDATE waiting_room SET records = records + 1, bytes = bytes + octet_length(NEW.record) + octet_length(NEW.found);
END;
CREATE TRIGGER waiting_records_go AFTER DELETE ON waiting_records BEGIN
  UPDATE waiting_room SET records = records - 1, bytes = bytes - octet_length(OLD.record) - octet_length(OLD.found);
END;

-- What an alert's levels follow from, where they were found here.
ALTER TABLE alerts ADD COLUMN found TEXT;
