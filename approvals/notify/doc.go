// Package notify notifies people. Plan computes the messages to send, as a pure function of the
// Approval and its ledger of deliveries; a Channel sends them. Nothing here decides, and nothing
// here can delay a decision.
//
// There are two kinds of channel. Mail reaches each person at an address of their
// own; every other channel gets each message once, as a whole.
package notify
