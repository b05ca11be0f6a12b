package pipelinerun

import (
	"maps"
	"slices"
	"strings"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"

	"github.com/countersign-dev/countersign/approvals"
)

// OriginOf says what a run ran. Its labels, annotations and name are its maker's
// word and are not looked at. The reference in its spec is the API server's: Tekton
// refuses a run with both a reference and a pipeline of its own, and any change once
// it has started. What a resolver fetched is Tekton's record in the run's status,
// which its maker may not write.
func OriginOf(pr *pipelinev1.PipelineRun) approvals.RunOrigin {
	o := approvals.RunOrigin{Namespace: pr.Namespace}
	ref := pr.Spec.PipelineRef
	switch {
	case ref == nil:
		o.Inline, o.Names = true, []string{pr.Name}
		if made := strings.TrimRight(pr.GenerateName, "-"); made != "" {
			o.Names = append(o.Names, made)
		}
	case ref.Resolver == "":
		o.Pipeline, o.PipelineNamespace = ref.Name, pr.Namespace
	default:
		resolved(&o, pr)
	}
	return o
}

const serverURL = "serverURL"

// resolved adds what Tekton recorded of a reference that a resolver followed.
func resolved(o *approvals.RunOrigin, pr *pipelinev1.PipelineRun) {
	p := pr.Status.Provenance
	if p == nil || p.RefSource == nil {
		return
	}
	ref := pr.Spec.PipelineRef
	// The git resolver believes the address that an SCM's API tells it, and the run's
	// maker may have named the SCM.
	if slices.ContainsFunc(ref.Params, func(p pipelinev1.Param) bool { return p.Name == serverURL }) {
		return
	}
	src := p.RefSource
	o.URI, o.EntryPoint = src.URI, src.EntryPoint
	for _, alg := range slices.Sorted(maps.Keys(src.Digest)) {
		o.Digests = append(o.Digests, alg+":"+src.Digest[alg])
	}
	if ref.Resolver == "cluster" {
		o.PipelineNamespace, o.Pipeline = pipelineAt(src.URI)
	}
}

// pipelineAt reads the address that the cluster resolver records of a Pipeline:
// /apis/tekton.dev/v1/namespaces/NAMESPACE/pipeline/NAME@UID.
func pipelineAt(uri string) (namespace, name string) {
	parts := strings.Split(uri, "/")
	if len(parts) != 8 || parts[0] != "" || parts[1] != "apis" || parts[2] != "tekton.dev" || parts[4] != "namespaces" || parts[6] != "pipeline" {
		return "", ""
	}
	name, _, ok := strings.Cut(parts[7], "@")
	if !ok {
		return "", ""
	}
	return parts[5], name
}

// runFor is pr as the part-1 run of an Approval that after waits for in namespace
// home.
func runFor(after approvals.After, home string, pr *pipelinev1.PipelineRun) *approvals.Run {
	o := OriginOf(pr)
	r := &approvals.Run{Name: pr.Name, UID: string(pr.UID), At: EndOf(pr)}
	switch {
	case o.Inline:
		r.Inline, r.Pipeline = true, after.InlineRun
		if r.Pipeline == "" {
			r.Pipeline = pr.Name
		}
	case o.Pipeline != "":
		r.Pipeline = o.Pipeline
	default:
		r.Pipeline = approvals.Cut(o.EntryPoint, 253)
		if r.Pipeline == "" {
			r.Pipeline = approvals.Cut(o.URI, 253)
		}
	}
	if o.URI != "" {
		r.From = approvals.Cut(strings.Join(append([]string{o.URI}, o.Digests...), " "), 1024)
	}
	if pr.Namespace != home {
		r.Namespace = pr.Namespace
	}
	return r
}
