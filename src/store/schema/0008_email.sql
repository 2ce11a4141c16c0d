-- Mail as one more kind of integration, what became of each address, and what stands beside an alert for
-- people. As in the sixth step, a table whose CHECK changes is made anew.

CREATE TABLE integrations_anew (
  id              BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
  automation_id   BLOB    NOT NULL REFERENCES automations (id),
  place           INTEGER NOT NULL,
  kind            TEXT    NOT NULL CHECK (kind IN ('webhook', 'slack', 'email')),
  name            TEXT    NOT NULL,
  -- Where that is a credential itself, as far as it may be shown; of mail the addresses.
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
    signing, http1_only, title, text, condition, max_in_flight, ordering, rate_limit, retry_base_ms, retry_factor,
    retry_cap_ms, retry_horizon_ms, retry_jitter, credential, revision, status, status_reason, failures,
    circuit_since, circuit_round, probe_at, last_success_at, last_failure_at, last_error, created_at,
    deleted_at)
  SELECT id, automation_id, place, kind, name, url, auth_method, auth_header,
    signing, http1_only, title, text, condition, max_in_flight, ordering, rate_limit, retry_base_ms, retry_factor,
    retry_cap_ms, retry_horizon_ms, retry_jitter, credential, revision, status, status_reason, failures,
    circuit_since, circuit_round, probe_at, last_success_at, last_failure_at, last_error, created_at,
    deleted_at
  FROM integrations;
DROP TABLE integrations;
ALTER TABLE integrations_anew RENAME TO integrations;
CREATE INDEX integrations_of_automation ON integrations (automation_id, place);

-- The same for what an answer means.
CREATE TABLE attempts_anew (
  delivery_id   INTEGER NOT NULL REFERENCES deliveries (id),
  n             INTEGER NOT NULL CHECK (n >= 1),
  started_at    INTEGER NOT NULL,
  took_us       INTEGER NOT NULL,
  status        INTEGER,
  fault         TEXT,
  detail        TEXT,
  retry_after_s INTEGER,
  resolve_us    INTEGER,
  connect_us    INTEGER,
  tls_us        INTEGER,
  first_byte_us INTEGER,
  remote        TEXT,
  excerpt       TEXT,
  revision      INTEGER,
  integration_id BLOB CHECK (integration_id IS NULL OR length(integration_id) = 16),
  meaning       TEXT CHECK (meaning IS NULL OR (status IS NOT NULL
    AND meaning IN ('arrived', 'unwell', 'unwanted', 'gone', 'refused'))),
  PRIMARY KEY (delivery_id, n),
  CHECK ((status IS NULL) <> (fault IS NULL))
) STRICT, WITHOUT ROWID;

INSERT INTO attempts_anew SELECT delivery_id, n, started_at, took_us, status, fault, detail, retry_after_s,
    resolve_us, connect_us, tls_us, first_byte_us, remote, excerpt, revision, integration_id, meaning
  FROM attempts;
DROP TABLE attempts;
ALTER TABLE attempts_anew RENAME TO attempts;
CREATE INDEX attempts_of_integration ON attempts (integration_id, started_at);

-- What became of each address of a delivery, by its last attempt that told.
CREATE TABLE recipients (
  delivery_id INTEGER NOT NULL REFERENCES deliveries (id),
  address     TEXT    NOT NULL,
  fate        TEXT    NOT NULL CHECK (fate IN ('accepted', 'refused', 'waiting')),
  code        INTEGER NOT NULL,
  words       TEXT    NOT NULL,
  attempt     INTEGER NOT NULL,
  PRIMARY KEY (delivery_id, address)
) STRICT, WITHOUT ROWID;

-- A digest of the conversation, and what a cool-down held back before the alert: for messages, never for
-- the body.
ALTER TABLE alerts ADD COLUMN thread TEXT;
ALTER TABLE alerts ADD COLUMN held_count INTEGER NOT NULL DEFAULT 0;
ALTER TABLE alerts ADD COLUMN held_since INTEGER CHECK ((held_since IS NULL) = (held_count = 0));
