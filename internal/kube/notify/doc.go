// Package notify sends what approvals/notify plans, by one channel each, and keeps what
// became of it in the Approval's status.
package notify
