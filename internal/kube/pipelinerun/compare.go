package pipelinerun

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// ourMarks begin the labels and annotations by which this service knows things.
const ourMarks = "countersign.dev/"

// Wanted is a run as it is to be: typed, with Tekton's defaults, and with a text that
// stands for what can't be known.
type Wanted struct {
	Run     *pipelinev1.PipelineRun
	Unknown string
}

// WantedRun reads what a template makes as a run. What can't be known is taken from seen,
// where seen has something of its form in its place: so a duration stays one.
func WantedRun(ctx context.Context, obj *unstructured.Unstructured, unknown string, seen *pipelinev1.PipelineRun) (Wanted, error) {
	w := Wanted{Run: &pipelinev1.PipelineRun{}, Unknown: unknown}
	var err error
	switch version := obj.GetAPIVersion(); version {
	case pipelinev1.SchemeGroupVersion.String():
		err = typed(obj, unknown, seen, w.Run)
	case pipelinev1beta1.SchemeGroupVersion.String():
		//nolint:staticcheck // a template may still make this version
		old, was := &pipelinev1beta1.PipelineRun{}, &pipelinev1beta1.PipelineRun{}
		if err = was.ConvertFrom(ctx, seen); err == nil {
			err = typed(obj, unknown, was, old)
		}
		if err == nil {
			err = old.ConvertTo(ctx, w.Run)
		}
	default:
		err = fmt.Errorf("its apiVersion is %s", version)
	}
	return w, err
}

// typed fills in what obj leaves open by what like has there, and reads it into out.
func typed(obj *unstructured.Unstructured, unknown string, like, out any) error {
	was, err := runtime.DefaultUnstructuredConverter.ToUnstructured(like)
	if err != nil {
		return err
	}
	raw, err := json.Marshal(filled(obj.Object, was, unknown))
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, out)
}

// filled is want with the unknown texts that like has something for. want is not changed.
func filled(want, like any, unknown string) any {
	switch w := want.(type) {
	case map[string]any:
		l, _ := like.(map[string]any)
		out := make(map[string]any, len(w))
		for k, v := range w {
			out[k] = filled(v, l[k], unknown)
		}
		return out
	case []any:
		l, _ := like.([]any)
		out := make([]any, len(w))
		for i, v := range w {
			var is any
			if i < len(l) {
				is = l[i]
			}
			out[i] = filled(v, is, unknown)
		}
		return out
	case string:
		if l, ok := like.(string); ok && fitsUnknown(w, l, unknown) {
			return l
		}
	}
	return want
}

// fitsUnknown reports whether got is want, with any text in place of each unknown.
func fitsUnknown(want, got, unknown string) bool {
	if want == got || unknown == "" {
		return want == got
	}
	pieces := strings.Split(want, unknown)
	if len(pieces) == 1 {
		return false
	}
	rest, ok := strings.CutPrefix(got, pieces[0])
	last := pieces[len(pieces)-1]
	if !ok || !strings.HasSuffix(rest, last) {
		return false
	}
	rest = strings.TrimSuffix(rest, last)
	for _, p := range pieces[1 : len(pieces)-1] {
		if _, rest, ok = strings.Cut(rest, p); !ok {
			return false
		}
	}
	return true
}

// Differences are where seen is not what is wanted, none when it is. They name places and
// never values, which may be secrets. What Tekton, or anyone who watches runs, adds to labels
// and annotations is no difference, save what has our marks; whether it was cancelled is
// none either.
func (w Wanted) Differences(ctx context.Context, seen *pipelinev1.PipelineRun) []string {
	var out []string
	if seen.Namespace != w.Run.Namespace {
		out = append(out, "metadata.namespace")
	}
	out = append(out, w.marks("metadata.labels", w.Run.Labels, seen.Labels)...)
	out = append(out, w.marks("metadata.annotations", w.Run.Annotations, seen.Annotations)...)
	want, got := w.Run.DeepCopy(), seen.DeepCopy()
	for _, pr := range []*pipelinev1.PipelineRun{want, got} {
		pr.SetDefaults(ctx)
		pr.Spec.Status = ""
	}
	a, errA := runtime.DefaultUnstructuredConverter.ToUnstructured(&want.Spec)
	b, errB := runtime.DefaultUnstructuredConverter.ToUnstructured(&got.Spec)
	if errA != nil || errB != nil {
		return append(out, "spec")
	}
	return w.compare(out, "spec", a, b)
}

func (w Wanted) marks(place string, want, got map[string]string) []string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(want)) {
		if v, ok := got[k]; !ok || !fitsUnknown(want[k], v, w.Unknown) {
			out = append(out, place+" "+k)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[k]; !ok && strings.HasPrefix(k, ourMarks) {
			out = append(out, place+" "+k)
		}
	}
	return out
}

// maxDifferences bounds the differences in one message.
const maxDifferences = 5

func (w Wanted) compare(out []string, place string, want, got any) []string {
	if len(out) >= maxDifferences {
		return out
	}
	switch a := want.(type) {
	case map[string]any:
		b, ok := got.(map[string]any)
		if !ok {
			return append(out, place)
		}
		for _, k := range slices.Sorted(maps.Keys(both(a, b))) {
			x, inA := a[k]
			y, inB := b[k]
			if inA != inB {
				out = append(out, place+"."+k)
				continue
			}
			out = w.compare(out, place+"."+k, x, y)
		}
		return out
	case []any:
		b, ok := got.([]any)
		if !ok || len(a) != len(b) {
			return append(out, place)
		}
		for i := range a {
			out = w.compare(out, fmt.Sprintf("%s[%s]", place, NameIn(a[i], i)), a[i], b[i])
		}
		return out
	case string:
		if b, ok := got.(string); ok && fitsUnknown(a, b, w.Unknown) {
			return out
		}
		return append(out, place)
	default:
		if want != got {
			return append(out, place)
		}
		return out
	}
}

// NameIn names an item of a list for people.
func NameIn(x any, i int) string {
	m, _ := x.(map[string]any)
	for _, k := range []string{"name", "pipelineTaskName"} {
		if s, ok := m[k].(string); ok && s != "" {
			return s
		}
	}
	return fmt.Sprint(i)
}

func both(a, b map[string]any) map[string]any {
	all := maps.Clone(a)
	if all == nil {
		all = map[string]any{}
	}
	maps.Copy(all, b)
	return all
}
