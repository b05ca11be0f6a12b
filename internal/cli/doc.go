// Package cli is the command line of people who ask, look and decide: tkn
// approval. It needs a kubeconfig and nothing of the service but its resources:
// a vote is a Vote, whose author the API server proves, and whether somebody may
// vote is explained by package approvals as everywhere else. It can't verify
// signatures, whose keys are the service's: it shows what the API server holds.
//
// What does not belong here: rules, and a client of the service's own API.
package cli
