// Package recordtest has a ledger in memory, lines to fill one with, and the kit that
// every ledger must pass.
package recordtest
