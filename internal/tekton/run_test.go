package tekton_test

import (
	"testing"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"

	"github.com/countersign-dev/countersign/internal/tekton"
)

func TestText(t *testing.T) {
	t.Parallel()
	for want, v := range map[string]pipelinev1.ParamValue{
		"":            {},
		"a\nb":        *pipelinev1.NewStructuredValues("a\nb"),
		`["a","b\""]`: *pipelinev1.NewStructuredValues("a", `b"`),
		`[]`:          {Type: pipelinev1.ParamTypeArray, ArrayVal: []string{}},
		`{"a":"b"}`:   *pipelinev1.NewObject(map[string]string{"a": "b"}),
	} {
		if got := tekton.Text(v); got != want {
			t.Errorf("%+v is %q, want %q", v, got, want)
		}
	}
}
