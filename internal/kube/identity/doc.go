// Package identity asks the API server who somebody is and what they may do: bearer
// tokens, rights, delegations, and whether the admission policies are in force on which they
// rest.
package identity
