// Package release has the outcome of an Approval take effect, each by its Kind: it posts the
// signed event (event.go), writes a ConfigMap (configmap.go) or starts a pending PipelineRun
// (pendingrun.go); a task is answered by package approvaltask. It says when it is tried again
// (backoff.go), and why no run appears (explain.go).
package release
