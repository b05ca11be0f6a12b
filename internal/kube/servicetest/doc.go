// Package servicetest wires the service over a cluster in memory: helpers for the tests
// of the packages of internal/kube, and the tests of what they do together.
package servicetest
