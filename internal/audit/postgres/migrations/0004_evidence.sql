-- The compressed bytes of evidence. Unlike lines of the audit log they are deleted, with the
-- object that stands for them: they are not append-only, and no part of the chain.
-- cluster is the UID of namespace kube-system: each service deletes what its own cluster lacks.
CREATE TABLE evidence_bytes (
  namespace   text COLLATE "C" NOT NULL,
  object      text COLLATE "C" NOT NULL,
  sha256      text COLLATE "C" NOT NULL,
  cluster     text COLLATE "C" NOT NULL,
  bytes       bigint NOT NULL,
  kept_at     bigint NOT NULL,
  orphaned_at bigint NOT NULL DEFAULT 0,
  data        bytea NOT NULL,
  PRIMARY KEY (namespace, object, sha256, cluster)
);
-- They are compressed already.
ALTER TABLE evidence_bytes ALTER COLUMN data SET STORAGE EXTERNAL;
