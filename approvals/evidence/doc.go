// Package evidence has the rules for evidence: a plan, a log or a report that approvers read. It
// is kept whole beside an Approval, and its SHA-256 is part of what is approved.
//
// A Gate names what it wants (Wanted). When an Approval is opened each of these becomes an
// Item, with the State of the evidence, and the size and SHA-256 of its bytes. Items never change
// after that: code that reads the bytes compares them with the Item (Check).
//
// What does not belong here: where the bytes are kept, who may upload them, and how a page
// shows a plan. The package imports the standard library only.
package evidence
