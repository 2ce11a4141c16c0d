-- People, what they did, and what was sent under which settings.

CREATE TABLE users (
  id                  BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
  name                TEXT    NOT NULL,
  -- The name as it is compared: two that look alike are one.
  folded              TEXT    NOT NULL,
  -- Argon2id in the PHC string format: salt and cost are in it.
  password            TEXT    NOT NULL,
  role                TEXT    NOT NULL CHECK (role IN ('viewer', 'editor', 'admin')),
  created_at          INTEGER NOT NULL,
  password_changed_at INTEGER NOT NULL,
  last_sign_in_at     INTEGER
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX users_by_name ON users (folded);
CREATE INDEX users_by_age ON users (created_at, id);

-- A browser that is signed in. Its cookie is not here: only its digest.
CREATE TABLE sessions (
  digest     BLOB    NOT NULL PRIMARY KEY CHECK (length(digest) = 32),
  user_id    BLOB    NOT NULL REFERENCES users (id),
  created_at INTEGER NOT NULL,
  seen_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_of_user ON sessions (user_id, created_at);
CREATE INDEX sessions_by_age ON sessions (created_at);

CREATE INDEX tokens_by_age ON tokens (created_at, id);

-- Creations that named a key of their own, so that the same call again makes no second thing.
CREATE TABLE creations (
  scope       TEXT    NOT NULL,
  key         TEXT    NOT NULL,
  fingerprint BLOB    NOT NULL CHECK (length(fingerprint) = 32),
  subject     TEXT    NOT NULL,
  created_at  INTEGER NOT NULL,
  PRIMARY KEY (scope, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX creations_by_age ON creations (created_at);

-- Who acts: a token, a user, the command line on the machine, or the service itself.
ALTER TABLE audit ADD COLUMN kind TEXT NOT NULL DEFAULT 'token'
  CHECK (kind IN ('token', 'user', 'cli', 'system'));

-- A line that is there can't be taken for a new one either.
CREATE TRIGGER audit_is_new BEFORE INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;

CREATE INDEX audit_by_time ON audit (at, id);
CREATE INDEX audit_by_actor ON audit (actor, at, id);
CREATE INDEX audit_by_action ON audit (action, at, id);
CREATE INDEX audit_by_subject ON audit (subject, at, id);

-- How an integration was spoken to: a row for each change of it, so that every attempt of the history
-- can be shown as it was made.
CREATE TABLE revisions (
  integration_id BLOB    NOT NULL REFERENCES integrations (id),
  revision       INTEGER NOT NULL CHECK (revision >= 1),
  url            TEXT    NOT NULL,
  auth_method    TEXT    NOT NULL,
  auth_header    TEXT,
  signing        INTEGER NOT NULL CHECK (signing IN (0, 1)),
  http1_only     INTEGER NOT NULL CHECK (http1_only IN (0, 1)),
  PRIMARY KEY (integration_id, revision)
) STRICT, WITHOUT ROWID;

ALTER TABLE integrations ADD COLUMN revision INTEGER NOT NULL DEFAULT 1;
ALTER TABLE attempts ADD COLUMN revision INTEGER;

INSERT INTO revisions (integration_id, revision, url, auth_method, auth_header, signing, http1_only)
  SELECT id, 1, url, auth_method, auth_header, signing, http1_only FROM integrations;
