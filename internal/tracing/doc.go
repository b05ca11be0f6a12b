// Package tracing sends what happens to an Approval as OpenTelemetry spans: the Approval from its
// opening to its outcome, each vote, each post of its event, and the run that it started. They
// stand in the trace of the run before, where that run is in one, so one trace goes from the
// first run through the people to the last.
//
// A process remembers nothing for it. The ids of an Approval's own span follow from its UID and
// from the trace of what it was copied from, so every replica names the same span as the parent
// of what it sees. Each span is sent by the process in which the thing happened, once and without
// a promise: what a process had not sent when it was killed is missing from the trace, and from
// nothing else.
//
// People's names and what they wrote are in no span. Nothing in here decides anything: a trace
// that somebody made up changes which trace is shown, and no more.
package tracing
