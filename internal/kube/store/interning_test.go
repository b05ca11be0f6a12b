package store

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-dev/countersign/api/v1alpha1"
)

// asRead is an Approval as an informer reads it, with memory of its own.
func asRead(t *testing.T, n int, required int32) *v1alpha1.Approval {
	t.Helper()
	raw := fmt.Sprintf(`{"metadata":{"namespace":"prod","name":"deploy-%d","managedFields":[{"manager":"x"}],"finalizers":["countersign.dev/record"]},
	  "spec":{"trigger":"deploy","source":{"event":{"digest":"d%[1]d","url":"/hook","headers":[{"name":"X-Event","value":"push"}],"body":"{\"n\":%[1]d}"}},
	    "resolved":{"gate":"gate","policy":{"approvers":{"users":[{"name":"alice"},{"name":"bob"}]},"required":%d},"digest":"t%[1]d","templateDigest":"same"}},
	  "status":{"conditions":[{"type":"Ready","status":"True","reason":"Resolved","message":""}]}}`, n, required)
	o := &v1alpha1.Approval{}
	if err := json.Unmarshal([]byte(raw), o); err != nil {
		t.Fatal(err)
	}
	return o
}

// What is the same in Approvals of a Trigger is in memory once, and what they say stays what
// it was, to the byte: the signature is over it.
func TestSharing(t *testing.T) {
	t.Parallel()
	s := &Sharing{}
	var all []*v1alpha1.Approval
	for n := range 3 {
		o := asRead(t, n, 1)
		before, err := json.Marshal(o.Spec)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := s.Approval(o); got != o || err != nil {
			t.Fatalf("%v, %v", got, err)
		}
		after, err := json.Marshal(o.Spec)
		if err != nil || string(after) != string(before) || len(o.ManagedFields) != 0 {
			t.Errorf("before %s\nafter  %s, %v", before, after, err)
		}
		all = append(all, o)
	}
	a, b := all[0], all[2]
	for what, p := range map[string][2]*string{
		"namespace": {&a.Namespace, &b.Namespace}, "trigger": {&a.Spec.Trigger, &b.Spec.Trigger}, "header": {&a.Spec.Source.Event.Headers[0].Value, &b.Spec.Source.Event.Headers[0].Value},
		"template": {&a.Spec.Resolved.TemplateDigest, &b.Spec.Resolved.TemplateDigest}, "reason": {&a.Status.Conditions[0].Reason, &b.Status.Conditions[0].Reason},
	} {
		if unsafe.StringData(*p[0]) != unsafe.StringData(*p[1]) {
			t.Errorf("%s is there twice", what)
		}
	}
	if a.Spec.Resolved.Policy.Approvers != b.Spec.Resolved.Policy.Approvers {
		t.Error("the Gate is there twice")
	}
	if a.Spec.Source.Event.Body == b.Spec.Source.Event.Body || a.Spec.Resolved.Digest == b.Spec.Resolved.Digest {
		t.Error("two say the same that did not")
	}
	changed := asRead(t, 4, 2)
	if _, err := s.Approval(changed); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(asRead(t, 4, 2).Spec, changed.Spec); d != "" || a.Spec.Resolved.Policy.Required != 1 {
		t.Errorf("of a Gate that was changed: %s", d)
	}
	if got, err := s.Approval("no approval"); got != "no approval" || err != nil {
		t.Errorf("%v, %v", got, err)
	}
}

// What is remembered for sharing is bounded, however many names a tenant makes up.
func TestSharingIsBounded(t *testing.T) {
	t.Parallel()
	s := &Sharing{}
	for n := range 3 * maxTexts {
		o := asRead(t, n, 1)
		o.Spec.Trigger, o.Spec.Resolved.Gate = fmt.Sprint("trigger-", n), fmt.Sprint("gate-", n)
		o.Spec.Source.Event.Headers[0].Value = strings.Repeat("x", 5000)
		if _, err := s.Approval(o); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.texts) > maxTexts || len(s.policies) > maxPolicies {
		t.Errorf("%d texts and %d Gates are remembered", len(s.texts), len(s.policies))
	}
	for text := range s.texts {
		if len(text) > maxSharedBytes {
			t.Fatalf("%d bytes are remembered as one text", len(text))
		}
	}
}
