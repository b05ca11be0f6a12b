-- The compressed bytes of evidence. Unlike lines of the audit log they are deleted, with the
-- object that stands for them: they are not append-only, and no part of the chain.
-- cluster is the UID of namespace kube-system: each service deletes what its own cluster lacks.
CREATE TABLE evidence_bytes (
  namespace   TEXT NOT NULL,
  object      TEXT NOT NULL,
  sha256      TEXT NOT NULL,
  cluster     TEXT NOT NULL,
  bytes       INTEGER NOT NULL,
  kept_at     INTEGER NOT NULL,
  orphaned_at INTEGER NOT NULL DEFAULT 0,
  data        BLOB NOT NULL,
  PRIMARY KEY (namespace, object, sha256, cluster)
);
