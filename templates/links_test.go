package templates

import (
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/approvals"
)

func TestDashboard(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"": "",
		"https://tekton.example.com/#/namespaces/{namespace}/pipelineruns/{name}": "https://tekton.example.com/#/namespaces/shop/pipelineruns/a%2F..%2F%3Fx",
		"http://127.0.0.1:9097/?run={name}":                                       "http://127.0.0.1:9097/?run=a%2F..%2F%3Fx",
		"https://x.example.com/{run}/{name}":                                      "has {run}, and only {namespace} and {name} are known",
		"https://x.example.com/{name":                                             "has {, and only",
		"https://x.example.com/{}/{name}":                                         "has {}, and only",
		"https://x.example.com/{namespace}":                                       "has no {name}",
		"javascript:alert('{name}')":                                              "no http or https address",
		"//x.example.com/{name}":                                                  "no http or https address",
		"https:///{name}":                                                         "no http or https address",
		"https://me@x.example.com/{name}":                                         "no http or https address",
		"https://{namespace}.example.com/{name}":                                  "no http or https address",
		"{name}":                                                                  "no http or https address",
	} {
		d, err := ParseDashboard(address)
		got := d.Run("shop", "a/../?x")
		if err != nil {
			got = err.Error()
		}
		if (err == nil) != (want == "" || strings.HasPrefix(want, "http")) || !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
	d, err := ParseDashboard("https://x.example.com/{namespace}/{name}")
	if err != nil || d.Run("", "a") != "" || d.Run("shop", "") != "" {
		t.Errorf("%v: a run that is not known leads somewhere", err)
	}
}

// TestOrigin: what plainly is a web address and a whole hash leads there, and all
// else is text.
func TestOrigin(t *testing.T) {
	t.Parallel()
	const hash = "8d1f0c6e2b7a4493bd0f8a1c55e9d7b6a2f3c410"
	param := func(pairs ...string) (ps []approvals.Param) {
		for i := 0; i < len(pairs); i += 2 {
			ps = append(ps, approvals.Param{Name: pairs[i], Value: pairs[i+1]})
		}
		return ps
	}
	for name, c := range map[string]struct {
		forwarded, params, results []approvals.Param
		body                       string
		want                       string // repository text, URL; commit text, URL
	}{
		"none":               {want: ", ; , "},
		"github":             {forwarded: param("repo-url", "https://github.com/a/b.git", "revision", hash), want: "github.com/a/b, https://github.com/a/b; 8d1f0c6e2b7a, https://github.com/a/b/commit/" + hash},
		"bitbucket":          {params: param("git-url", "https://bitbucket.org/a/b/"), results: param("commit", hash), want: "bitbucket.org/a/b, https://bitbucket.org/a/b; 8d1f0c6e2b7a, https://bitbucket.org/a/b/commits/" + hash},
		"a port":             {params: param("repository", "http://git:3000/a/b", "sha", hash), want: "git:3000/a/b, http://git:3000/a/b; 8d1f0c6e2b7a, http://git:3000/a/b/commit/" + hash},
		"forwarded first":    {forwarded: param("repo", "https://one/a"), params: param("repo-url", "https://two/a"), want: "one/a, https://one/a; , "},
		"hash before branch": {forwarded: param("revision", "main"), results: param("commit", hash), params: param("repo", "https://x/a"), want: "x/a, https://x/a; 8d1f0c6e2b7a, https://x/a/commit/" + hash},
		"a branch":           {params: param("repo", "https://x/a", "revision", "main"), want: "x/a, https://x/a; main, "},
		"a short hash":       {params: param("repo", "https://x/a", "revision", "8d1f0c6"), want: "x/a, https://x/a; 8d1f0c6, "},
		"a hash alone":       {params: param("revision", hash), want: ", ; 8d1f0c6e2b7a, "},
		"ssh":                {params: param("repo-url", "git@github.com:a/b.git", "sha", hash), want: "git@github.com:a/b.git, ; 8d1f0c6e2b7a, "},
		"a script":           {params: param("repo-url", "javascript:alert(1)"), want: "javascript:alert(1), ; , "},
		"data":               {params: param("repo-url", "data:text/html,x"), want: "data:text/html,x, ; , "},
		"somebody's name":    {params: param("repo-url", "https://github.com@evil.example/a/b"), want: "https://github.com@evil.example/a/b, ; , "},
		"letters alike":      {params: param("repo-url", "https://gіthub.com/a/b"), want: "https://gіthub.com/a/b, ; , "},
		"a query":            {params: param("repo-url", "https://github.com/a/b?x=1"), want: "https://github.com/a/b?x=1, ; , "},
		"a fragment":         {params: param("repo-url", "https://github.com/a/b#x"), want: "https://github.com/a/b#x, ; , "},
		"dots":               {params: param("repo-url", "https://github.com/a/../../login"), want: "https://github.com/a/../../login, ; , "},
		"an escape":          {params: param("repo-url", "https://github.com/a%2fb/c"), want: "https://github.com/a%2fb/c, ; , "},
		"another host":       {params: param("repo-url", `https://github.com\@evil.example/a`), want: `https://github.com\@evil.example/a, ; , `},
		"no path":            {params: param("repo-url", "https://github.com"), want: "https://github.com, ; , "},
		"hidden":             {params: param("repo-url", "https://github.com/a\u202eb"), want: "https://github.com/a[U+202E]b, ; , "},
		"github's push":      {body: `{"after":"` + hash + `","repository":{"html_url":"https://github.com/a/b","clone_url":"https://github.com/a/b.git"}}`, want: "github.com/a/b, https://github.com/a/b; 8d1f0c6e2b7a, https://github.com/a/b/commit/" + hash},
		"github's pull":      {body: `{"pull_request":{"head":{"sha":"` + hash + `"}},"repository":{"html_url":"https://github.com/a/b"}}`, want: "github.com/a/b, https://github.com/a/b; 8d1f0c6e2b7a, https://github.com/a/b/commit/" + hash},
		"gitlab's push":      {body: `{"checkout_sha":"` + hash + `","project":{"web_url":"https://gitlab.com/a/b"},"repository":{"homepage":"https://evil.example/a"}}`, want: "gitlab.com/a/b, https://gitlab.com/a/b; 8d1f0c6e2b7a, https://gitlab.com/a/b/commit/" + hash},
		"another shape":      {body: `{"repository":"https://github.com/a/b","after":1}`, want: ", ; , "},
		"no JSON":            {body: "x", want: ", ; , "},
	} {
		a := approvals.Approval{Resolved: &approvals.ResolvedSpec{Params: c.forwarded}, Source: approvals.Source{Params: c.params, Results: c.results}}
		if c.body != "" {
			a.Source.Event = &approvals.Event{Body: c.body}
		}
		o := originOf(a)
		if got := o.Repository.Text + ", " + o.Repository.URL + "; " + o.Commit.Text + ", " + o.Commit.URL; got != c.want {
			t.Errorf("%s: %s\nwant %s", name, got, c.want)
		}
	}
}
