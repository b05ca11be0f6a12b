package email_test

import (
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	time.Local = time.FixedZone("JST", 9*3600) // the process's own zone is seen nowhere
	goleak.VerifyTestMain(m)
}
