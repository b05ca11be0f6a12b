// Package pipelinerun reads PipelineRuns: what one ran and came from, what of it an
// Approval keeps, which Pipelines and Tasks it refers to, and how two of them differ.
package pipelinerun
