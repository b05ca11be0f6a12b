package triggers_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	triggersv1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1"
	authorizationv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/golden"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
	"github.com/countersign-dev/countersign/internal/kube/servicetest"
	"github.com/countersign-dev/countersign/internal/kube/triggers"
)

// elsewhere is an EventListener of namespace infra with that spec, and its Service.
func elsewhere(name, spec string) string {
	service := strings.Replace(strings.ReplaceAll(kubetest.Service, "apply", name), "metadata:\n", "metadata:\n  namespace: infra\n", 1)
	return "\n---\napiVersion: triggers.tekton.dev/v1beta1\nkind: EventListener\nmetadata: {namespace: infra, name: " + name + "}\nspec: " + spec + "\n---\n" +
		strings.Replace(service, "metadata: {", "metadata: {namespace: infra, ", 1)
}

// evil is a triggerGroup that selects every namespace and puts in a value of its own.
func evil(name string) string {
	return "{name: " + name + ", triggerSelector: {namespaceSelector: {matchNames: ['*']}}, interceptors: [{ref: {name: cel}, params: [{name: overlays, value: [{key: image, expression: \"'EVIL'\"}]}]}]}"
}

// TestGroupsElsewhere: whose EventListener of another namespace selects everything changes
// the digest, and with it voids the votes, only where that EventListener is the one that
// events are posted to.
func TestGroupsElsewhere(t *testing.T) {
	t.Parallel()
	of := func(docs string) string {
		cl := servicetest.NewCluster(t, kubetest.Objects(t, docs)...)
		return cl.Gated(t, cl.Opener(t)).Template
	}
	group := elsewhere("a", "{triggerGroups: ["+evil("g")+"]}")
	if of(kubetest.World) != of(kubetest.World+group) {
		t.Error("it is run in its own namespace, and another's EventListener changes the digest")
	}
	alone := kubetest.Without(kubetest.World, "EventListener")
	if of(alone) == of(alone+group) {
		t.Error("it is run by that EventListener, and its group is not in the digest")
	}
	if of(alone+group) != of(alone+elsewhere("a", "{triggerGroups: ["+evil("renamed")+"]}")) {
		t.Error("the name of a group changes the digest")
	}
	if of(alone+group) != of(alone+group+elsewhere("b", "{triggerGroups: ["+evil("g")+"]}")) {
		t.Error("an EventListener behind the one that is posted to changes the digest")
	}
	two := strings.Replace(evil("h"), "EVIL", "other", 1)
	if of(alone+elsewhere("a", "{triggerGroups: ["+evil("g")+", "+two+"]}")) != of(alone+elsewhere("a", "{triggerGroups: ["+two+", "+evil("g")+"]}")) {
		t.Error("the order of groups changes the digest")
	}
}

// TestNoAnswerIsNoNo: when the API server does not say what an account may, nobody knows
// what would start: that is no reason to say that it changed.
func TestNoAnswerIsNoNo(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	docs := kubetest.Without(kubetest.World, "EventListener") + elsewhere("a", "{triggerGroups: ["+evil("g")+"]}")
	cl := servicetest.NewCluster(t, kubetest.Objects(t, docs)...)
	o := cl.Opener(t)
	g := cl.Gated(t, o)
	o.Triggers.MayListTriggers = triggers.MayListTriggers(refusing{cl})
	_, err := o.Triggers.Gated(t.Context(), "prod", "apply")
	if approvals.CodeOf(err) != approvals.CodeUnavailable {
		t.Errorf("the digest: %v", err)
	}
	said.Check(t, "the digest", approvals.Message(err))
	if _, err := o.Triggers.WholeChain(t.Context(), "prod", "apply", g.Chain); approvals.CodeOf(err) != approvals.CodeUnavailable {
		t.Errorf("the chain: %v", err)
	}
	if _, err := o.Triggers.ListenerFor(t.Context(), "prod", "apply"); approvals.CodeOf(err) != approvals.CodeUnavailable {
		t.Errorf("the EventListener: %v", err)
	}
}

// refusing is a cluster that reviews no access.
type refusing struct{ *servicetest.Cluster }

func (r refusing) Create(ctx context.Context, o client.Object, opts ...client.CreateOption) error {
	if _, ok := o.(*authorizationv1.SubjectAccessReview); ok {
		return apierrors.NewInternalError(errors.New("webhook timed out"))
	}
	return r.Cluster.Create(ctx, o, opts...)
}

