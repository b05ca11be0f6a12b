// Package record says what the history of an Approval is: which lines its state
// yields, how lines are chained so that a changed or missing one is found, and what
// may be asked of the store that keeps them.
//
// The Approval's own status is the record of a decision. The lines are derived from
// it, and each has an id that follows from what it tells, so that deriving them
// again appends nothing twice:
//
//	Approval ── Lines ──▶ [line, line, …] ── Append ──▶ entry ▶ entry ▶ entry
//	                                        (by id)     each with the hash of the one before
//
// It imports the standard library and the rules. Databases are one hop out
// (internal/audit/sqlite, internal/audit/postgres).
package record
