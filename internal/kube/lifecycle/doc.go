// Package lifecycle takes an Approval from its opening to its end: it resolves what is to
// be decided, supersedes, expires, has the outcome released and confirms it by what it sees.
// Each reconcile looks at what is there and does the next step; none of them remembers
// anything that it could not lose.
package lifecycle
