// Package split cuts a Tekton Pipeline at its approval tasks: into parts, and what
// stands between them (Gate, Trigger, TriggerTemplate).
//
// It works on the text's own nodes, so that what is not touched stays as it was
// written, comments too, and whatever can't be cut is refused with its line. What it
// would rather not guess it refuses: a pipeline that was cut must do what it did.
//
// What does not belong here: files, flags, the cluster. Text comes in, text goes out.
package split
