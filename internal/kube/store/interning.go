package store

import (
	"cmp"
	"reflect"
	"sync"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
)

// Sharing has Approvals of the cache share what is the same in all of a Trigger: the Gate as
// it stood, names, reasons. Ten thousand that wait are one Gate ten thousand times over. What
// is read from the cache is nobody's to change anyhow. What is large is left out (lean.go).
type Sharing struct {
	// Keep is how much of an Approval's values is kept; 0: as much as is good.
	Keep int

	mu       sync.Mutex
	policies map[string]*v1alpha1.GateSpec
	texts    map[string]string
}

const (
	// What is remembered for sharing is bounded; past it remembering begins again, and what
	// is not shared costs its own memory.
	maxPolicies    = 1024
	maxTexts       = 8192
	maxSharedBytes = 256 // of a text: what is longer is not often the same
)

// Approval is a transform of an informer.
func (s *Sharing) Approval(obj any) (any, error) {
	o, ok := obj.(*v1alpha1.Approval)
	if !ok {
		return obj, nil
	}
	// Nothing here reads what others may have put there.
	o.ManagedFields, o.Labels, o.Annotations, o.OwnerReferences = nil, nil, nil, nil
	leave(o, cmp.Or(s.Keep, kubeutil.MaxKept))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text(&o.Namespace, &o.Spec.Trigger, &o.Kind, &o.APIVersion)
	for i := range o.Finalizers {
		s.text(&o.Finalizers[i])
	}
	s.source(&o.Spec.Source)
	if t := o.Spec.Resolved; t != nil {
		s.text(&t.Gate, &t.PolicySource, &t.Requester, &t.TemplateDigest, &t.SupersedeKey)
		s.params(t.Params)
		t.Policy = s.policy(o.Namespace+"/"+t.Gate+"/"+o.Spec.Trigger, t.Policy)
	}
	for i := range o.Status.Conditions {
		c := &o.Status.Conditions[i]
		s.text(&c.Type, &c.Reason, &c.Message, (*string)(&c.Status))
	}
	for i := range o.Status.Notifications {
		n := &o.Status.Notifications[i]
		s.text(&n.Event, &n.Channel, &n.Recipient)
	}
	for i := range o.Status.Votes {
		v := &o.Status.Votes[i]
		s.text(&v.Voter, &v.DisplayName, (*string)(&v.Verdict), &v.AuthMethod, &v.OnBehalfOf, &v.Address)
		for j := range v.Groups {
			s.text(&v.Groups[j])
		}
	}
	for i := range o.Status.Discussion {
		c := &o.Status.Discussion[i]
		s.text(&c.By, &c.DisplayName, &c.AuthMethod, &c.Address)
	}
	return o, nil
}

func (s *Sharing) source(from *v1alpha1.Source) {
	if r := from.PipelineRun; r != nil {
		s.text(&r.Pipeline)
		s.params(r.Params)
		s.params(r.Results)
	}
	if e := from.Event; e != nil {
		s.text(&e.URL, &e.VerifiedBy)
		s.params(e.Headers)
		for i := range e.Headers {
			s.text(&e.Headers[i].Value)
		}
	}
	if t := from.CustomRun; t != nil {
		s.params(t.Params)
	}
}

// params share their names.
func (s *Sharing) params(ps []v1alpha1.Param) {
	for i := range ps {
		s.text(&ps[i].Name)
	}
}

// text has each of fields be the one text that says the same.
func (s *Sharing) text(fields ...*string) {
	for _, f := range fields {
		if *f == "" || len(*f) > maxSharedBytes {
			continue
		}
		if known, ok := s.texts[*f]; ok {
			*f = known
			continue
		}
		if s.texts == nil || len(s.texts) >= maxTexts {
			s.texts = map[string]string{}
		}
		s.texts[*f] = *f
	}
}

// policy is p, or the one that is the same under key: the last one that was seen.
func (s *Sharing) policy(key string, p *v1alpha1.GateSpec) *v1alpha1.GateSpec {
	if known := s.policies[key]; known != nil && reflect.DeepEqual(known, p) {
		return known
	}
	if s.policies == nil || len(s.policies) >= maxPolicies {
		s.policies = map[string]*v1alpha1.GateSpec{}
	}
	s.policies[key] = p
	return p
}
