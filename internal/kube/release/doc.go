// Package release has the outcome of an Approval take effect: it posts the signed event,
// writes a ConfigMap, or starts a pending PipelineRun; when again; and says why no run
// appears.
package release
