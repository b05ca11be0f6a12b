package app

import (
	"context"
	"fmt"
	"io"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/countersign-dev/countersign/internal/kube/evidence"
)

// keepEvidence sets up the store of evidence, and finding it when an Approval is opened.
func (c *core) keepEvidence(ctx context.Context) error {
	clientset, err := kubernetes.NewForConfig(c.Rest)
	if err != nil {
		return err
	}
	c.evidence = &evidence.Store{Client: c.direct, Ring: c.keys.Ring, Quota: c.quotas.Of, Most: c.Config.Limits.StoredEvidenceBytes, Now: c.Now}
	if c.kept != nil { // else the interface would hold a nil pointer
		var system corev1.Namespace // its UID is that of the cluster, as far as there is one
		if err := c.direct.Get(ctx, types.NamespacedName{Name: metav1.NamespaceSystem}, &system); err != nil {
			return fmt.Errorf("find out which cluster this is, for the audit store: %w", err)
		}
		c.evidence.Bytes = c.kept.Evidence(string(system.UID))
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
