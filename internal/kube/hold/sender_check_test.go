package hold_test

import (
	"strings"
	"testing"

	triggersv1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/golden"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
	"github.com/countersign-dev/countersign/internal/kube/servicetest"
	"github.com/countersign-dev/countersign/internal/kube/triggers"
)

// TestSendersAtFirstSight: a Trigger that could hold nothing is said when it is seen, and
// a completion whose outcome is written to an object asks nobody to prove anything.
func TestSendersAtFirstSight(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	const written = "expiresAfter: 1h\n  release: {configMap: {name: x, key: y}}"
	grouped := func(namespace string) string {
		return `---
apiVersion: triggers.tekton.dev/v1beta1
kind: EventListener
metadata: {name: grouped, namespace: ` + namespace + `}
spec:
  triggerGroups:
    - {name: g, interceptors: [` + gitlabByHub + `], triggerSelector: {namespaceSelector: {matchNames: [prod]}}}
`
	}
	for name, c := range map[string]struct {
		docs    string
		refused bool
	}{
		"a group that verifies":      {servicetest.PushWorld + grouped("prod"), true},
		"a group that we verify for": {signed(servicetest.PushWorld, "GitLab") + grouped("prod"), false},
		"a stranger's group":         {servicetest.PushWorld + grouped("elsewhere"), false},
		"the Gate verifies it":       {signed(behind(servicetest.PushWorld, gitlabByHub), "GitLab"), false},
		"nobody verifies it":         {behind(servicetest.PushWorld, gitlabByHub), true},
		"of a completion":            {behind(kubetest.World, gitlabByHub), true},
		"of one that is not posted":  {strings.Replace(behind(kubetest.World, gitlabByHub), "expiresAfter: 1h", written, 1), false},
		"without a Gate, as yet":     {kubetest.Without(behind(servicetest.PushWorld, gitlabByHub), "Gate"), false},
		"nothing verifies a sender":  {servicetest.PushWorld, false},
		"written, of a held event":   {strings.Replace(behind(servicetest.PushWorld, gitlabByHub), "expiresAfter: 1h", written, 1), true},
		"an inline Gate that proves": {strings.Replace(behind(servicetest.PushWorld, gitlabByHub), "value: production}", "value: {approvers: {users: [{name: alice}]}, signingSecret: {name: hub, key: token, kind: GitLab}}}", 1), false},
		"an unknown kind inline":     {strings.Replace(servicetest.PushWorld, "value: production}", "value: {approvers: {users: [{name: alice}]}, signingSecret: {name: hub, key: token, kind: Gitea}}}", 1), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cl := servicetest.NewCluster(t, kubetest.Objects(t, c.docs)...)
			if strings.HasPrefix(name, "a stranger's") {
				cl.Deny()
			}
			trigger := kubetest.Objects(t, kubetest.Only(c.docs, "Trigger"))[0].(*triggersv1.Trigger)
			err := cl.Opener(t).Triggers.Check(t.Context(), triggers.Standing{Trigger: trigger})
			if !c.refused && err != nil || c.refused && approvals.CodeOf(err) != approvals.CodeInvalid {
				t.Errorf("%v, refused should be %t", err, c.refused)
			}
			if err != nil {
				said.Check(t, name, approvals.Message(err))
			}
		})
	}
}
