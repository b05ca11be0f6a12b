//go:build e2e

// Package e2e proves the service on a real cluster: real pods, a real
// EventListener, a real SMTP server. It runs inside the cluster's network.
package e2e

import (
	"fmt"
	"os"
	"testing"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/countersign-dev/countersign/test/cluster"
)

var box *cluster.Mailbox

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	var err error
	if box, err = cluster.Main(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}
