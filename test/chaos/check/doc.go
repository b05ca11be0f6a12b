// Package check holds a history to what the documentation promises. It believes the API
// server's objects and the mailbox, and works out by itself what the outcome of votes is:
// nothing of the service is asked.
package check
