// Package sqlstore keeps the audit log in an SQL database. What differs between
// databases is in a Dialect; which databases there are is one hop out
// (internal/audit/sqlite, internal/audit/postgres).
//
// One row holds the chain's head. Anyone who appends locks it first, so two writers
// keep one chain, and a writer that dies leaves nothing: its lines and the head's
// move are one transaction. Of the log nothing is ever updated or deleted but that row, and
// triggers refuse it.
//
// Beside the log, and no part of it, are the bytes of evidence (Evidence), which are deleted
// with the object that stands for them.
package sqlstore
