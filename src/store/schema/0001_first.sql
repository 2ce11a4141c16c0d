-- Times are milliseconds since 1970-01-01T00:00:00Z; ids of automations and integrations are UUIDs as
-- 16 bytes. What is deleted stays, marked, for as long as deliveries refer to it.

CREATE TABLE automations (
  id             BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
  name           TEXT    NOT NULL,
  active         INTEGER NOT NULL CHECK (active IN (0, 1)),
  filter         TEXT,
  min_escalation TEXT,
  min_intensity  TEXT,
  min_shift      TEXT,
  version        INTEGER NOT NULL,
  created_at     INTEGER NOT NULL,
  deleted_at     INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE integrations (
  id              BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
  automation_id   BLOB    NOT NULL REFERENCES automations (id),
  place           INTEGER NOT NULL,
  kind            TEXT    NOT NULL CHECK (kind IN ('webhook')),
  name            TEXT    NOT NULL,
  url             TEXT    NOT NULL,
  auth_method     TEXT    NOT NULL CHECK (auth_method IN ('none', 'bearer', 'api_key', 'custom_header')),
  auth_header     TEXT,
  signing         INTEGER NOT NULL CHECK (signing IN (0, 1)),
  http1_only      INTEGER NOT NULL CHECK (http1_only IN (0, 1)),
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
  deleted_at      INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX integrations_of_automation ON integrations (automation_id, place);

CREATE TABLE signing_secrets (
  id             INTEGER PRIMARY KEY,
  integration_id BLOB    NOT NULL REFERENCES integrations (id),
  sealed         BLOB    NOT NULL,
  until          INTEGER
) STRICT;

CREATE INDEX signing_secrets_of_integration ON signing_secrets (integration_id, id);

CREATE TABLE alerts (
  id            INTEGER PRIMARY KEY,
  automation_id BLOB    NOT NULL REFERENCES automations (id),
  record_id     TEXT    NOT NULL,
  org_id        TEXT    NOT NULL,
  escalated_at  INTEGER NOT NULL,
  digest        BLOB    NOT NULL CHECK (length(digest) = 32),
  body          BLOB    NOT NULL
) STRICT;

-- One alert for an automation and a record.
CREATE UNIQUE INDEX alerts_of_record ON alerts (record_id, automation_id);

CREATE TABLE deliveries (
  id             INTEGER PRIMARY KEY,
  alert_id       INTEGER NOT NULL REFERENCES alerts (id),
  integration_id BLOB    NOT NULL REFERENCES integrations (id),
  state          TEXT    NOT NULL CHECK (state IN ('pending', 'in_flight', 'delivered', 'dead', 'discarded')),
  reason         TEXT    CHECK ((reason IS NOT NULL) = (state IN ('dead', 'discarded'))),
  attempts       INTEGER NOT NULL DEFAULT 0,
  crashes        INTEGER NOT NULL DEFAULT 0,
  in_doubt       INTEGER NOT NULL DEFAULT 0,
  queue_at       INTEGER NOT NULL,
  due_at         INTEGER NOT NULL,
  expires_at     INTEGER NOT NULL,
  created_at     INTEGER NOT NULL,
  finished_at    INTEGER
) STRICT;

CREATE INDEX deliveries_of_alert ON deliveries (alert_id);
CREATE INDEX deliveries_of_integration ON deliveries (integration_id, id);
-- The queue of each destination.
CREATE INDEX deliveries_pending ON deliveries (integration_id, queue_at, id) WHERE state = 'pending';
CREATE INDEX deliveries_in_flight ON deliveries (integration_id, id) WHERE state = 'in_flight';
CREATE INDEX deliveries_given_up ON deliveries (integration_id, state, id)
  WHERE state = 'dead' OR state = 'discarded';

CREATE TABLE attempts (
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
  PRIMARY KEY (delivery_id, n),
  CHECK ((status IS NULL) <> (fault IS NULL))
) STRICT, WITHOUT ROWID;

CREATE TABLE tokens (
  id           TEXT    NOT NULL PRIMARY KEY,
  digest       BLOB    NOT NULL CHECK (length(digest) = 32),
  name         TEXT    NOT NULL,
  role         TEXT    NOT NULL CHECK (role IN ('ingest', 'viewer', 'editor', 'admin')),
  created_at   INTEGER NOT NULL,
  expires_at   INTEGER,
  revoked_at   INTEGER,
  last_used_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
  id      INTEGER PRIMARY KEY,
  at      INTEGER NOT NULL,
  actor   TEXT    NOT NULL,
  address TEXT,
  action  TEXT    NOT NULL,
  subject TEXT    NOT NULL,
  change  TEXT    NOT NULL
) STRICT;

-- What happened stays as it was; retention alone removes it, from its old end, by raising this floor.
CREATE TABLE audit_floor (id INTEGER NOT NULL) STRICT;
INSERT INTO audit_floor VALUES (0);

CREATE TRIGGER audit_stays BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_is_kept BEFORE DELETE ON audit WHEN OLD.id > (SELECT max(id) FROM audit_floor)
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;

-- One row: how the last run ended.
CREATE TABLE runs (
  one        INTEGER PRIMARY KEY CHECK (one = 1),
  clean      INTEGER NOT NULL CHECK (clean IN (0, 1)),
  number     INTEGER NOT NULL,
  started_at INTEGER NOT NULL
) STRICT;
INSERT INTO runs VALUES (1, 1, 0, 0);

-- Written and removed, to see whether writing works.
CREATE TABLE probes (
  one    INTEGER PRIMARY KEY CHECK (one = 1),
  filler BLOB    NOT NULL
) STRICT;
