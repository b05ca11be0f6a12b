// Package tekton is what is read and written alike of Tekton's objects, whether they
// come from the cluster (internal/kube) or from a file (internal/split): the one writes
// what the other reads. No client and no rules.
package tekton
