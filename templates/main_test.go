package templates

import (
	"os"
	"testing"
	"time"
)

// TestMain: the process's own zone is on no page and in no mail.
func TestMain(m *testing.M) {
	time.Local = time.FixedZone("JST", 9*3600)
	os.Exit(m.Run())
}
