package kube

import (
	"context"
	"sync"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// The admission policies that prove who made an object; each has a binding of its
// name. Without them anybody who may create the object could name anybody.
const (
	GuardOfVotes       = "countersign-votes"
	GuardOfDelegations = "countersign-delegations"
)

// guardTTL is how long a policy that was there is taken to be there still.
const guardTTL = time.Minute

// Guards knows whether an admission policy is in force. What it guards counts for
// nothing while it is not.
type Guards struct {
	Live client.Reader
	Now  func() time.Time

	mu    sync.Mutex
	until map[string]time.Time
}

// Check returns CodeUnavailable with what is missing.
func (g *Guards) Check(ctx context.Context, name string) error {
	g.mu.Lock()
	known := g.Now().Before(g.until[name])
	g.mu.Unlock()
	if known {
		return nil
	}
	for what, obj := range map[string]client.Object{
		"ValidatingAdmissionPolicy": &admissionv1.ValidatingAdmissionPolicy{}, "ValidatingAdmissionPolicyBinding": &admissionv1.ValidatingAdmissionPolicyBinding{},
	} {
		if err := g.Live.Get(ctx, types.NamespacedName{Name: name}, obj); err != nil {
			return translate(err, what+" "+name+", which proves who made the object (it is in deploy/base/admission.yaml),")
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.until == nil {
		g.until = map[string]time.Time{}
	}
	g.until[name] = g.Now().Add(guardTTL)
	return nil
}
