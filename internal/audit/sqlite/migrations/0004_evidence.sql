-- The compressed bytes of evidence. Unlike lines of the audit log they are deleted, with the
-- object that stands for them: they are not append-only, and no part of the chain.
CREATE TABLE evidence_bytes (
  namespace   TEXT NOT NULL,
  object      TEXT NOT NULL,
  sha256      TEXT NOT NULL,
  bytes       INTEGER NOT NULL,
  kept_at     INTEGER NOT NULL,
  orphaned_at INTEGER NOT NULL DEFAULT 0,
  data        BLOB NOT NULL,
  PRIMARY KEY (namespace, object, sha256)
);
