//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/test/cluster"
)

// held is Trigger deploy, which holds every event.
func held() string {
	return strings.ReplaceAll(cluster.Gated("deploy", "gate", ""), "        - {name: after, value: {pipeline: part-1}}\n        - {name: forward, value: {version: \"params.version\"}}",
		"        - {name: forward, value: {version: \"body.version\"}}")
}

// TestLargePushIsSaid: a push that is too large to be held, or to be read at all, is told
// of on its Trigger: its sender has had its 202.
func TestLargePushIsSaid(t *testing.T) {
	for size, want := range map[int]string{600 << 10: "and the limit for a held event is 524288", 12 << 20: "as the EventListener sends it, and the limit is"} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			e := cluster.New(t)
			user, _ := e.Token("approver")
			e.Apply(cluster.Gate("gate", user, ""))
			e.Apply(held())
			listener := e.ListenerURL("deploy")
			if a := e.Post(listener, nil, []byte(`{"version":"`+strings.Repeat(`\"`, size/2)+`"}`)); a.Status != 202 {
				t.Fatalf("%d %s", a.Status, a.Body)
			}
			e.Eventually(time.Minute, "the Event", func() error {
				var l corev1.EventList
				if err := e.List(t.Context(), &l, client.InNamespace(e.NS)); err != nil {
					return err
				}
				var said []string
				for _, ev := range l.Items {
					if ev.InvolvedObject.Kind == "Trigger" && ev.InvolvedObject.Name == "deploy" && ev.Reason == "CountersignRefused" && strings.Contains(ev.Message, want) {
						return nil
					}
					said = append(said, ev.Reason+" "+ev.Message)
				}
				return fmt.Errorf("%q", said)
			})
			if n := len(e.Approvals()); n != 0 {
				t.Errorf("%d approvals", n)
			}
		})
	}
}

// TestHeldInAGroup: an event that comes by a triggerGroup is held; that the group would turn
// it away when it is released is said before anybody votes, and mended it starts.
func TestHeldInAGroup(t *testing.T) {
	e := cluster.New(t)
	user, token := e.Token("approver")
	e.Apply(cluster.Gate("gate", user, ""))
	docs := func(filter string) string {
		y := strings.Replace(held(), "metadata: {name: deploy}\nspec:\n  interceptors:", "metadata: {name: deploy, labels: {group: pushes}}\nspec:\n  interceptors:", 1)
		return strings.Replace(y, "  triggers: [{triggerRef: deploy}]\n", fmt.Sprintf(`  triggerGroups:
    - name: pushes
      interceptors: [{ref: {kind: ClusterInterceptor, name: cel}, params: [{name: filter, value: "%s"}]}]
      triggerSelector: {labelSelector: {matchLabels: {group: pushes}}}
`, filter), 1)
	}
	e.Apply(docs("header.canonical('X-Kind') == 'push' && !('Webhook-Id' in header)"))
	listener := e.ListenerURL("deploy")
	e.Eventually(time.Minute, "the approval", func() error {
		if a := e.Post(listener, map[string]string{"X-Kind": "push"}, []byte(`{"version":"7"}`)); a.Status != 202 {
			return fmt.Errorf("%d %s", a.Status, a.Body)
		}
		if n := len(e.Approvals()); n != 1 {
			return fmt.Errorf("%d approvals", n)
		}
		return nil
	})
	first := e.OneApproval().Name
	e.Condition(first, v1alpha1.ConditionStartable, "EventRejectedByTrigger", "triggerGroup pushes")
	e.Apply(docs("header.canonical('X-Kind') == 'push'"))
	name := ""
	e.Eventually(2*time.Minute, "what is asked about in its place", func() error {
		for _, a := range e.Approvals() {
			if a.Name != first && a.Status.Outcome == "Pending" {
				name = a.Name
				return nil
			}
		}
		return fmt.Errorf("%d approvals", len(e.Approvals()))
	})
	e.Condition(name, v1alpha1.ConditionStartable, "StartableWithWarnings", "NotInThisCluster") // there is no Pipeline part-2
	if v := e.Vote(name, token, "approve", ""); v.Status != 201 {
		t.Fatalf("vote: %d %s", v.Status, v.Body)
	}
	if run := e.Confirmed(name); cluster.ParamOf(*run, "version") != "7" {
		t.Errorf("it started with %+v", run.Spec.Params)
	}
}
