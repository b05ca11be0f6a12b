// Package apiserver knows whether the API server answers and what time it has: each call
// is bounded, none is made while it is out of reach, and deadlines are counted by its clock.
package apiserver
