package postgres

import (
	"testing"

	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/approvals/record/recordtest"
)

// TestLeaksNothing: neither a URL that can't be read nor a server that is not there
// tells the password.
func TestLeaksNothing(t *testing.T) {
	t.Parallel()
	const password = "hunter2-hunter2"
	for _, url := range []string{"postgres://u:" + password + "@[::1/db", "host=x password=" + password + " port=none", "postgres://u:" + password + "@h:port/db"} {
		if _, err := Open(keyring.Secret(url)); err == nil {
			t.Errorf("%s was taken", url)
		} else {
			ct.AssertLeaksNothing(t, "the error", err.Error(), password)
		}
	}
	l, err := Open(keyring.Secret("postgres://u:" + password + "@127.0.0.1:1/db?sslmode=disable"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, err = l.Append(t.Context(), recordtest.Lines(0))
	if err == nil {
		t.Fatal("it was appended to nothing")
	}
	ct.AssertLeaksNothing(t, "the error", err.Error(), password)
}
