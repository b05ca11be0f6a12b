// Package keys keeps the service's signing keys in a Secret and replaces them in time.
package keys
