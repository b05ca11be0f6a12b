package store_test

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/internal/kube/servicetest"
	"github.com/countersign-dev/countersign/internal/kube/store"
)

// TestSignatureStable: the signature that was made before the object went to the API server
// verifies over what comes back, in every time zone.
func TestSignatureStable(t *testing.T) {
	t.Parallel()
	s := &store.Store{Ring: servicetest.Ring}
	rapid.Check(t, func(t *rapid.T) {
		a := servicetest.AnyApproval.Draw(t, "approval")
		o := servicetest.ThroughAPI(t, servicetest.ThroughAPI(t, servicetest.ObjectOf(a)))
		if got := s.View(o); (got.Resolved == nil) != (a.Resolved == nil) {
			t.Fatalf("resolved %v of %v: %v", got.Resolved, a.Resolved, got.Blocked)
		}
	})
}

// TestSourceSignatureBreaks: what has no resolved yet gets none unless this service opened
// it as it stands.
func TestSourceSignatureBreaks(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change  func(*v1alpha1.Approval)
		genuine bool
	}{
		"nothing":               {func(*v1alpha1.Approval) {}, true},
		"status":                {func(o *v1alpha1.Approval) { o.Status.Outcome = "Rejected" }, true},
		"no signature":          {func(o *v1alpha1.Approval) { o.Spec.SourceSignature = "" }, false},
		"signature of nonsense": {func(o *v1alpha1.Approval) { o.Spec.SourceSignature = "%%%" }, false},
		"the signature of a whole": {func(o *v1alpha1.Approval) {
			o.Spec.SourceSignature = servicetest.ObjectOf(ct.Make("a").Obj()).Spec.Signature
		}, false},
		"another name":      {func(o *v1alpha1.Approval) { o.Name = "copy" }, false},
		"another namespace": {func(o *v1alpha1.Approval) { o.Namespace = "dev" }, false},
		"trigger":           {func(o *v1alpha1.Approval) { o.Spec.Trigger = "destroy" }, false},
		"part 1's result":   {func(o *v1alpha1.Approval) { o.Spec.Source.PipelineRun.Results[0].Value = "sha256:evil" }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := ct.Make("a").Unresolved(nil).Obj()
			cl := servicetest.NewCluster(t)
			o := servicetest.ObjectOf(a)
			c.change(o)
			if err := cl.Create(t.Context(), o); err != nil {
				t.Fatal(err)
			}
			key := approvals.Key{Namespace: o.Namespace, Name: o.Name}
			got, err := cl.Store().Get(t.Context(), key)
			if err != nil || (got.Blocked == nil) != c.genuine {
				t.Errorf("blocked %v, %v; genuine is to be %t", got.Blocked, err, c.genuine)
			}
			err = cl.Opener(t).SetResolved(t.Context(), key, ct.Make("a").Obj().Resolved)
			if (err == nil) != c.genuine || (!c.genuine && approvals.CodeOf(err) != approvals.CodeForbidden) {
				t.Errorf("set resolved: %v", err)
			}
			if got, err = cl.Store().Get(t.Context(), key); err != nil || (got.Resolved != nil) != c.genuine {
				t.Errorf("resolved %v, %v", got.Resolved, err)
			}
		})
	}
}

// TestSignatureCache: what verified is not verified again, until its spec or the
// keys change.
func TestSignatureCache(t *testing.T) {
	t.Parallel()
	s := &store.SignatureCache{}
	o := servicetest.ObjectOf(ct.Make("a").Obj())
	check := func(ring keyring.Ring, o *v1alpha1.Approval) bool { _, ok := s.Check(ring, o); return ok }
	if !check(servicetest.TestRing, o) || s.Known[o.UID].Generation != o.Generation {
		t.Fatalf("known %v", s.Known)
	}
	forged := o.DeepCopy()
	forged.Spec.Trigger, forged.Generation = "other", 2
	if check(servicetest.TestRing, forged) {
		t.Error("another spec is taken for the one that verified")
	}
	other := keyring.Ring{{Secret: bytes.Repeat([]byte{1}, keyring.Size)}}
	if check(other, o) || check(nil, o) {
		t.Error("it verifies with keys that did not sign it")
	}
	if !check(servicetest.TestRing, o) {
		t.Error("it does not verify when its key is back")
	}
}

