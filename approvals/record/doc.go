// Package record is the audit log: which entries an Approval's state gives, how they are
// chained so that a changed or missing one is found, and what a store of them can search.
// Names here say record and line, because stored hashes, tables and metrics do.
//
// The Approval's own status has the decision. The lines are derived from that status, and each has
// an id that follows from its content, so that deriving them again appends nothing twice:
//
//	Approval ── Lines ──▶ [line, line, …] ── Append ──▶ entry ▶ entry ▶ entry
//	                                        (by id)     each with the hash of the one before
//
// It imports the standard library and the rules. Databases are one hop out
// (internal/audit/sqlite, internal/audit/postgres).
package record
