package app

import (
	"context"
	"io"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/countersign-dev/countersign/internal/kube/evidence"
)

// keepEvidence sets up the store of evidence, and finding it when an Approval is opened.
func (c *core) keepEvidence() error {
	clientset, err := kubernetes.NewForConfig(c.Rest)
	if err != nil {
		return err
	}
	c.evidence = &evidence.Store{Client: c.direct, Ring: c.keys.Ring, Quota: c.quotas.Of, Now: c.Now}
	if c.kept != nil { // else the interface would hold a nil pointer
		c.evidence.Bytes = c.kept.Evidence()
	}
	logs := &evidence.Logs{
		Live: c.mgr.GetAPIReader(),
		Open: func(ctx context.Context, namespace, pod string, o *corev1.PodLogOptions) (io.ReadCloser, error) {
			return clientset.CoreV1().Pods(namespace).GetLogs(pod, o).Stream(ctx)
		},
	}
	c.opener.Evidence = &evidence.Resolver{Store: c.evidence, Logs: logs, Sums: evidence.NewSums()}
	return nil
}

// sweeps are the leader's cleaning up of the audit store's evidence, none without a store.
func (c *core) sweeps() []manager.Runnable {
	if c.evidence.Bytes == nil {
		return nil
	}
	return []manager.Runnable{&evidence.Sweeper{Store: c.evidence, Now: c.Now, Log: c.Log}}
}

// uploads takes evidence from pods.
func (c *core) uploads() *evidence.Uploads {
	return &evidence.Uploads{Live: c.mgr.GetAPIReader(), Store: c.evidence, Pod: c.auth.Pod}
}
