package gate_test

import (
	"errors"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/internal/golden"
	"github.com/countersign-dev/countersign/internal/kube/gate"
	"github.com/countersign-dev/countersign/internal/kube/servicetest"
)

func TestSecrets(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
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
		v, err := get(ref[0], ref[1])
		if approvals.CodeOf(err) != approvals.CodeNotFound || v != "" {
			t.Errorf("%v: %q, %v", ref, v, err)
		}
		said.Check(t, ref[0]+" "+ref[1], approvals.Message(err))
	}
	c.Fail(func(string, runtime.Object) error {
		return apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "hub", errors.New("no"))
	})
	_, err := get("hub", "other")
	if approvals.CodeOf(err) != approvals.CodeForbidden {
		t.Errorf("without the right: %v", err)
	}
	said.Check(t, "without the right", approvals.Message(err))
}

func TestInlinePolicy(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	for raw, refused := range map[string]bool{
		`{"approvers":{"users":[{"name":"alice"}]}}`:                          false,
		`{"approvers":{"groups":["sre"]},"strategy":"QUORUM","required":2}`:   false,
		`{"approvers":{"users":[{"name":"alice"}]},"releaseOn":["Rejected"]}`: false,
		`{}`:                                    true,
		`{"approvers":{"users":[{"name":""}]}}`: true,
		`{"approvers":{"users":[{"name":"alice"}]},"aprovers":1}`:                     true,
		`{"approvers":{"users":[{"name":"alice"}]},"strategy":"single"}`:              true,
		`{"approvers":{"users":[{"name":"alice"}]},"expiresAfter":"soon"}`:            true,
		`{"approvers":{"users":[{"name":"alice"}]},"keepFor":"soon"}`:                 true,
		`{"approvers":{"users":[{"name":"alice"}]},"releaseOn":["Cancelled"]}`:        true,
		`{"approvers":{"users":[{"name":"alice"}]},"strategy":"QUORUM","required":2}`: true,
		`{"approvers":{"users":"alice"}}`:                                             true,
	} {
		p, err := gate.InlinePolicy([]byte(raw))
		if (err != nil) != refused {
			t.Errorf("%s: %v, refused should be %t", raw, err, refused)
		}
		if err != nil {
			said.Check(t, raw, err.Error())
		}
		if err == nil && p.Gate != approvals.InlineGate {
			t.Errorf("%s: gate %q", raw, p.Gate)
		}
	}
}
