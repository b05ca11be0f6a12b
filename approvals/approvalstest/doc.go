// Package approvalstest has what tests share: a builder of Approvals, a Store in
// memory, the kit that every Store must pass, and a check that nothing leaks.
package approvalstest
