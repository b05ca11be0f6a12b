package triggers_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"knative.dev/pkg/apis"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/internal/kube/convert"
	"github.com/countersign-dev/countersign/internal/kube/gate"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
	"github.com/countersign-dev/countersign/internal/kube/pipelinerun"
	"github.com/countersign-dev/countersign/internal/kube/servicetest"
	"github.com/countersign-dev/countersign/internal/tekton"
)

func TestTranslate(t *testing.T) {
	t.Parallel()
	gr, gk := servicetest.ApprovalsResource, schema.GroupKind{Kind: "Approval"}
	for name, c := range map[string]struct {
		err  error
		want approvals.Code
	}{
		"nil":              {nil, ""},
		"not found":        {apierrors.NewNotFound(gr, "a"), approvals.CodeNotFound},
		"conflict":         {apierrors.NewConflict(gr, "a", errors.New("x")), approvals.CodeConflict},
		"invalid":          {apierrors.NewInvalid(gk, "a", nil), approvals.CodeInvalid},
		"bad request":      {apierrors.NewBadRequest("x"), approvals.CodeInvalid},
		"too large":        {apierrors.NewRequestEntityTooLargeError("x"), approvals.CodeInvalid},
		"forbidden":        {apierrors.NewForbidden(gr, "a", errors.New("x")), approvals.CodeUnavailable},
		"not served yet":   {apierrors.NewGenericServerResponse(404, "get", gr, "a", "404 page not found", 0, true), approvals.CodeUnavailable},
		"unauthorized":     {apierrors.NewUnauthorized("x"), approvals.CodeUnavailable},
		"timeout":          {apierrors.NewTimeoutError("x", 1), approvals.CodeUnavailable},
		"server timeout":   {apierrors.NewServerTimeout(gr, "get", 1), approvals.CodeUnavailable},
		"throttled":        {apierrors.NewTooManyRequestsError("x"), approvals.CodeUnavailable},
		"internal":         {apierrors.NewInternalError(errors.New("x")), approvals.CodeUnavailable},
		"our own deadline": {fmt.Errorf("get: %w", context.DeadlineExceeded), approvals.CodeUnavailable},
		"not reached":      {errors.New("dial tcp 10.0.0.1:443: connection refused"), approvals.CodeUnavailable},
		"gone":             {apierrors.NewResourceExpired("x"), approvals.CodeInternal},
	} {
		err := kubeutil.Translate(c.err, "approval prod/a")
		if approvals.CodeOf(err) != c.want {
			t.Errorf("%s: %v is %s, want %s", name, err, approvals.CodeOf(err), c.want)
		}
		if strings.Contains(approvals.Message(err), "10.0.0.1") {
			t.Errorf("%s: people are told %q", name, approvals.Message(err))
		}
	}
}

