package templates

import (
	"slices"

	"github.com/countersign-dev/countersign/approvals"
)

// ContentView has the approved params and digests, and the results and params of the first run.
type ContentView struct {
	Params   Table // forwarded
	Results  Table // of the first run, without what Evidence shows
	Inputs   Table // the params of the first run
	Digest   Short
	Template Short
	// References have the digests of objects that the run refers to by name. The digest is compared
	// again before the run starts.
	References []ReferenceView
}

// ReferenceView is something that the run refers to by name, as it was approved.
type ReferenceView struct {
	What   string
	Digest Short
}

func newContent(d Data, r reader, forwarded, source *room) ContentView {
	s := d.Approval.Source
	v := ContentView{Results: newTable(plain(slices.DeleteFunc(slices.Clone(s.Results), func(p approvals.Param) bool {
		return slices.ContainsFunc(d.Shown, func(x approvals.Param) bool { return x.Name == p.Name })
	})), r, source)}
	v.Inputs = newTable(s.Params, r, source)
	t := d.Approval.Resolved
	if t == nil {
		return v
	}
	v.Params = newTable(t.Params, r, forwarded)
	v.Digest, v.Template = newShort(t.Digest), newShort(t.TemplateDigest)
	for _, x := range t.References {
		v.References = append(v.References, ReferenceView{What: line(x.String()), Digest: newShort(x.Digest)})
	}
	return v
}
