package interceptor

import (
	"strings"
	"testing"

	triggersv1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/golden"
)

func TestForeign(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	brought := map[string]any{
		"count": 3.0, "country": "de", "pr": map[string]any{"title": "x", "labels": []any{"a"}}, "large": strings.Repeat("x", maxExtensions),
	}
	for name, c := range map[string]struct {
		reads [][]string
		want  string
	}{
		"nothing":            {nil, ""},
		"what is not there":  {[][]string{{"no"}, {"pr", "no"}, {"count", "no", "no"}}, `{"count":3}`},
		"some":               {[][]string{{"country"}, {"count"}}, `{"count":3,"country":"de"}`},
		"within":             {[][]string{{"pr", "labels"}}, `{"pr":{"labels":["a"]}}`},
		"within, then whole": {[][]string{{"pr", "labels"}, {"pr"}}, `{"pr":{"labels":["a"],"title":"x"}}`},
		"whole, then within": {[][]string{{"pr"}, {"pr", "labels"}}, `{"pr":{"labels":["a"],"title":"x"}}`},
	} {
		if got, err := foreign(brought, c.reads); err != nil || got != c.want {
			t.Errorf("%s: %s, %v; want %s", name, got, err, c.want)
		}
	}
	_, err := foreign(brought, [][]string{nil})
	if approvals.CodeOf(err) != approvals.CodeInvalid {
		t.Errorf("all of it: %v", err)
	}
	said.Check(t, "all of it", approvals.Message(err))
	if _, err = foreign(map[string]any{Name: 1}, nil); approvals.CodeOf(err) != approvals.CodeInvalid {
		t.Errorf("our key: %v", err)
	}
	said.Check(t, "our key", approvals.Message(err))
}

// TestForeignSecrets: what is a secret by its name is compared, and neither kept nor told.
func TestForeignSecrets(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	reads := [][]string{{"deploy_token"}, {"vault"}}
	brought := func(secret string) map[string]any {
		return map[string]any{"deploy_token": secret, "vault": map[string]any{"path": "kv/a", "list": []any{map[string]any{"dbPassword": map[string]any{"v": secret}}}}}
	}
	first := brought("s3cr3t")
	kept, err := foreign(first, reads)
	if err != nil || strings.Contains(kept, "s3cr3t") || strings.Count(kept, Concealed) != 2 || !strings.Contains(kept, "kv/a") {
		t.Errorf("%s, %v", kept, err)
	}
	if asJSON(t, first) != asJSON(t, brought("s3cr3t")) {
		t.Error("the request is another now")
	}
	a := approvals.Approval{Source: approvals.Source{Event: &approvals.Event{Extensions: kept}}}
	if err := sameExtensions(a, brought("s3cr3t"), reads); err != nil {
		t.Error(err)
	}
	err = sameExtensions(a, brought("0ther"), reads)
	if approvals.CodeOf(err) != approvals.CodeConflict || strings.Contains(err.Error(), "0ther") {
		t.Error(err)
	}
	said.Check(t, "another secret", approvals.Message(err))
}

// TestOverlayOfOurKey: what would replace the word of this interceptor is refused.
func TestOverlayOfOurKey(t *testing.T) {
	t.Parallel()
	for key, ours := range map[string]bool{
		"countersign": true, "countersign.params.digest": true, `count\ersign.run`: true, ":countersign": true,
		"count": false, "country": false, "countersigned": false, `countersign\.x`: false, "x.countersign": false,
	} {
		overlay := &triggersv1.TriggerInterceptor{
			Ref:    triggersv1.InterceptorRef{Name: "cel"},
			Params: []triggersv1.InterceptorParams{{Name: "overlays", Value: apiextensionsv1.JSON{Raw: []byte(asJSON(t, []map[string]string{{"key": "a"}, {"key": key}}))}}},
		}
		for _, chain := range [][]*triggersv1.TriggerInterceptor{{overlay, line()}, {line(), overlay}} {
			if _, err := ParseParams(chain, nil); (err != nil) != ours {
				t.Errorf("%s: %v", key, err)
			}
		}
	}
}

// TestOverlayBehind: what people approved is not replaced behind this interceptor.
func TestOverlayBehind(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	overlay := func(param string, keys ...string) *triggersv1.TriggerInterceptor {
		var list []map[string]string
		for _, k := range keys {
			list = append(list, map[string]string{"key": k})
		}
		return &triggersv1.TriggerInterceptor{
			Ref:    triggersv1.InterceptorRef{Name: "cel"},
			Params: []triggersv1.InterceptorParams{{Name: param, Value: apiextensionsv1.JSON{Raw: []byte(asJSON(t, list))}}},
		}
	}
	for name, c := range map[string]struct {
		chain   []*triggersv1.TriggerInterceptor
		refused bool
	}{
		"the same key":           {[]*triggersv1.TriggerInterceptor{overlay("overlays", "x", "image"), line(), overlay("overlays", "image")}, true},
		"below it":               {[]*triggersv1.TriggerInterceptor{overlay("overlays", "image"), line(), overlay("overlays", "image.digest")}, true},
		"above it":               {[]*triggersv1.TriggerInterceptor{overlay("overlays", "pr.title"), line(), overlay("overlays", `p\r`)}, true},
		"in another case":        {[]*triggersv1.TriggerInterceptor{overlay("overlays", "image"), line(), overlay("OverLays", "image")}, true},
		"our key, so written":    {[]*triggersv1.TriggerInterceptor{line(), overlay("Overlays", "countersign")}, true},
		"another key":            {[]*triggersv1.TriggerInterceptor{overlay("overlays", "image"), line(), overlay("overlays", "Image", "images")}, false},
		"both before, both seen": {[]*triggersv1.TriggerInterceptor{overlay("overlays", "image"), overlay("overlays", "image"), line()}, false},
		"both behind":            {[]*triggersv1.TriggerInterceptor{line(), overlay("overlays", "image"), overlay("overlays", "image")}, false},
	} {
		_, err := ParseParams(c.chain, nil)
		if (err != nil) != c.refused {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil {
			said.Check(t, name, approvals.Message(err))
		}
	}
}

func line() *triggersv1.TriggerInterceptor { return ours("gate", `"g"`) }

// TestExtensionsAreCompared: what interceptors before this one bring to the signed
// event must be what was held, shown and approved.
func TestExtensionsAreCompared(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	reads := [][]string{{"image"}}
	a := approvals.Approval{Source: approvals.Source{Event: &approvals.Event{Extensions: `{"image":"sha256:good"}`}}}
	for image, same := range map[string]bool{"sha256:good": true, "sha256:EVIL": false} {
		err := sameExtensions(a, map[string]any{"image": image, "other": 1}, reads)
		if (err == nil) != same || err != nil && (approvals.CodeOf(err) != approvals.CodeConflict || strings.Contains(err.Error(), "sha256:")) {
			t.Errorf("%s: %v", image, err)
		}
		if err != nil {
			said.Check(t, "another image", approvals.Message(err))
		}
	}
	if err := sameExtensions(a, nil, reads); err == nil {
		t.Error("nothing is brought any more, and that is the same")
	}
	run := approvals.Approval{Source: approvals.Source{Run: &approvals.Run{}}}
	if err := sameExtensions(run, map[string]any{"image": "x"}, reads); err != nil {
		t.Errorf("after a run: %v", err)
	}
	if err := sameExtensions(run, map[string]any{Name: "x"}, nil); err == nil {
		t.Error("our own key passes")
	}
}