func TestSource(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", pipelinerun.MaxLabelValue+1)
	pr := &pipelinev1.PipelineRun{}
	pr.Namespace, pr.Name, pr.UID = "prod", "plan-1", "run-1"
	pr.CreationTimestamp = metav1.NewTime(ct.T0.In(time.Local))
	pr.Labels = map[string]string{"team": "sre", "long": long, "kubectl.kubernetes.io/x": "y", "tekton.dev/pipeline": "by-label"}
	pr.Annotations = map[string]string{tekton.RequesterAnnotation: "zoe", "kubectl.kubernetes.io/last-applied-configuration": "{}"}
	pr.Spec.Params = pipelinev1.Params{
		{Name: "s", Value: *pipelinev1.NewStructuredValues("text")},
		{Name: "a", Value: *pipelinev1.NewStructuredValues("x", "y")},
		{Name: "o", Value: *pipelinev1.NewObject(map[string]string{"k": "v"})},
	}
	pr.Spec.Workspaces = []pipelinev1.WorkspaceBinding{
		{Name: "mine", PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "pvc-1"}},
		{Name: "made", VolumeClaimTemplate: &corev1.PersistentVolumeClaim{}},
		{Name: "none", EmptyDir: &corev1.EmptyDirVolumeSource{}},
	}
	pr.Status.Results = []pipelinev1.PipelineRunResult{{Name: "digest", Value: *pipelinev1.NewStructuredValues("sha256:abc")}}
	end := metav1.NewTime(ct.T0.Add(1500 * time.Millisecond).In(time.Local))
	pr.Status.CompletionTime = &end
	got := pipelinerun.SourceOf(approvals.After{InlineRun: "plan"}, "prod", pr)
	if len(got.Claims) != 2 || got.Claims[0].Value != "pvc-1" || !strings.HasPrefix(got.Claims[1].Value, "pvc-") || got.Claims[1].Name != "made" {
		t.Errorf("claims %v", got.Claims)
	}
	got.Claims = nil
	want := approvals.Source{
		Run:    &approvals.Run{Name: "plan-1", UID: "run-1", Pipeline: "plan", Inline: true, At: ct.T0.Add(time.Second)},
		Params: []approvals.Param{{Name: "s", Value: "text"}, {Name: "a", Value: `["x","y"]`}, {Name: "o", Value: `{"k":"v"}`}}, Results: []approvals.Param{{Name: "digest", Value: "sha256:abc"}},
		Labels: map[string]string{"team": "sre", "tekton.dev/pipeline": "by-label"}, Annotations: map[string]string{tekton.RequesterAnnotation: "zoe"}, Requester: "zoe",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	pr.Spec.PipelineRef = &pipelinev1.PipelineRef{Name: "by-ref"}
	pr.Status.CompletionTime = nil
	if pipelinerun.PipelineOf(pr) != "by-ref" || !pipelinerun.EndOf(pr).Equal(ct.T0) {
		t.Errorf("pipeline %s, end %s", pipelinerun.PipelineOf(pr), pipelinerun.EndOf(pr))
	}
	for i := range 300 {
		pr.Spec.Params = append(pr.Spec.Params, pipelinev1.Param{Name: fmt.Sprint(i)})
		pr.Labels[fmt.Sprint(i)] = "x"
	}
	if s := pipelinerun.SourceOf(approvals.After{}, "prod", pr); len(s.Params) != pipelinerun.MaxParams || len(s.Labels) != pipelinerun.MaxLabels {
		t.Errorf("%d params and %d labels", len(s.Params), len(s.Labels))
	}
}

func TestSucceeded(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status corev1.ConditionStatus
		reason string
		want   bool
	}{
		"succeeded": {corev1.ConditionTrue, "Succeeded", true}, "with skipped tasks": {corev1.ConditionTrue, "Completed", true},
		"failed": {corev1.ConditionFalse, "Failed", false}, "cancelled": {corev1.ConditionFalse, "Cancelled", false}, "runs": {corev1.ConditionUnknown, "Running", false},
	} {
		pr := &pipelinev1.PipelineRun{}
		pr.Status.SetCondition(&apis.Condition{Type: apis.ConditionSucceeded, Status: c.status, Reason: c.reason})
		if got := pipelinerun.Succeeded(pr); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
	if pipelinerun.Succeeded(&pipelinev1.PipelineRun{}) {
		t.Error("a run without a condition has succeeded")
	}
}

