package split

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/util/validation"
)

// longest is the most bytes of a name, where Tekton takes fewer than Kubernetes: an
// EventListener's service has a prefix, and the others are values of labels.
var longest = map[string]int{"EventListener": 60, "Gate": 253}

// named refuses names that a cluster would not take, and objects that would be written over
// what the text has already: that is somebody's own, and would be gone without a word.
func (g *dataFlow) named(docs []*yaml.Node, o Options) {
	bad := map[string]bool{} // once for all objects of a part
	for _, d := range docs {
		kind, n := text(field(d, "kind")), name(field(d, "metadata"))
		if n == "" {
			continue // a run that the API server names
		}
		most := longest[kind]
		if most == 0 {
			most = validation.DNS1123LabelMaxLength
		}
		if why := validation.IsDNS1123Subdomain(n); len(why) > 0 && !bad[n] {
			g.rs.refuse(g.root.Line, "a cluster would refuse the name of %s %s: %s", kind, n, why[0])
			bad[n] = true
		} else if len(n) > most && !bad[n] {
			g.rs.refuse(g.root.Line, "Tekton would refuse the %s %s: its name has %d bytes and the limit is %d: give the pipeline a shorter one", kind, n, len(n), most)
			bad[n] = true
		}
		if is := g.there(d); is != nil {
			g.rs.refuse(is.Line, "%s %s is already in the input, and would be overwritten: %s", kind, n, remedy(kind))
		}
	}
	if o.Account != "" && len(validation.IsDNS1123Subdomain(o.Account)) > 0 {
		g.rs.refuse(g.root.Line, "--listener %s: no ServiceAccount can have that name", o.Account)
	}
	if ns := g.typed.Namespace; ns != "" && len(validation.IsDNS1123Label(ns)) > 0 {
		g.rs.refuse(g.root.Line, "no namespace can be called %q", ns)
	}
}

// there returns the object of the text that applying d would overwrite, nil for none.
func (g *dataFlow) there(d *yaml.Node) *yaml.Node {
	for _, o := range g.others {
		if o = o.Content[0]; sameObject(o, d) {
			return o
		}
	}
	return nil
}

// sameObject reports whether two objects are one in a cluster. Where one says no namespace it
// may be in the other's.
func sameObject(a, b *yaml.Node) bool {
	of := func(n *yaml.Node) (group, kind, is, namespace string) {
		group, _, _ = strings.Cut(text(field(n, "apiVersion")), "/")
		meta := field(n, "metadata")
		return group, text(field(n, "kind")), name(meta), text(field(meta, "namespace"))
	}
	groupA, kindA, nameA, nsA := of(a)
	groupB, kindB, nameB, nsB := of(b)
	return groupA == groupB && kindA == kindB && nameA == nameB && (nsA == nsB || nsA == "" || nsB == "")
}

// remedy has what to do about an object of a kind that exists already.
func remedy(kind string) string {
	switch kind {
	case "EventListener":
		return "rename it, or leave --listener out and add the new Triggers to its list"
	case "Gate":
		return "rename it, or name it in the approval task, with param gate, if it is to decide"
	}
	return "rename it, or the pipeline; if a split wrote it, cut the pipeline alone"
}

// gateHere is a Gate that the text has, nil for none.
func (g *dataFlow) gateHere(n string) *yaml.Node {
	meta := dict("name", n)
	if g.typed.Namespace != "" {
		put(meta, "namespace", str(g.typed.Namespace))
	}
	return g.there(dict("apiVersion", gateVersion, "kind", "Gate", "metadata", meta))
}

// needs returns the fields that the Gate which the task names must have, without those that it is
// seen to have: only a Gate in the same text can be looked at.
func (g *dataFlow) needs(a *task, x gate) []string {
	here := g.gateHere(x.name)
	spec := field(here, "spec")
	var out []string
	var on []string
	for _, o := range items(field(spec, "releaseOn")) {
		on = append(on, o.Value)
	}
	if x.rejected && !slices.Contains(on, "Rejected") {
		out = append(out, "releaseOn: [Approved, Rejected]")
	}
	if text(field(spec, "resultsPreset")) != a.kind.Name && g.reads(a) {
		out = append(out, "resultsPreset: "+a.kind.Name)
	}
	return out
}

// reads reports whether anything reads what a gives, other than what every Approval gives.
func (g *dataFlow) reads(a *task) bool {
	return slices.ContainsFunc(slices.Concat(g.order, g.finally), func(t *task) bool {
		return slices.ContainsFunc(t.refs, func(r reference) bool {
			return r.of == "tasks" && r.name == a.Name && r.field == "results" && !slices.Contains([]string{"decision", "comment", "approvedBy", "rejectedBy"}, r.result)
		})
	})
}
