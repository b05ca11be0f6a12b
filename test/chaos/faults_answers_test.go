//go:build chaos

package chaos

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// answerFaults have the API server itself answer the service with errors. An admission webhook of
// ours gives those to writes; priority and fairness and RBAC give them to everything.
func (i *injector) answerFaults() map[string]fault {
	answer := func(code int32, reason metav1.StatusReason) fault {
		return func(ctx context.Context) (string, error) {
			return i.refuseWrites(ctx, &door{code: code, reason: reason, share: 0.7}, i.seconds(6, 12))
		}
	}
	return map[string]fault{
		"api-403":     answer(http.StatusForbidden, metav1.StatusReasonForbidden),
		"api-409":     answer(http.StatusConflict, metav1.StatusReasonConflict),
		"api-429":     answer(http.StatusTooManyRequests, metav1.StatusReasonTooManyRequests),
		"api-500":     answer(http.StatusInternalServerError, metav1.StatusReasonInternalError),
		"api-timeout": answer(http.StatusGatewayTimeout, metav1.StatusReasonTimeout),
		// Taken in the end, when its sender may have given up.
		"api-slow": func(ctx context.Context) (string, error) {
			return i.refuseWrites(ctx, &door{slow: 8 * time.Second, share: 0.5}, i.seconds(8, 14))
		},
		"api-jail":  i.jail,
		"role-gone": i.takeRole,
	}
}

// refuseWrites has a door of ours asked about every write that the service makes of its
// own kinds in this run's namespace, for a while.
func (i *injector) refuseWrites(ctx context.Context, d *door, wanted time.Duration) (string, error) {
	if err := d.open(ctx, i.rng.Uint64()); err != nil {
		return "", err
	}
	defer d.shut(ctx)
	hook := fmt.Sprintf(`
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: chaos}
webhooks:
  - name: chaos.countersign.dev
    admissionReviewVersions: [v1]
    sideEffects: None
    failurePolicy: Ignore
    timeoutSeconds: 15
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: %s}}
    matchConditions: [{name: the-service, expression: "request.userInfo.username == 'system:serviceaccount:countersign:countersign'"}]
    rules: [{apiGroups: [countersign.dev], apiVersions: ["*"], operations: [CREATE, UPDATE], resources: ["*/*"]}]
    clientConfig: {url: "https://%s/", caBundle: %s}
`, i.l.w.ns, doorAddress, d.bundle())
	mend, err := i.undo.broken("webhook", "kubectl delete validatingwebhookconfiguration chaos --ignore-not-found --request-timeout=10s")
	if err != nil {
		return "", err
	}
	if err := i.k.apply(ctx, "", hook); err != nil {
		return "", errors.Join(err, mend(ctx))
	}
	wait(ctx, wanted)
	err = mend(ctx)
	return fmt.Sprintf("%s, to %d of %d writes in %.1f s", d.what(), d.hit.Load(), d.asked.Load(), wanted.Seconds()), err
}

// jailYAML gives the service's requests, reads too, a priority level that takes none.
const jailYAML = `
apiVersion: flowcontrol.apiserver.k8s.io/v1
kind: PriorityLevelConfiguration
metadata: {name: chaos}
spec:
  type: Limited
  limited: {nominalConcurrencyShares: 0, lendablePercent: 0, borrowingLimitPercent: 0, limitResponse: {type: Reject}}
---
apiVersion: flowcontrol.apiserver.k8s.io/v1
kind: FlowSchema
metadata: {name: chaos}
spec:
  matchingPrecedence: 2
  priorityLevelConfiguration: {name: chaos}
  rules:
    - subjects: [{kind: ServiceAccount, serviceAccount: {namespace: countersign, name: countersign}}]
      resourceRules: [{apiGroups: ["*"], resources: ["*"], verbs: ["*"], clusterScope: true, namespaces: ["*"]}]
`

func (i *injector) jail(ctx context.Context) (string, error) {
	d := i.seconds(5, 10)
	mend, err := i.undo.broken("jail", "kubectl delete flowschema,prioritylevelconfiguration chaos --ignore-not-found --request-timeout=10s")
	if err != nil {
		return "", err
	}
	if err := i.k.apply(ctx, "", jailYAML); err != nil {
		return "", errors.Join(err, mend(ctx))
	}
	wait(ctx, d)
	return fmt.Sprintf("429 to all requests of the service for %.1f s", d.Seconds()), mend(ctx)
}

// takeRole takes the service's rights away, as a mistake in somebody's manifests does.
func (i *injector) takeRole(ctx context.Context) (string, error) {
	d := i.seconds(5, 10)
	const name = "countersign"
	b, err := i.k.clientset.RbacV1().ClusterRoleBindings().Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	if len(b.Subjects) == 0 {
		return "", fmt.Errorf("ClusterRoleBinding %s has no subjects", name)
	}
	var subjects []string
	for _, s := range b.Subjects {
		subjects = append(subjects, fmt.Sprintf(`{"kind":%q,"apiGroup":%q,"namespace":%q,"name":%q}`, s.Kind, s.APIGroup, s.Namespace, s.Name))
	}
	back := fmt.Sprintf(`{"subjects":[%s]}`, strings.Join(subjects, ","))
	mend, err := i.undo.broken("role", fmt.Sprintf("kubectl patch clusterrolebinding %s --type=merge --request-timeout=10s -p '%s'", name, back))
	if err != nil {
		return "", err
	}
	_, err = i.k.clientset.RbacV1().ClusterRoleBindings().Patch(ctx, name, types.MergePatchType, []byte(`{"subjects":[]}`), metav1.PatchOptions{})
	if err == nil {
		wait(ctx, d)
	}
	return fmt.Sprintf("403 to most requests of the service for %.1f s", d.Seconds()), errors.Join(err, mend(ctx))
}