func TestSecrets(t *testing.T) {
	t.Parallel()
	s := &corev1.Secret{Data: map[string][]byte{"token": []byte("one"), "empty": {}}}
	s.Namespace, s.Name = "prod", "hub"
	c := servicetest.NewCluster(t, s)
	now, reads := ct.T0, 0
	c.Fail(func(string, runtime.Object) error { reads++; return nil })
	secrets := &gate.Secrets{Live: c, Now: func() time.Time { return now }, ServiceAccount: "countersign:countersign"}
	get := func(name, key string) (string, error) {
		v, err := secrets.Get(t.Context(), "prod", approvals.SecretRef{Name: name, Key: key})
		return string(v), err
	}
	for range 3 {
		if v, err := get("hub", "token"); v != "one" || err != nil {
			t.Errorf("%q, %v", v, err)
		}
	}
	if reads != 1 {
		t.Errorf("%d reads", reads)
	}
	s.Data["token"] = []byte("two")
	if err := c.Update(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	now = now.Add(gate.SecretTTL)
	if v, _ := get("hub", "token"); v != "two" {
		t.Errorf("%q after it was rotated", v)
	}
	for _, ref := range [][2]string{{"hub", "nope"}, {"hub", "empty"}, {"nope", "token"}} {
		if v, err := get(ref[0], ref[1]); approvals.CodeOf(err) != approvals.CodeNotFound || v != "" || !strings.Contains(approvals.Message(err), "secret prod/"+ref[0]) {
			t.Errorf("%v: %q, %v", ref, v, err)
		}
	}
	c.Fail(func(string, runtime.Object) error {
		return apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "hub", errors.New("no"))
	})
	_, err := get("hub", "other")
	for _, want := range []string{"may not read secret prod/hub", "kubectl -n prod create role countersign-signing --verb=get --resource=secrets --resource-name=hub", "--serviceaccount=countersign:countersign"} {
		if approvals.CodeOf(err) != approvals.CodeForbidden || !strings.Contains(approvals.Message(err), want) {
			t.Errorf("%v lacks %q", err, want)
		}
	}
}

func TestInlinePolicy(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		`{"approvers":{"users":[{"name":"alice"}]}}`:                          "",
		`{"approvers":{"groups":["sre"]},"strategy":"QUORUM","required":2}`:   "",
		`{"approvers":{"users":[{"name":"alice"}]},"releaseOn":["Rejected"]}`: "",
		`{}`:                                    "has no approvers",
		`{"approvers":{"users":[{"name":""}]}}`: "without a name",
		`{"approvers":{"users":[{"name":"alice"}]},"aprovers":1}`:                     "unknown field",
		`{"approvers":{"users":[{"name":"alice"}]},"strategy":"single"}`:              "use SINGLE, MULTI, FOUR_EYES or QUORUM",
		`{"approvers":{"users":[{"name":"alice"}]},"expiresAfter":"soon"}`:            "expiresAfter 0s",
		`{"approvers":{"users":[{"name":"alice"}]},"keepFor":"soon"}`:                 "a keepFor that is not a duration",
		`{"approvers":{"users":[{"name":"alice"}]},"releaseOn":["Cancelled"]}`:        `releaseOn has "Cancelled"`,
		`{"approvers":{"users":[{"name":"alice"}]},"strategy":"QUORUM","required":2}`: "the number of distinct people it lists is 1",
		`{"approvers":{"users":"alice"}}`:                                             "cannot unmarshal",
	} {
		p, err := gate.InlinePolicy([]byte(raw))
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", raw, err, want)
		}
		if err == nil && p.Gate != approvals.InlineGate {
			t.Errorf("%s: gate %q", raw, p.Gate)
		}
	}
}

// TestToDomain: without the keys, the service's word that an object is not genuine
// is taken: nobody is shown resolved that nobody vouches for.
func TestToDomain(t *testing.T) {
	t.Parallel()
	o := &v1alpha1.Approval{Spec: v1alpha1.ApprovalSpec{Resolved: &v1alpha1.ResolvedSpec{Gate: "g"}}}
	if a := convert.Unverified(o); a.Resolved == nil || a.Blocked != nil {
		t.Errorf("%+v", a)
	}
	o.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: convert.SignatureInvalid, Message: "delete it"}}
	if a := convert.Unverified(o); a.Resolved != nil || a.Blocked == nil || a.Blocked.Message != "delete it" {
		t.Errorf("%+v", a)
	}
}
