// Package outcome works out the results of decisions, and says how long what follows from an
// outcome is left to the replica that took the vote.
package outcome
