// Package store keeps Approvals as objects of the API server: it signs and verifies them,
// writes a status once whatever answers are lost, and finds them by index.
package store
