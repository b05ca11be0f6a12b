// Package report reads the texts that people decide on: what a plan would do, what a diff
// changes, which tests failed, what a scan found. It knows their grammar, and guesses nothing:
// a text that is none of these is plain text, in which nothing is painted or counted.
//
// A text comes from a pipeline, so it may lie, be cut, or be made to cost much. Every parser
// is bounded, whatever is in the text is in the Report, and where the numbers of a plan
// contradict its resources, the larger ones count and the Report says so.
//
// Who brings a text, where it is kept and how it is drawn is not known here.
package report
