package gate_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/internal/kube/gate"
	"github.com/countersign-dev/countersign/internal/kube/servicetest"
)

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
