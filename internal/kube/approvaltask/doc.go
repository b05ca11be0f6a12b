// Package approvaltask serves approval tasks: CustomRuns that wait for a decision. It
// verifies that a CustomRun is what its PipelineRun makes it out to be, opens its Approval,
// completes it by the outcome and mirrors that into the objects of other systems.
package approvaltask
