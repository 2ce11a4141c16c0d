-- Automations whose input is alerts that other systems post, and by what such alerts are told apart.

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
