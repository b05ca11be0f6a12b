// Package tekton has the parts of Tekton's objects that must be read and written alike, whether they
// come from the cluster (internal/kube) or from a file (internal/split): the one writes what the
// other reads. It has no client and no rules.
package tekton
