package forge

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	before = "6113728f27ae82c7b1a177c8d03f9e96e0adf246"
	after  = "8d1f0c6e2b7a4493bd0f8a1c55e9d7b6a2f3c410"
	none   = "0000000000000000000000000000000000000000"
)

// TestRead reads bodies as the forges' own documentation has them, shortened.
func TestRead(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body          string
		want          Event
		what, version string
	}{
		"github, push": {
			body: `{"ref":"refs/heads/main","before":"` + before + `","after":"` + after + `","forced":true,"compare":"https://github.com/a/b/compare/6113728f27ae...8d1f0c6e2b7a","repository":{"full_name":"a/b","html_url":"https://github.com/a/b","clone_url":"https://github.com/a/b.git"},"pusher":{"name":"octo","email":"o@example.com"},"sender":{"login":"octo"},"commits":[{"id":"` + after + `","message":"Fix it\n\nAs said.","url":"https://github.com/a/b/commit/` + after + `","author":{"name":"Octo Cat","username":"octo"}}]}`,
			want: Event{
				Kind: Push, Repository: "a/b", URL: "https://github.com/a/b", Branch: "main", Head: after, Author: "octo", Forced: true,
				Link:    "https://github.com/a/b/compare/6113728f27ae...8d1f0c6e2b7a",
				Commits: []Commit{{ID: after, Title: "Fix it", Author: "octo", URL: "https://github.com/a/b/commit/" + after}},
			},
			what: "A push to main", version: "8d1f0c6e2b7a (main)",
		},
		"github, new tag": {
			body: `{"ref":"refs/tags/v1.2","before":"` + none + `","after":"` + after + `","compare":"https://github.com/a/b/compare/v1.2","repository":{"full_name":"a/b","html_url":"https://github.com/a/b"},"commits":[]}`,
			want: Event{Kind: TagPush, Repository: "a/b", URL: "https://github.com/a/b", Tag: "v1.2", Head: after}, what: "A push of tag v1.2", version: "v1.2",
		},
		"github, branch deleted": {
			body: `{"ref":"refs/heads/old","before":"` + before + `","after":"` + none + `","repository":{"full_name":"a/b","html_url":"https://github.com/a/b"}}`,
			want: Event{Kind: Push, Repository: "a/b", URL: "https://github.com/a/b", Branch: "old", Gone: true}, what: "The deletion of branch old",
		},
		"github, pull request": {
			body: `{"action":"opened","number":7,"pull_request":{"number":7,"title":"Add it","html_url":"https://github.com/a/b/pull/7","user":{"login":"zoe"},"head":{"ref":"topic","sha":"` + after + `"},"base":{"ref":"main"}},"repository":{"full_name":"a/b","html_url":"https://github.com/a/b"},"sender":{"login":"bot"}}`,
			want: Event{Kind: PullRequest, Repository: "a/b", URL: "https://github.com/a/b", Branch: "main", From: "topic", Head: after, Author: "zoe", Number: 7, Title: "Add it", Link: "https://github.com/a/b/pull/7"},
			what: "Pull request #7", version: "#7",
		},
		"gitlab, push": {
			body: `{"object_kind":"push","ref":"refs/heads/main","before":"` + before + `","after":"` + after + `","checkout_sha":"` + after + `","user_username":"jsmith","user_name":"John","project":{"path_with_namespace":"g/p","web_url":"https://gitlab.com/g/p"},"total_commits_count":25,"commits":[{"id":"` + after + `","message":"Update","title":"Update","url":"https://gitlab.com/g/p/-/commit/` + after + `","author":{"name":"John"}}]}`,
			want: Event{
				Kind: Push, Repository: "g/p", URL: "https://gitlab.com/g/p", Branch: "main", Head: after, Author: "jsmith", More: 24,
				Link:    "https://gitlab.com/g/p/-/compare/" + before + "..." + after,
				Commits: []Commit{{ID: after, Title: "Update", Author: "John", URL: "https://gitlab.com/g/p/-/commit/" + after}},
			},
			what: "A push to main", version: "8d1f0c6e2b7a (main)",
		},
		"gitlab, merge request": {
			body: `{"object_kind":"merge_request","user":{"username":"zoe"},"project":{"path_with_namespace":"g/p","web_url":"https://gitlab.com/g/p"},"object_attributes":{"iid":3,"title":"Add it","url":"https://gitlab.com/g/p/-/merge_requests/3","source_branch":"topic","target_branch":"main","last_commit":{"id":"` + after + `"}}}`,
			want: Event{Kind: PullRequest, Repository: "g/p", URL: "https://gitlab.com/g/p", Branch: "main", From: "topic", Head: after, Author: "zoe", Number: 3, Title: "Add it", Link: "https://gitlab.com/g/p/-/merge_requests/3"},
			what: "Pull request #3", version: "#3",
		},
		"gitea, push": {
			body: `{"ref":"refs/heads/dev","before":"` + before + `","after":"` + after + `","compare_url":"http://git.example.com:3000/g/t/compare/` + before + `...` + after + `","commits":[{"id":"` + after + `","message":"one\n","url":"http://git.example.com:3000/g/t/commit/` + after + `","author":{"name":"Gi","username":"gi"}}],"total_commits":1,"repository":{"full_name":"g/t","html_url":"http://git.example.com:3000/g/t"},"pusher":{"login":"gi"}}`,
			want: Event{
				Kind: Push, Repository: "g/t", URL: "http://git.example.com:3000/g/t", Branch: "dev", Head: after, Author: "gi",
				Link:    "http://git.example.com:3000/g/t/compare/" + before + "..." + after,
				Commits: []Commit{{ID: after, Title: "one", Author: "gi", URL: "http://git.example.com:3000/g/t/commit/" + after}},
			},
			what: "A push to dev", version: "8d1f0c6e2b7a (dev)",
		},
		"bitbucket, push": {
			body: `{"actor":{"display_name":"Emma","nickname":"emma"},"repository":{"full_name":"t/r","links":{"html":{"href":"https://bitbucket.org/t/r"}}},"push":{"changes":[{"new":{"type":"branch","name":"main","target":{"hash":"` + after + `"}},"links":{"html":{"href":"https://bitbucket.org/t/r/branches/compare/x..y"}},"commits":[{"hash":"` + after + `","message":"new\n","author":{"raw":"Emma <e@example.com>"},"links":{"html":{"href":"https://bitbucket.org/t/r/commits/` + after + `"}}}]}]}}`,
			want: Event{
				Kind: Push, Repository: "t/r", URL: "https://bitbucket.org/t/r", Branch: "main", Head: after, Author: "emma", Link: "https://bitbucket.org/t/r/branches/compare/x..y",
				Commits: []Commit{{ID: after, Title: "new", Author: "Emma <e@example.com>", URL: "https://bitbucket.org/t/r/commits/" + after}},
			},
			what: "A push to main", version: "8d1f0c6e2b7a (main)",
		},
		"bitbucket server, push": {
			body: `{"eventKey":"repo:refs_changed","actor":{"name":"admin","displayName":"Administrator"},"repository":{"slug":"r","name":"r","project":{"key":"PRJ"}},"changes":[{"ref":{"id":"refs/heads/main","displayId":"main","type":"BRANCH"},"fromHash":"` + before + `","toHash":"` + after + `","type":"UPDATE"}]}`,
			want: Event{Kind: Push, Repository: "PRJ/r", Branch: "main", Head: after, Author: "admin"}, what: "A push to main", version: "8d1f0c6e2b7a (main)",
		},
		"bitbucket server, pull request": {
			body: `{"eventKey":"pr:opened","actor":{"name":"admin"},"pullRequest":{"id":11,"title":"a new file","fromRef":{"displayId":"a-branch","latestCommit":"` + after + `"},"toRef":{"displayId":"master"},"author":{"user":{"name":"zoe"}}}}`,
			want: Event{Kind: PullRequest, Branch: "master", From: "a-branch", Head: after, Author: "zoe", Number: 11, Title: "a new file"}, what: "Pull request #11", version: "#11",
		},
		"links to somewhere else": {
			body: `{"ref":"refs/heads/main","before":"` + before + `","after":"` + after + `","compare":"https://evil.example/a/b/compare/x","repository":{"html_url":"https://github.com/a/b"},"commits":[{"id":"x","message":"m","url":"https://github.com/a/bad"}]}`,
			want: Event{Kind: Push, URL: "https://github.com/a/b", Branch: "main", Head: after, Link: "https://github.com/a/b/compare/" + before + "..." + after, Commits: []Commit{{ID: "x", Title: "m"}}},
			what: "A push to main", version: "8d1f0c6e2b7a (main)",
		},
		"another sender": {body: `{"action":"created","repository":{"full_name":"a/b"}}`, want: Event{Repository: "a/b"}, what: "An event"},
		"another shape":  {body: `{"ref":1,"commits":{"a":1},"push":{"changes":"x"},"number":"7"}`, what: "An event"},
		"a list":         {body: `[1]`, what: "An event"},
		"no JSON":        {body: `ref=main`, what: "An event"},
	} {
		got := Read(c.body)
		what, version := got.What(), got.Version()
		got.Addresses, got.Hashes = nil, nil
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s (-want +got)\n%s", name, d)
		}
		if what != c.what || version != c.version {
			t.Errorf("%s: %q, %q; want %q, %q", name, what, version, c.what, c.version)
		}
	}
}

