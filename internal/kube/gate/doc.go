// Package gate finds the policy that a Trigger names, checks it, and holds it to what
// GatePolicies and the service's configuration allow. Its controller says on each Gate what is
// wrong with it.
package gate
