-- More doors in: automations whose input is alerts that other systems post, and by what such alerts are told
-- apart; and feedback in the form of another product.

ALTER TABLE automations ADD COLUMN trigger TEXT NOT NULL DEFAULT 'records'
  CHECK (trigger IN ('records', 'relay'));
-- How the sender of a relay proves who it is. The credential is sealed.
ALTER TABLE automations ADD COLUMN inbound_method TEXT
  CHECK (inbound_method IN ('none', 'bearer', 'api_key', 'custom_header'))
  CHECK ((inbound_method IS NOT NULL) = (trigger = 'relay'));
ALTER TABLE automations ADD COLUMN inbound_header TEXT;
ALTER TABLE automations ADD COLUMN inbound_credential BLOB;

-- The automation that a relayed alert names, in the words of the system that it came from.
ALTER TABLE alerts ADD COLUMN origin TEXT;
-- By what a repeat of it is told, where that is not its record.
ALTER TABLE alerts ADD COLUMN told_by TEXT;

-- One alert for an automation and what tells it from others; all of a record are still found by it.
DROP INDEX alerts_of_record;
CREATE UNIQUE INDEX alerts_once ON alerts (ifnull(told_by, record_id), automation_id);
CREATE INDEX alerts_of_record ON alerts (record_id, automation_id);

-- Where another program's feedback comes in. Its key is not here: only a digest, by which it is found.
CREATE TABLE inbounds (
  id         BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
  name       TEXT    NOT NULL,
  org_id     TEXT    NOT NULL,
  -- The field of a feedback's metadata that links to where it comes from.
  link_field TEXT,
  digest     BLOB    NOT NULL CHECK (length(digest) = 32),
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX inbounds_by_key ON inbounds (digest);
CREATE INDEX inbounds_by_age ON inbounds (created_at, id);
