// Package tasks knows the approval tasks of other systems, so that pipelines written
// for them run unmodified: by which reference each is known, how its params become a
// policy, which results it gives, and what each outcome makes of its CustomRun.
//
// All of it is one table. It is pure, as package approvals is.
package tasks