// TestSignatureBreaks: any change of what is approved, or of where, takes the resolved
// away.
func TestSignatureBreaks(t *testing.T) {
	t.Parallel()
	newer := keyring.Key{Secret: bytes.Repeat([]byte{1}, keyring.Size)}
	for name, c := range map[string]struct {
		change  func(*v1alpha1.Approval)
		ring    keyring.Ring
		genuine bool
	}{
		"nothing":                {genuine: true},
		"keys rotated":           {ring: keyring.Ring{newer, servicetest.TestRing[0]}, genuine: true},
		"status":                 {change: func(o *v1alpha1.Approval) { o.Status.Outcome = "Rejected" }, genuine: true},
		"labels":                 {change: func(o *v1alpha1.Approval) { o.Labels = map[string]string{"a": "b"} }, genuine: true},
		"its key is gone":        {ring: keyring.Ring{newer}},
		"no keys":                {ring: keyring.Ring{}},
		"no signature":           {change: func(o *v1alpha1.Approval) { o.Spec.Signature = "" }},
		"the source's signature": {change: func(o *v1alpha1.Approval) { o.Spec.Signature = o.Spec.SourceSignature }},
		"late":                   {change: func(o *v1alpha1.Approval) { o.Spec.Resolved.ResolvedAt = &o.CreationTimestamp }},
		"signature of nonsense":  {change: func(o *v1alpha1.Approval) { o.Spec.Signature = "%%%" }},
		"another name":           {change: func(o *v1alpha1.Approval) { o.Name = "copy" }},
		"another namespace":      {change: func(o *v1alpha1.Approval) { o.Namespace = "dev" }},
		"trigger":                {change: func(o *v1alpha1.Approval) { o.Spec.Trigger = "destroy" }},
		"an approver":            {change: func(o *v1alpha1.Approval) { o.Spec.Resolved.Policy.Approvers.Users[0].Name = "mallory" }},
		"an approver's mail":     {change: func(o *v1alpha1.Approval) { o.Spec.Resolved.Policy.Approvers.Users[0].Email = "m@example.com" }},
		"a group":                {change: func(o *v1alpha1.Approval) { o.Spec.Resolved.Policy.Approvers.Groups = []string{"system:authenticated"} }},
		"required":               {change: func(o *v1alpha1.Approval) { o.Spec.Resolved.Policy.Required = 2 }},
		"strategy":               {change: func(o *v1alpha1.Approval) { o.Spec.Resolved.Policy.Strategy = "QUORUM" }},
		"requester":              {change: func(o *v1alpha1.Approval) { o.Spec.Resolved.Requester = "x" }},
		"requester rule":         {change: func(o *v1alpha1.Approval) { o.Spec.Resolved.Policy.Requester = "Allow" }},
		"life":                   {change: func(o *v1alpha1.Approval) { o.Spec.Resolved.Policy.ExpiresAfter = "2160h" }},
		"what it releases on":    {change: func(o *v1alpha1.Approval) { o.Spec.Resolved.Policy.ReleaseOn = []v1alpha1.ReleasingOutcome{"Expired"} }},
		"a result": {change: func(o *v1alpha1.Approval) {
			o.Spec.Resolved.Policy.Results = []v1alpha1.Expression{{Name: "a", Expression: "1"}}
		}},
		"signing secret": {change: func(o *v1alpha1.Approval) {
			o.Spec.Resolved.Policy.SigningSecret = &v1alpha1.SigningSecret{Name: "s", Key: "k"}
		}},
		"what is shown":   {change: func(o *v1alpha1.Approval) { o.Spec.Resolved.Policy.Show = []string{"other"} }},
		"a param":         {change: func(o *v1alpha1.Approval) { o.Spec.Resolved.Params[0].Value = "sha256:evil" }},
		"digest":          {change: func(o *v1alpha1.Approval) { o.Spec.Resolved.Digest = "x" }},
		"template":        {change: func(o *v1alpha1.Approval) { o.Spec.Resolved.TemplateDigest = "x" }},
		"gate":            {change: func(o *v1alpha1.Approval) { o.Spec.Resolved.Gate = "lenient" }},
		"part 1":          {change: func(o *v1alpha1.Approval) { o.Spec.Source.PipelineRun.UID = "run-2" }},
		"part 1's result": {change: func(o *v1alpha1.Approval) { o.Spec.Source.PipelineRun.Results[0].Value = "sha256:evil" }},
		"a claim": {change: func(o *v1alpha1.Approval) {
			o.Spec.Source.PipelineRun.Claims = []v1alpha1.Param{{Name: "ws", Value: "theirs"}}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := servicetest.ThroughAPI(t, servicetest.ObjectOf(ct.Make("a").Obj()))
			if c.change != nil {
				c.change(o)
			}
			s := &store.Store{Ring: servicetest.Ring}
			if c.ring != nil {
				s.Ring = func() keyring.Ring { return c.ring }
			}
			got := s.View(o)
			if (got.Resolved != nil) != c.genuine || c.genuine != (got.Blocked == nil) {
				t.Fatalf("resolved %v, blocked %v; genuine is to be %t", got.Resolved, got.Blocked, c.genuine)
			}
			if _, _, err := approvals.Cast(got, ct.Ballot("alice", approvals.Approve, ""), ct.T0); c.genuine == (approvals.CodeOf(err) == approvals.CodeNotReady) && o.Status.Outcome != "Rejected" {
				t.Errorf("vote: %v", err)
			}
			if got.ToRelease() {
				t.Error("it would be released")
			}
		})
	}
}
