// Package kubetest is a cluster in memory for tests: an API server that counts
// writes and fails when it is told to, and an EventListener beside it. With tag kube
// there is a real API server too.
package kubetest
