// Package hold opens Approvals: for runs that have succeeded, for events that a gated
// Trigger holds, and again for a content that has changed. It resolves what is to be decided
// by whom, within the namespace's quota.
package hold
