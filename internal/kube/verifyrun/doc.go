// Package verifyrun says whether the run that is seen is the one that was approved. It
// compares the run with what the template makes, and starts a run that waits for that
// (verifyRun: BeforeStart).
package verifyrun
