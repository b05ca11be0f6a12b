package tracecontext_test

import (
	"testing"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/interceptor/tracecontext"
)

const valid = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

func TestOf(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"traceparent":"` + valid + `"}`:                                           valid,
		`{"traceparent":"` + valid + `","tracestate":"a=b"}`:                        valid,
		`{"traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"}`: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00",
		"":                                     "",
		"{}":                                   "",
		valid:                                  "",
		`{"traceparent":7}`:                    "",
		`{"traceparent":"` + valid + `x`:       "",
		`{"traceparent":"` + valid + `-more"}`: "",
		`{"traceparent":"` + valid + `\n"}`:    "",
		`{"traceparent":"01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}`:         "",
		`{"traceparent":"00-00000000000000000000000000000000-b7ad6b7169203331-01"}`:         "",
		`{"traceparent":"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01"}`:         "",
		`{"traceparent":"00-0AF7651916CD43DD8448EB211C80319C-B7AD6B7169203331-01"}`:         "",
		`{"traceparent":"$(params.x)-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"`: "",
	} {
		s := approvals.Source{Annotations: map[string]string{tracecontext.Annotation: text}}
		got := tracecontext.Of(s)
		if got != want {
			t.Errorf("%s is %q, want %q", text, got, want)
		}
		// What Tekton is given, it and this package read again.
		s.Annotations[tracecontext.Annotation] = tracecontext.ForTekton(got)
		if again := tracecontext.Of(s); again != want {
			t.Errorf("%s: written for Tekton it is %q, want %q", text, again, want)
		}
	}
}

// TestWithoutTraceNothingIsAllocated: most clusters trace nothing.
func TestWithoutTraceNothingIsAllocated(t *testing.T) {
	s := approvals.Source{Annotations: map[string]string{"team": "sre"}}
	if n := testing.AllocsPerRun(100, func() { _ = tracecontext.ForTekton(tracecontext.Of(s)) }); n != 0 {
		t.Errorf("%v allocations for a run without a trace, want none", n)
	}
}
