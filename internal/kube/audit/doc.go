// Package audit appends what happened to the audit log, keeps an Approval until that is
// done, and deletes those whose time of retention is over.
package audit
