-- What the service did in each minute: a row for each in which it ran, kept for as long as it is shown.

CREATE TABLE minutes (
  -- The beginning of the minute.
  at        INTEGER PRIMARY KEY CHECK (at % 60000 = 0),
  accepted  INTEGER NOT NULL DEFAULT 0 CHECK (accepted >= 0),
  delivered INTEGER NOT NULL DEFAULT 0 CHECK (delivered >= 0),
  failed    INTEGER NOT NULL DEFAULT 0 CHECK (failed >= 0),
  dead      INTEGER NOT NULL DEFAULT 0 CHECK (dead >= 0),
  discarded INTEGER NOT NULL DEFAULT 0 CHECK (discarded >= 0),
  -- Deliveries on their way and deliveries given up, at its end; both or neither are known.
  waiting_level INTEGER CHECK (waiting_level >= 0),
  dead_level    INTEGER CHECK (dead_level >= 0),
  -- How long those that arrived took: a count of 4 bytes, the lowest first, for each bucket of
  -- domain/latency.rs. Empty where none arrived.
  latency   BLOB    NOT NULL DEFAULT x'' CHECK (length(latency) IN (0, 232)),
  CHECK ((waiting_level IS NULL) = (dead_level IS NULL))
) STRICT;

-- The attempts of an integration in the order of time: those of its deliveries are spread over all of
-- them, since what fails is tried again long after younger ones arrived.
ALTER TABLE attempts ADD COLUMN integration_id BLOB
  CHECK (integration_id IS NULL OR length(integration_id) = 16);
UPDATE attempts SET integration_id =
  (SELECT integration_id FROM deliveries WHERE deliveries.id = attempts.delivery_id);
CREATE INDEX attempts_of_integration ON attempts (integration_id, started_at);

-- The alerts of an automation in the order of time, to be counted without reading them.
CREATE INDEX alerts_of_automation ON alerts (automation_id, escalated_at);
