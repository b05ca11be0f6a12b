// Package kubeutil has what every package beneath internal/kube needs: the one table
// from the API server's errors to codes, reads from the cache, bounded memories, and how
// controllers are built and woken. It knows no rule and no resource of its own.
package kubeutil
