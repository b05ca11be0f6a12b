package approvalstest_test

import (
	"testing"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/approvalstest"
)

func TestMemStore(t *testing.T) {
	t.Parallel()
	approvalstest.RunStore(t, func(_ *testing.T, seed ...approvals.Approval) approvals.Store {
		return approvalstest.NewMemStore(seed...)
	})
}
