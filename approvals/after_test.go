package approvals_test

import (
	"testing"

	"github.com/countersign-dev/countersign/approvals"
)

func TestAfterTakes(t *testing.T) {
	t.Parallel()
	byName := approvals.RunOrigin{Namespace: "prod", Pipeline: "build", PipelineNamespace: "prod"}
	shared := approvals.RunOrigin{Namespace: "prod", Pipeline: "build", PipelineNamespace: "shared", URI: "/apis/x"}
	git := approvals.RunOrigin{Namespace: "prod", URI: "git+https://g/ci.git", EntryPoint: "build.yaml", Digests: []string{"sha1:ab"}}
	inline := approvals.RunOrigin{Namespace: "prod", Inline: true, Names: []string{"build-x7", "build"}}
	elsewhere := approvals.RunOrigin{Namespace: "ci", Pipeline: "build", PipelineNamespace: "ci"}
	all := map[string]approvals.RunOrigin{"by name": byName, "shared": shared, "git": git, "inline": inline, "elsewhere": elsewhere}
	for _, c := range []struct {
		after approvals.After
		want  string
		words string
	}{
		{approvals.After{}, "", "pipeline "},
		{approvals.After{Pipeline: "build"}, "by name", "pipeline build"},
		{approvals.After{Pipeline: "Build"}, "", "pipeline Build"},
		{approvals.After{Pipeline: "build", PipelineNamespace: "shared"}, "shared", "pipeline shared/build"},
		{approvals.After{Pipeline: "build", Namespace: "ci"}, "elsewhere", "pipeline build in namespace ci"},
		{approvals.After{InlineRun: "build"}, "inline", "inline run build"},
		{approvals.After{InlineRun: "build-x7"}, "inline", "inline run build-x7"},
		{approvals.After{InlineRun: "buil"}, "", "inline run buil"},
		{approvals.After{URI: "git+https://g/ci.git", EntryPoint: "build.yaml"}, "git", "the pipeline build.yaml of git+https://g/ci.git"},
		{approvals.After{URI: "git+https://g/ci.git", EntryPoint: "build.yaml", Digest: "sha1:ab"}, "git", "the pipeline build.yaml of git+https://g/ci.git"},
		{approvals.After{URI: "git+https://g/ci.git", EntryPoint: "build.yaml", Digest: "sha1:cd"}, "", "the pipeline build.yaml of git+https://g/ci.git"},
		{approvals.After{URI: "git+https://g/ci.git"}, "", "the pipeline git+https://g/ci.git"},
	} {
		for name, o := range all {
			if got := c.after.Takes("prod", o); got != (name == c.want) {
				t.Errorf("%+v takes %s: %t", c.after, name, got)
			}
		}
		if got := c.after.String(); got != c.words {
			t.Errorf("%+v is called %q", c.after, got)
		}
	}
}
