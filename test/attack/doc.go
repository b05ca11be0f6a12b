// Package attack tries, on a real cluster, what a hostile tenant tries: somebody with
// ClusterRole edit in one namespace, a pod without any rights, somebody who has read a
// mail or caught an event. Each attempt is a subtest with the exact safe answer, and
// docs/explanation/security.md names the test beside its threat.
//
// What needs no cluster is tried at the lowest level that shows it, in the package of
// the code; docs/explanation/security.md names those too.
package attack
