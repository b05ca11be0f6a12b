// Package outcome writes outcomes that no vote brings, with their results, and says how
// long what follows from one is left to the replica that took the vote.
package outcome
