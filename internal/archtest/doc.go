// Package archtest holds the test of who may import whom. A package of this
// repository knows what its row in the table says and nothing else, so that the
// rules of an approval can be read, tested and trusted without Kubernetes, HTTP or
// a mail server in sight.
//
// It also holds the test that the docs name what the code has.
//
// What does not belong here: checks of style (.golangci.yml).
package archtest
