package hold_test

import (
	"strings"
	"testing"

	triggersv1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
	"github.com/countersign-dev/countersign/internal/kube/servicetest"
	"github.com/countersign-dev/countersign/internal/kube/triggers"
)

// TestSendersAtFirstSight: a Trigger that could hold nothing is said when it is seen, and
// a completion whose outcome is written to an object asks nobody to prove anything.
func TestSendersAtFirstSight(t *testing.T) {
	t.Parallel()
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
	for name, c := range map[string]struct{ docs, want string }{
		"a group that verifies":      {servicetest.PushWorld + grouped("prod"), "trigger prod/apply: interceptor gitlab verifies the sender"},
		"a group that we verify for": {signed(servicetest.PushWorld, "GitLab") + grouped("prod"), ""},
		"a stranger's group":         {servicetest.PushWorld + grouped("elsewhere"), ""},
		"the Gate verifies it":       {signed(behind(servicetest.PushWorld, gitlabByHub), "GitLab"), ""},
		"nobody verifies it":         {behind(servicetest.PushWorld, gitlabByHub), "trigger prod/apply: interceptor gitlab verifies the sender"},
		"of a completion":            {behind(kubetest.World, gitlabByHub), "trigger prod/apply: interceptor gitlab verifies the sender"},
		"of one that is not posted":  {strings.Replace(behind(kubetest.World, gitlabByHub), "expiresAfter: 1h", written, 1), ""},
		"without a Gate, as yet":     {kubetest.Without(behind(servicetest.PushWorld, gitlabByHub), "Gate"), ""},
		"nothing verifies a sender":  {servicetest.PushWorld, ""},
		"written, of a held event":   {strings.Replace(behind(servicetest.PushWorld, gitlabByHub), "expiresAfter: 1h", written, 1), "interceptor gitlab verifies the sender"},
		"an inline Gate that proves": {strings.Replace(behind(servicetest.PushWorld, gitlabByHub), "value: production}", "value: {approvers: {users: [{name: alice}]}, signingSecret: {name: hub, key: token, kind: GitLab}}}", 1), ""},
		"an unknown kind inline":     {strings.Replace(servicetest.PushWorld, "value: production}", "value: {approvers: {users: [{name: alice}]}, signingSecret: {name: hub, key: token, kind: Gitea}}}", 1), "signingSecret.kind \"Gitea\""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cl := servicetest.NewCluster(t, kubetest.Objects(t, c.docs)...)
			if strings.HasPrefix(name, "a stranger's") {
				cl.Deny()
			}
			trigger := kubetest.Objects(t, kubetest.Only(c.docs, "Trigger"))[0].(*triggersv1.Trigger)
			err := cl.Opener(t).Triggers.Check(t.Context(), triggers.Standing{Trigger: trigger})
			if c.want == "" && err != nil || c.want != "" && (approvals.CodeOf(err) != approvals.CodeInvalid || !strings.Contains(approvals.Message(err), c.want)) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}
