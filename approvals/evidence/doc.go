// Package evidence has the rules of what people decide on: a plan, a log or a report that is
// kept whole beside an Approval, and whose SHA-256 is part of what is approved.
//
// A Gate names what it wants (Wanted). When an Approval is opened each of these becomes an
// Item, which says whether the evidence is there and which bytes it has. Items never change
// after that: anyone who reads the bytes compares them with the Item (Check).
//
// What does not belong here: where the bytes are kept, who may upload them, and how a page
// shows a plan. The package imports the standard library only.
package evidence
