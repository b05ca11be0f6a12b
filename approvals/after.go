package approvals

import (
	"fmt"
	"slices"
	"strings"
)

// After says of which runs a success is held: by what they ran, never by what their
// maker called them. The zero value is of none, and every event is held.
type After struct {
	// Pipeline is the name of a Pipeline that the run refers to.
	Pipeline string
	// PipelineNamespace is where that Pipeline is, for runs that get it by Tekton's
	// resolver "cluster"; "" for a Pipeline of the run's own namespace.
	PipelineNamespace string
	// URI and EntryPoint are where Tekton got the run's pipeline by another resolver,
	// as it recorded that in the run's status. Digest, if any, is of the content:
	// ALGORITHM:HEX.
	URI, EntryPoint, Digest string
	// InlineRun is the name of runs that bring a pipeline of their own, or what their
	// names are generated from. Anyone who may make runs may make one of that name.
	InlineRun string
	// Namespace is where the runs are; "" is the Trigger's own namespace.
	Namespace string
}

// IsZero reports whether a is empty: the Trigger holds events, and waits for no run.
func (a After) IsZero() bool { return a == After{} }

// String names in a few words what is waited for.
func (a After) String() string {
	var s string
	switch {
	case a.InlineRun != "":
		s = "inline run " + a.InlineRun
	case a.URI != "":
		s = "the pipeline " + strings.TrimPrefix(a.EntryPoint+" of "+a.URI, " of ")
	case a.PipelineNamespace != "":
		s = "pipeline " + a.PipelineNamespace + "/" + a.Pipeline
	default:
		s = "pipeline " + a.Pipeline
	}
	if a.Namespace != "" {
		s += " in namespace " + a.Namespace
	}
	return s
}

// Validate checks what the author of a Trigger wrote. Errors: CodeInvalid, with what to write.
func (a After) Validate() error {
	var kinds []string
	for name, set := range map[string]bool{"pipeline": a.Pipeline != "", "pipelineFrom": a.URI != "" || a.EntryPoint != "" || a.Digest != "", "inlineRun": a.InlineRun != ""} {
		if set {
			kinds = append(kinds, name)
		}
	}
	slices.Sort(kinds)
	switch {
	case len(kinds) == 0:
		return fmt.Errorf("it names no pipeline: write {pipeline: NAME}, or {inlineRun: NAME} for runs that bring their own pipeline")
	case len(kinds) > 1:
		return fmt.Errorf("it has %s, but a Trigger waits for only one of them: keep one", strings.Join(kinds, " and "))
	case a.PipelineNamespace != "" && a.Pipeline == "":
		return fmt.Errorf("pipelineNamespace works only together with pipeline: {pipeline: NAME, pipelineNamespace: NAMESPACE}")
	case kinds[0] == "pipelineFrom" && a.URI == "":
		return fmt.Errorf("pipelineFrom needs the uri that Tekton records in the run's status.provenance.refSource")
	case a.Digest != "" && !strings.Contains(a.Digest, ":"):
		return fmt.Errorf("pipelineFrom.digest is %q: write it as sha1:HEX or sha256:HEX", Cut(a.Digest, MaxQuoted))
	case strings.HasSuffix(a.InlineRun, "-"):
		return fmt.Errorf("inlineRun is %q: omit the dash at the end of a generateName", a.InlineRun)
	}
	return nil
}

// RunOrigin identifies the pipeline of a run, by what the API server and Tekton vouch for and
// not by names that its creator chose.
type RunOrigin struct {
	Namespace string // of the run
	// Pipeline is the name of the Pipeline that it refers to, and PipelineNamespace
	// where that is; both are "" for any other run.
	Pipeline, PipelineNamespace string
	// URI, EntryPoint and Digests are Tekton's record of where a resolver got it.
	URI, EntryPoint string
	Digests         []string
	// Inline is of a run that brings its pipeline along. Names are what its maker
	// called it: its name, and what that was generated from.
	Inline bool
	Names  []string
}

// Takes reports whether a run of o is one that a waits for. home is the Trigger's namespace.
func (a After) Takes(home string, o RunOrigin) bool {
	namespace := a.Namespace
	if namespace == "" {
		namespace = home
	}
	if a.IsZero() || o.Namespace != namespace {
		return false
	}
	switch {
	case a.InlineRun != "":
		return o.Inline && slices.Contains(o.Names, a.InlineRun)
	case a.URI != "":
		return !o.Inline && o.URI == a.URI && o.EntryPoint == a.EntryPoint && (a.Digest == "" || slices.Contains(o.Digests, a.Digest))
	default:
		where := a.PipelineNamespace
		if where == "" {
			where = namespace
		}
		return !o.Inline && o.Pipeline == a.Pipeline && o.PipelineNamespace == where
	}
}
