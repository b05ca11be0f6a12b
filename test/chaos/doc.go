// Package chaos opens and decides many Approvals on a real cluster, breaks what can break
// meanwhile, and holds what the API server and the mailbox have to what was done and
// answered, in the style of Jepsen. What happens and what breaks follows from a seed.
//
// Its test runs in the cluster's network (make chaos). Package history is what is kept of a
// run, package check judges it, and command judge judges a kept one again.
package chaos
