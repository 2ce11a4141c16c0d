-- Other kinds of integrations beside webhooks. A table's CHECK can't be changed: it is made anew with its
-- rows, and takes its name again.

CREATE TABLE integrations_anew (
  id              BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
  automation_id   BLOB    NOT NULL REFERENCES automations (id),
  place           INTEGER NOT NULL,
  kind            TEXT    NOT NULL CHECK (kind IN ('webhook', 'slack')),
  name            TEXT    NOT NULL,
  -- Where that is a credential itself, as far as it may be shown.
  url             TEXT    NOT NULL,
  auth_method     TEXT    NOT NULL CHECK (auth_method IN ('none', 'bearer', 'api_key', 'custom_header')),
  auth_header     TEXT,
  signing         INTEGER NOT NULL CHECK (signing IN (0, 1)),
  http1_only      INTEGER NOT NULL CHECK (http1_only IN (0, 1)),
  -- The templates of its messages.
  title           TEXT,
  text            TEXT,
  condition       TEXT,
  max_in_flight   INTEGER,
  ordering        TEXT    NOT NULL CHECK (ordering IN ('due', 'fifo')),
  rate_limit      INTEGER,
  retry_base_ms   INTEGER,
  retry_factor    REAL,
  retry_cap_ms    INTEGER,
  retry_horizon_ms INTEGER,
  retry_jitter    REAL,
  credential      BLOB,
  revision        INTEGER NOT NULL DEFAULT 1,
  status          TEXT    NOT NULL CHECK (status IN ('active', 'paused', 'disabled')),
  status_reason   TEXT,
  failures        INTEGER NOT NULL DEFAULT 0,
  circuit_since   INTEGER,
  circuit_round   INTEGER,
  probe_at        INTEGER,
  last_success_at INTEGER,
  last_failure_at INTEGER,
  last_error      TEXT,
  created_at      INTEGER NOT NULL,
  deleted_at      INTEGER,
  CHECK (kind = 'webhook' OR (auth_method = 'none' AND signing = 0 AND http1_only = 0)),
  CHECK (kind <> 'webhook' OR (title IS NULL AND text IS NULL))
) STRICT, WITHOUT ROWID;

INSERT INTO integrations_anew (id, automation_id, place, kind, name, url, auth_method, auth_header,
    signing, http1_only, condition, max_in_flight, ordering, rate_limit, retry_base_ms, retry_factor,
    retry_cap_ms, retry_horizon_ms, retry_jitter, credential, revision, status, status_reason, failures,
    circuit_since, circuit_round, probe_at, last_success_at, last_failure_at, last_error, created_at,
    deleted_at)
  SELECT id, automation_id, place, kind, name, url, auth_method, auth_header,
    signing, http1_only, condition, max_in_flight, ordering, rate_limit, retry_base_ms, retry_factor,
    retry_cap_ms, retry_horizon_ms, retry_jitter, credential, revision, status, status_reason, failures,
    circuit_since, circuit_round, probe_at, last_success_at, last_failure_at, last_error, created_at,
    deleted_at
  FROM integrations;
DROP TABLE integrations;
ALTER TABLE integrations_anew RENAME TO integrations;
CREATE INDEX integrations_of_automation ON integrations (automation_id, place);

ALTER TABLE revisions ADD COLUMN title TEXT;
ALTER TABLE revisions ADD COLUMN text TEXT;

-- What an answer meant, where it was judged by more than its status.
ALTER TABLE attempts ADD COLUMN meaning TEXT
  CHECK (meaning IS NULL OR (status IS NOT NULL AND meaning IN ('arrived', 'unwell', 'unwanted', 'gone')));
