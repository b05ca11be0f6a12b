package preflight

import (
	"context"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
)

const dryRunsKept = 10 * time.Minute

// dryRun asks the API server, admission included, whether it would take obj. It does not ask about
// an obj with a value in it that is not known yet: the answer would be about that value. Nor does it
// ask for an Approval that was ready before: there may be thousands at each start.
func (p *Preflights) dryRun(ctx context.Context, a approvals.Approval, obj *unstructured.Unstructured, unknown string, f *findings) error {
	if a.Preflight != nil && a.Preflight.State == approvals.PreflightReady {
		return nil
	}
	obj = obj.DeepCopy()
	obj.SetLabels(without(obj.GetLabels(), "triggers.tekton.dev/"))
	raw, err := obj.MarshalJSON()
	if err != nil || strings.Contains(string(raw), unknown) || a.Resolved.Policy.AsksBlank() {
		return nil //nolint:nilerr // what is no JSON was reported as such
	}
	said, err := p.dryRuns.Get(p.Now(), likeness(a, obj), dryRunsKept, func() (string, error) {
		err := p.Client.Create(ctx, obj, client.DryRunAll)
		switch {
		case apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
			return "", nil // nobody decides in it any more
		case err == nil, apierrors.IsAlreadyExists(err), apierrors.IsForbidden(err) && kubeutil.IsRBAC(err):
			return "", nil // our own lack of the right to look says nothing about the EventListener
		case apierrors.IsInvalid(err), apierrors.IsBadRequest(err), apierrors.IsForbidden(err), apierrors.IsNotFound(err):
			return err.Error(), nil
		}
		return "", err
	}, func(said string) bool { return said == "" })
	if err != nil {
		return kubeutil.Translate(err, "a dry run of the "+obj.GetKind())
	}
	if said != "" {
		f.add("Refused", "the API server refuses the %s that the template of trigger %s creates: %s", obj.GetKind(), a.Trigger, strings.ReplaceAll(said, obj.GetName(), "NAME"))
	}
	return nil
}

// likeness is the same for objects of which the API server says the same: those that
// differ in names of ours and in the texts that a run is given as params. Nothing that
// admits a run looks at those (Tekton's own webhook looks at their names and types), and of
// ten thousand Approvals of one Trigger one is asked about.
func likeness(a approvals.Approval, obj *unstructured.Unstructured) string {
	like := obj.DeepCopy()
	if params, ok, _ := unstructured.NestedSlice(like.Object, "spec", "params"); ok {
		for _, x := range params {
			if param, ok := x.(map[string]any); ok {
				if _, ok := param["value"].(string); ok {
					param["value"] = ""
				}
			}
		}
		_ = unstructured.SetNestedSlice(like.Object, params, "spec", "params")
	}
	raw, err := like.MarshalJSON()
	if err != nil {
		raw = nil // it was marshalled a moment ago
	}
	return approvals.Digest(obj.GetNamespace(), strings.NewReplacer(obj.GetName(), "NAME", a.Name, "APPROVAL").Replace(string(raw)))
}

// without is labels without those of a prefix.
func without(labels map[string]string, prefix string) map[string]string {
	out := map[string]string{}
	for k, v := range labels {
		if !strings.HasPrefix(k, prefix) {
			out[k] = v
		}
	}
	return out
}
