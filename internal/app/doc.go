// Package app puts the service together: the only package that knows everybody.
// One process serves interceptor calls and people, and, when it leads, does the
// background work.
package app
