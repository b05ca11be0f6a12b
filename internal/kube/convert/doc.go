// Package convert translates between the resources of api/v1alpha1 and the types of
// package approvals, both ways, without I/O. A round-trip test guards it.
package convert
