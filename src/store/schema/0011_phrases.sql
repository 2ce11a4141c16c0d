-- What organisations add to the phrases of the detector, and what they exclude.

CREATE TABLE phrases (
  -- Rises with every change of any organisation's phrases and never comes again: what was deleted and made
  -- anew is told from what was there before.
  version    INTEGER PRIMARY KEY AUTOINCREMENT,
  org_id     TEXT    NOT NULL UNIQUE CHECK (octet_length(org_id) BETWEEN 1 AND 255),
  -- As the API has them: a JSON object with `add` and `exclude`.
  additions  TEXT    NOT NULL CHECK (json_valid(additions)),
  updated_at INTEGER NOT NULL
) STRICT;
