-- Cool-downs and quiet hours.

-- As the API has them: JSON objects.
ALTER TABLE automations ADD COLUMN cool_down TEXT CHECK (cool_down IS NULL OR trigger = 'records');
ALTER TABLE automations ADD COLUMN quiet_hours TEXT CHECK (quiet_hours IS NULL OR trigger = 'records');

-- Whether a first attempt waits for its due time.
ALTER TABLE deliveries ADD COLUMN is_put_off INTEGER NOT NULL DEFAULT 0 CHECK (is_put_off IN (0, 1));

-- What went out last of each key, and what was held back since.
CREATE TABLE cool_downs (
  automation_id BLOB    NOT NULL REFERENCES automations (id),
  key           BLOB    NOT NULL CHECK (length(key) = 32),
  alert_at      INTEGER NOT NULL,
  level         TEXT    NOT NULL,
  held_count    INTEGER NOT NULL DEFAULT 0,
  held_since    INTEGER CHECK ((held_since IS NULL) = (held_count = 0)),
  PRIMARY KEY (automation_id, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX cool_downs_by_age ON cool_downs (alert_at);

CREATE TABLE held_back (
  id            INTEGER PRIMARY KEY,
  automation_id BLOB    NOT NULL REFERENCES automations (id),
  record_id     TEXT    NOT NULL,
  org_id        TEXT    NOT NULL,
  level         TEXT    NOT NULL,
  at            INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX held_back_once ON held_back (automation_id, record_id);
CREATE INDEX held_back_by_age ON held_back (at);
CREATE INDEX held_back_of_automation ON held_back (automation_id, id);
