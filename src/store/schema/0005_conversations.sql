-- What was found of customers' messages, by which a change of their sentiment is noticed: numbers, and never text.

CREATE TABLE conversation_scores (
  id           INTEGER PRIMARY KEY,
  -- A keyed digest of the conversation's id.
  conversation BLOB    NOT NULL CHECK (length(conversation) = 32),
  -- Which message it was: a keyed hash.
  fingerprint  INTEGER NOT NULL,
  -- In thousandths.
  sentiment    INTEGER NOT NULL CHECK (sentiment BETWEEN -1000 AND 1000),
  -- Whether the message said anything of feeling.
  telling      INTEGER NOT NULL CHECK (telling IN (0, 1)),
  kept_at      INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX conversation_scores_of_message ON conversation_scores (conversation, fingerprint);
CREATE INDEX conversation_scores_in_order ON conversation_scores (conversation, id);
CREATE INDEX conversation_scores_by_age ON conversation_scores (kept_at);
