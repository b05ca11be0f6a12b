// Package history has what was seen of one run of the harness, as it is kept in a folder: who did what
// and was answered what, what was broken meanwhile, each version of each object that the API server
// told, each mail that was taken, and what the service's processes printed. It knows no cluster and
// judges nothing.
package history
