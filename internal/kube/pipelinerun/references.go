package pipelinerun

import (
	"context"
	"errors"
	"slices"
	"strings"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
)

// references collects what a run refers to by name in its namespace, as the API server
// has it now. Tekton reads the same objects, from the API server too, when it starts the
// run and each of its tasks.
type references struct {
	live      client.Reader
	namespace string
	found     []approvals.Reference
}

// ReferencesOf are pr's, and what its pipeline is.
//
// Errors: CodeInvalid (something of it can't be compared), CodeNotFound (not there yet).
func ReferencesOf(ctx context.Context, live client.Reader, pr *pipelinev1.PipelineRun) ([]approvals.Reference, *pipelinev1.PipelineSpec, error) {
	r := &references{live: live, namespace: pr.Namespace}
	spec := pr.Spec.PipelineSpec
	if ref := pr.Spec.PipelineRef; ref != nil {
		if ref.Resolver != "" || len(ref.Params) > 0 {
			return nil, nil, incomparable("its pipelineRef uses resolver %q, so the Tasks of the Pipeline are not known yet. Refer to the Pipeline by its name alone, or write a pipelineSpec", ref.Resolver)
		}
		p := &pipelinev1.Pipeline{}
		if err := r.get(ctx, "Pipeline", ref.Name, p, func() any { return p.Spec }); err != nil {
			return nil, nil, err
		}
		spec = &p.Spec
	}
	if spec == nil {
		return nil, nil, incomparable("it has neither a pipelineRef nor a pipelineSpec")
	}
	for _, t := range slices.Concat(spec.Tasks, spec.Finally) {
		if err := r.task(ctx, t); err != nil {
			return nil, nil, err
		}
	}
	return r.found, spec, nil
}

func incomparable(format string, args ...any) error {
	return approvals.Errorf(approvals.CodeInvalid, "the run can't be compared before it starts (verifyRun: BeforeStart), because "+format, args...)
}

func (r *references) task(ctx context.Context, t pipelinev1.PipelineTask) error {
	switch ref := t.TaskRef; {
	case t.PipelineRef != nil || t.PipelineSpec != nil:
		return incomparable("task %s is a pipeline of its own", t.Name)
	case ref != nil && IsApproval(t):
		return nil // answered here, by what the run has of it
	case ref != nil && ref.APIVersion != "" && !strings.HasPrefix(ref.APIVersion, "tekton.dev/"):
		return incomparable("task %s is a custom task, whose controller decides what it does", t.Name)
	case ref != nil && ref.Resolver != "":
		return pinned("task "+t.Name, ref.ResolverRef)
	case ref != nil && ref.Kind != "" && ref.Kind != pipelinev1.NamespacedTaskKind:
		return incomparable("task %s is a %s, and only Tasks are compared", t.Name, ref.Kind)
	case ref != nil:
		task := &pipelinev1.Task{}
		if r.has("Task", ref.Name) {
			return nil
		}
		if err := r.get(ctx, "Task", ref.Name, task, func() any { return task.Spec }); err != nil {
			return err
		}
		return r.steps(ctx, t.Name, task.Spec.Steps)
	case t.TaskSpec != nil:
		return r.steps(ctx, t.Name, t.TaskSpec.Steps)
	}
	return nil
}

func (r *references) steps(ctx context.Context, task string, steps []pipelinev1.Step) error {
	for _, s := range steps {
		switch {
		case s.Ref == nil:
			continue
		case s.Ref.Resolver != "":
			if err := pinned("step "+s.Name+" of task "+task, s.Ref.ResolverRef); err != nil {
				return err
			}
			continue
		case r.has("StepAction", s.Ref.Name):
			continue
		}
		a := &pipelinev1beta1.StepAction{}
		if err := r.get(ctx, "StepAction", s.Ref.Name, a, func() any { return a.Spec }); err != nil {
			return err
		}
	}
	return nil
}

// pinned says why what a resolver brings may be something else the next time: nil for a
// commit of git, and a bundle by its digest.
func pinned(what string, ref pipelinev1.ResolverRef) error {
	value := func(name string) string {
		for _, p := range ref.Params {
			if p.Name == name {
				return p.Value.StringVal
			}
		}
		return ""
	}
	switch {
	case ref.Resolver == "git" && isCommit(value("revision")):
		return nil
	case ref.Resolver == "bundles" && strings.Contains(value("bundle"), "@sha256:") && !strings.Contains(value("bundle"), "$("):
		return nil
	}
	return incomparable("%s uses resolver %q without fixed content: give git a full commit SHA, give bundles an image digest (@sha256:), or name a Task of the namespace", what, ref.Resolver)
}

func isCommit(s string) bool {
	return (len(s) == 40 || len(s) == 64) && strings.Trim(s, "0123456789abcdef") == ""
}

func (r *references) has(kind, name string) bool {
	return slices.ContainsFunc(r.found, func(x approvals.Reference) bool { return x.Kind == kind && x.Name == name })
}

func (r *references) get(ctx context.Context, kind, name string, o client.Object, spec func() any) error {
	if name == "" || strings.Contains(name, "$(") {
		return incomparable("it refers to %s %q, a name that is known only when it runs", kind, name)
	}
	if len(r.found) >= approvals.MaxReferences {
		return incomparable("it refers to more than %d objects by name", approvals.MaxReferences)
	}
	err := r.live.Get(ctx, types.NamespacedName{Namespace: r.namespace, Name: name}, o)
	if apierrors.IsNotFound(err) {
		return Missing(approvals.Errorf(approvals.CodeNotFound, "the run refers to %s %s, which does not exist in namespace %s: create it; this continues automatically", kind, name, r.namespace))
	}
	if err != nil {
		return kubeutil.Translate(err, kind+" "+name)
	}
	r.found = append(r.found, approvals.Reference{
		Kind: kind, Name: name, UID: string(o.GetUID()), Generation: o.GetGeneration(), Digest: approvals.Digest("spec", spec()),
	})
	return nil
}

// runMissing is that the run has not been made yet.
type runMissing struct{ error }

func (r runMissing) Unwrap() error { return r.error }

// Missing is err, of a run or of what it refers to that has not been made yet.
func Missing(err error) error { return runMissing{err} }

// IsMissing reports whether the Approval waits for a run to be created. No watch tells of one:
// that would be a look at every run of the cluster.
func IsMissing(err error) bool {
	_, ok := errors.AsType[runMissing](err)
	return ok
}