// TestBounds: however much the body has, little is read of it.
func TestBounds(t *testing.T) {
	t.Parallel()
	var commits []string
	for i := range 2000 {
		commits = append(commits, fmt.Sprintf(`{"id":"%040d","message":"%s"}`, i, strings.Repeat("界", 100)))
	}
	e := Read(`{"ref":"refs/heads/main","commits":[` + strings.Join(commits, ",") + `]}`)
	if len(e.Commits) != maxCommits || e.More != 2000-maxCommits {
		t.Errorf("%d commits, and %d more; want %d, and %d", len(e.Commits), e.More, maxCommits, 2000-maxCommits)
	}
	for _, c := range e.Commits {
		if len(c.Title) > maxText+len("…") {
			t.Errorf("a title has %d bytes, want at most %d", len(c.Title), maxText)
		}
	}
	if got := Read(`{"ref":"` + strings.Repeat("x", maxBody) + `"}`); got.Kind != "" {
		t.Errorf("a body of more than %d bytes was read as %q", maxBody, got.Kind)
	}
}

// FuzzRead: no body makes it fail, and every link is within the repository.
func FuzzRead(f *testing.F) {
	f.Add(`{"ref":"refs/heads/main","after":"` + after + `","repository":{"html_url":"https://github.com/a/b"},"commits":[{"id":"1","message":"m","url":"https://github.com/a/b/commit/1"}]}`)
	f.Add(`{"push":{"changes":[{"new":null,"old":{"name":"x"}}]}}`)
	f.Fuzz(func(t *testing.T, body string) {
		e := Read(body)
		links := []string{e.Link}
		for _, c := range e.Commits {
			links = append(links, c.URL)
		}
		for _, l := range links {
			if l != "" && !strings.HasPrefix(l, e.URL+"/") {
				t.Errorf("%q leads out of %q", l, e.URL)
			}
		}
		_, _ = e.What(), e.Version()
	})
}
