// Package notifytest tests the contract of every channel that speaks HTTP: its reaction to each
// answer, its errors without secrets, its time limit, and its treatment of hostile text.
package notifytest
