// Package controller is the background work of the leader: it opens Approvals for
// runs that have succeeded, ends those whose time is up, releases, confirms and
// tells. Each reconcile looks at what is there and does the next step; none of
// them remembers anything that it could not lose.
package controller
