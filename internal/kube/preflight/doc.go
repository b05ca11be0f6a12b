// Package preflight finds out before the vote whether the release could work, without a
// side effect, and asks again when what would be released has changed.
package preflight
