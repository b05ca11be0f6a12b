package approvals

import "errors"

// Lean says what was left out of an Approval where thousands are kept in memory: what people
// and pipelines wrote, and may be large. Its state, its policy and who voted how are there,
// so rules, lists and queues read it as any other. The zero value leaves out nothing.
type Lean struct {
	// Values: params, results, inputs, labels, annotations, references, and of an event its
	// body, headers and what other interceptors said. A long Key is in its short form.
	Values bool
	Words  bool // comments, and the inputs of votes
	Claims bool // the claims of part 1
}

// Any reports whether anything was left out.
func (l Lean) Any() bool { return l != Lean{} }

// MarshalJSON refuses: no digest, no signature and no answer is made of what is not whole.
func (Lean) MarshalJSON() ([]byte, error) { return nil, errors.New("approvals: " + notWhole) }

const notWhole = "the service used an approval that it had read without all values, which is a bug; nothing was changed"

// Whole says why nothing may be made of s, or nil: values were left out of it. What asks has
// a fault, and reads the Approval whole the next time it is asked.
func (s Source) Whole() error {
	if s.Lean.Any() {
		return Errorf(CodeUnavailable, notWhole)
	}
	return nil
}

// maxLineKey is the longest key that is compared as it is; a digest in hex is as long.
const maxLineKey = 64

// LineKey is the short form of what a Gate's supersedeKey gave. Two keys are one where their
// short forms are. That of a short form is itself.
func LineKey(key string) string {
	if len(key) <= maxLineKey {
		return key
	}
	return Digest("key", key)
}

// Size returns the bytes of e that the sender chose.
func (e Event) Size() int {
	n := len(e.Body) + len(e.Extensions) + len(e.URL)
	for _, h := range e.Headers {
		n += len(h.Name) + len(h.Value)
	}
	return n
}

// Size is about how many bytes of a are values that people and pipelines wrote.
func (a Approval) Size() int {
	n := 0
	add := func(lists ...[]Param) {
		for _, ps := range lists {
			for _, p := range ps {
				n += len(p.Name) + len(p.Value)
			}
		}
	}
	add(a.Source.Params, a.Source.Results, a.Source.Claims, a.Results, a.Inputs)
	for _, m := range []map[string]string{a.Source.Labels, a.Source.Annotations} {
		for k, v := range m {
			n += len(k) + len(v)
		}
	}
	if e := a.Source.Event; e != nil {
		n += e.Size()
	}
	if a.Resolved != nil {
		add(a.Resolved.Params)
	}
	for _, v := range a.Votes {
		n += len(v.Comment)
		add(v.Inputs)
	}
	return n
}
