// Package overview is all Approvals at one moment, in the orders in which pages
// list them.
//
// An Index is told of each change as it comes; a Snapshot is made from it when
// somebody looks, shares with the one before what has not changed, and is itself
// shared by every page and stream that looks meanwhile. So what a page costs does not
// grow with how much there is, but with how much of it one person may see.
package overview