// TestManyEventListeners: however many somebody makes, and whatever they select, a Trigger
// that is run in its own namespace costs no list of Triggers for each, and no review.
func TestManyEventListeners(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	groups := make([]string, triggers.MaxGroups+1)
	for i := range groups {
		groups[i] = evil(fmt.Sprintf("g%d", i))
	}
	docs := kubetest.World + elsewhere("many", "{triggerGroups: ["+strings.Join(groups, ", ")+"]}")
	for i := range 20 {
		docs += elsewhere(fmt.Sprintf("l%d", i), fmt.Sprintf("{serviceAccountName: x%d, triggerGroups: [%s]}", i, evil("g")))
	}
	cl := servicetest.NewCluster(t, kubetest.Objects(t, docs)...)
	triggers, asked, lists := cl.Opener(t).Triggers, 0, 0
	triggers.MayListTriggers = func(context.Context, string, string, string) (bool, error) { asked++; return true, nil }
	cl.Fail(func(verb string, o runtime.Object) error {
		if _, ok := o.(*triggersv1.TriggerList); ok && verb == "list" {
			lists++
		}
		return nil
	})
	if _, err := triggers.Resolve(t.Context(), "prod", "apply"); err != nil || asked > 0 || lists > 1 {
		t.Errorf("%v after %d reviews and %d lists of Triggers", err, asked, lists)
	}
	if chain, err := triggers.WholeChain(t.Context(), "prod", "apply", nil); err != nil || len(chain) > 0 || asked > 0 || lists > 1 {
		t.Errorf("%d interceptors, %v after %d reviews and %d lists of Triggers", len(chain), err, asked, lists)
	}
	cl.Fail(nil)

	// One that has too many of them is none, elsewhere; in the namespace it has to be divided.
	alone := kubetest.Without(kubetest.World, "EventListener")
	many := elsewhere("many", "{triggerGroups: ["+strings.Join(groups, ", ")+"]}")
	c := servicetest.NewCluster(t, kubetest.Objects(t, alone+many)...)
	if _, err := c.Opener(t).Triggers.ListenerFor(t.Context(), "prod", "apply"); approvals.CodeOf(err) != approvals.CodeNotFound {
		t.Errorf("elsewhere: %v", err)
	}
	c = servicetest.NewCluster(t, kubetest.Objects(t, alone+strings.ReplaceAll(many, "infra", "prod"))...)
	_, err := c.Opener(t).Triggers.Resolve(t.Context(), "prod", "apply")
	if approvals.CodeOf(err) != approvals.CodeInvalid {
		t.Errorf("here: %v", err)
	}
	said.Check(t, "too many groups", approvals.Message(err))
}

// TestGroupSelector: by the EventListener's own rules.
func TestGroupSelector(t *testing.T) {
	t.Parallel()
	x := &triggersv1.Trigger{}
	x.Namespace, x.Labels = "prod", map[string]string{"app": "web"}
	web, api := &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}, &metav1.LabelSelector{MatchLabels: map[string]string{"app": "api"}}
	wrong := &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "a", Operator: "Near"}}}
	for _, c := range []struct {
		own    string
		names  []string
		labels *metav1.LabelSelector
		want   bool
	}{
		{"prod", nil, nil, false},
		{"prod", nil, web, true},
		{"prod", nil, &metav1.LabelSelector{}, true},
		{"infra", nil, web, false},
		{"infra", []string{"*"}, nil, true},
		{"infra", []string{"*"}, api, false},
		{"infra", []string{"*", "dev"}, nil, false},
		{"infra", []string{"dev", "prod"}, web, true},
		{"infra", []string{"dev"}, web, false},
		{"infra", []string{"prod"}, wrong, false},
	} {
		s := triggersv1.EventListenerTriggerSelector{LabelSelector: c.labels}
		s.NamespaceSelector.MatchNames = c.names
		if got := triggers.Selects(c.own, s, x); got != c.want {
			t.Errorf("%s, %v, %v: %t", c.own, c.names, c.labels, got)
		}
	}
}

// TestOverlayBehindAGroup: what people see of what a triggerGroup's interceptors bring can't
// be written again behind ours, nor can a group bring our own key.
func TestOverlayBehindAGroup(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	overlay := func(key string) string {
		return "{ref: {name: cel}, params: [{name: overlays, value: [{key: " + key + ", expression: \"'x'\"}]}]}"
	}
	for name, c := range map[string]struct {
		group, behind string
		refused       bool
	}{
		"the same key":   {"image", "image", true},
		"below it":       {"image", "image.digest", true},
		"our own":        {"countersign", "", true},
		"another":        {"image", "images", false},
		"nothing behind": {"image", "", false},
	} {
		docs := strings.Replace(kubetest.World, "metadata: {name: apply}\nspec:\n  interceptors:", "metadata: {name: apply, labels: {app: x}}\nspec:\n  interceptors:", 1)
		docs = strings.Replace(docs, "triggers: [{triggerRef: apply}]", "triggerGroups: [{name: g, interceptors: ["+overlay(c.group)+"], triggerSelector: {labelSelector: {matchLabels: {app: x}}}}]", 1)
		if c.behind != "" {
			docs = strings.Replace(docs, "  bindings:\n", "    - "+overlay(c.behind)+"\n  bindings:\n", 1)
		}
		triggers := servicetest.NewCluster(t, kubetest.Objects(t, docs)...).Opener(t).Triggers
		r, err := triggers.Resolve(t.Context(), "prod", "apply")
		if err != nil {
			t.Fatal(name, err)
		}
		found := triggers.Check(t.Context(), r.Standing)
		for what, err := range map[string]error{"Resolve": r.Unresolved, "Check": found} {
			if (err != nil) != c.refused {
				t.Errorf("%s, %s: %v, refused should be %t", name, what, err, c.refused)
			}
			if err != nil {
				said.Check(t, name+", "+what, approvals.Message(err))
			}
		}
		if (r.Digest == "") != c.refused {
			t.Errorf("%s: digest %q", name, r.Digest)
		}
	}
}
