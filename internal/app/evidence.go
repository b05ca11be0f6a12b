package app

import (
	"context"
	"io"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/countersign-dev/countersign/internal/kube/evidence"
)

// keepEvidence sets up the store of evidence, and finding it when an Approval is opened.
func (c *core) keepEvidence() error {
	clientset, err := kubernetes.NewForConfig(c.Rest)
	if err != nil {
		return err
	}
	c.evidence = &evidence.Store{Client: c.direct, Ring: c.keys.Ring, Quota: c.quotas.Of}
	logs := &evidence.Logs{
		Live: c.mgr.GetAPIReader(),
		Open: func(ctx context.Context, namespace, pod string, o *corev1.PodLogOptions) (io.ReadCloser, error) {
			return clientset.CoreV1().Pods(namespace).GetLogs(pod, o).Stream(ctx)
		},
	}
	c.opener.Evidence = &evidence.Resolver{Store: c.evidence, Logs: logs, Sums: evidence.NewSums()}
	return nil
}

// uploads takes evidence from pods.
func (c *core) uploads() *evidence.Uploads {
	return &evidence.Uploads{Live: c.mgr.GetAPIReader(), Store: c.evidence, Pod: c.auth.Pod}
}
