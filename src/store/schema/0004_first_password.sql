-- The code of the link by which the first admin sets a password: a digest of it, and never more than one.
CREATE TABLE first_codes (
  one        INTEGER PRIMARY KEY CHECK (one = 1),
  digest     BLOB    NOT NULL CHECK (length(digest) = 32),
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  used_at    INTEGER
) STRICT;

-- One row: the last backup that was made.
CREATE TABLE backups (
  one     INTEGER PRIMARY KEY CHECK (one = 1),
  made_at INTEGER NOT NULL,
  bytes   INTEGER NOT NULL
) STRICT;
