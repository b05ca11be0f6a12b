// Package triggers finds the Trigger that an Approval belongs to, with the EventListener
// that serves it, the account it acts as and the interceptors before ours, and resolves it. Its
// controllers say on Triggers and EventListeners what is wrong with them.
package triggers
