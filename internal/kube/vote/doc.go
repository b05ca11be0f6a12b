// Package vote takes Votes that come as objects, in the order in which they were made, and
// says which mailed links have ended.
package vote
