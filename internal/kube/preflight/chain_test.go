package preflight

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
	"github.com/countersign-dev/countersign/internal/kube/release"
	"github.com/countersign-dev/countersign/internal/kube/servicetest"
	"github.com/countersign-dev/countersign/internal/kube/signedevent"
	"github.com/countersign-dev/countersign/internal/kube/triggers"
)

// TestNeighbourInAGroup: what keeps a Trigger beside ours from starting may stand in the
// triggerGroup that it is run in, and keeps nothing on another way to it.
func TestNeighbourInAGroup(t *testing.T) {
	t.Parallel()
	const pushes = `{interceptors: [{ref: {name: cel}, params: [{name: filter, value: "header.match('X-GitHub-Event', 'push')"}]}], name: pushes, triggerSelector: {labelSelector: {matchLabels: {app: other}}}}`
	for name, c := range map[string]struct {
		listener string
		starts   bool
	}{
		"its group stops it":        {"triggers: [{triggerRef: apply}], triggerGroups: [" + pushes + "]", false},
		"its group does not":        {"triggers: [{triggerRef: apply}], triggerGroups: [" + strings.Replace(pushes, "'push'", "'approval'", 1) + "]", true},
		"one of two does not":       {"triggers: [{triggerRef: apply}], triggerGroups: [" + pushes + ", " + strings.Replace(pushes, "'push'", "'approval'", 1) + "]", true},
		"it is run itself, too":     {"triggers: [{triggerRef: apply}, {triggerRef: other}], triggerGroups: [" + pushes + "]", true},
		"by a selector of its own":  {"triggers: [{triggerRef: apply}], labelSelector: {matchLabels: {app: other}}, triggerGroups: [" + pushes + "]", true},
		"a group that is another's": {"triggers: [{triggerRef: apply}, {triggerRef: other}], triggerGroups: [" + strings.Replace(pushes, "app: other", "app: none", 1) + "]", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			docs := strings.Replace(kubetest.World, "triggers: [{triggerRef: apply}]", c.listener, 1) +
				"---\napiVersion: triggers.tekton.dev/v1beta1\nkind: Trigger\nmetadata: {name: other, labels: {app: other}}\nspec: {template: {ref: other}}\n"
			triggers := servicetest.NewCluster(t, kubetest.Objects(t, docs)...).Opener(t).Triggers
			l, err := triggers.ListenerFor(t.Context(), "prod", "apply")
			if err != nil {
				t.Fatal(err)
			}
			a := ct.Make("apply-1").Voted("alice", approvals.Approve, "").Obj()
			e, err := signedevent.EventFor(a, servicetest.TestRing, nil, ct.T0)
			if err != nil {
				t.Fatal(err)
			}
			if got := release.Neighbour(t.Context(), triggers, l, a, e); got != map[bool]string{true: "prod/other"}[c.starts] {
				t.Errorf("%q, want that it starts: %t", got, c.starts)
			}
		})
	}
}

// TestResourceOf: the right to create something is asked for by its resource.
func TestResourceOf(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]string{
		"tekton.dev/v1 PipelineRun": "pipelineruns", "v1 ConfigMap": "configmaps", "networking.k8s.io/v1 NetworkPolicy": "networkpolicies", "networking.k8s.io/v1 Ingress": "ingresses",
	} {
		apiVersion, name, _ := strings.Cut(kind, " ")
		obj := &unstructured.Unstructured{}
		obj.SetAPIVersion(apiVersion)
		obj.SetKind(name)
		if got := triggers.ResourceOf(obj); got != want {
			t.Errorf("%s is %q, want %q", kind, got, want)
		}
	}
}
