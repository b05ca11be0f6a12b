// Package notify tells people. What to send is a pure function of the Approval
// and what the ledger says was sent (Plan); how, is a Channel. Nothing here
// decides, and nothing here can hold up a decision.
//
// There are two kinds of channel. Mail reaches each person at an address of their
// own; every other channel gets each message once, as a whole.
package notify
