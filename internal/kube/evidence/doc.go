// Package evidence keeps what people decide on: it takes uploads of pods, reads logs of runs
// that have ended, writes both to Evidence objects, and gives the bytes back after comparing
// them with what was approved.
//
//	pod ── Uploads ──▶ Store ◀── Resolver ◀── the Approval is opened
//	                     │         ├─ results of the run
//	                     ▼         └─ Logs
//	              Evidence objects ──▶ Read ──▶ page, API, command line
//	                     ┊         ▲
//	                the audit store, where there is one: their bytes ◀── Sweeper
//
// An Evidence object is owned by the PipelineRun that it is of, and by each Approval that
// shows it: the garbage collector takes it when all of those are gone. Its name follows from
// the run's UID, the kind and the name of the evidence, so writing it twice is one object, and
// the API server refuses the second writer.
package evidence
