package record_test

import (
	"os"
	"testing"
	"time"
)

// TestMain: the process's own zone changes nothing that is kept or said.
func TestMain(m *testing.M) {
	time.Local = time.FixedZone("JST", 9*3600)
	os.Exit(m.Run())
}
