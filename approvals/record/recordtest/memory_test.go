package recordtest_test

import (
	"testing"

	"github.com/countersign-dev/countersign/approvals/record/recordtest"
)

func TestMemory(t *testing.T) {
	t.Parallel()
	recordtest.RunLedger(t, func(*testing.T) recordtest.Store {
		m := &recordtest.Memory{}
		return recordtest.Store{Open: func(*testing.T) recordtest.Ledger { return m }}
	})
}
