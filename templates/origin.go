package templates

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/forge"
)

// Reference is a text, with the address of a page about it. URL is "" unless it is a web address that
// the text plainly names.
type Reference struct{ Text, URL string }

// Origin is the source code of a delivery, by the params and results of the pipeline or by the event.
// It is shown only: no rule depends on it.
type Origin struct{ Repository, Commit Reference }

// The names that params and results have for them in the wild.
var (
	repositoryNames = []string{"repo-url", "repo_url", "repoUrl", "git-url", "git_url", "gitUrl", "git-repo-url", "repository-url", "repository", "repo", "source-url", "source_url"}
	commitNames     = []string{"commit", "commit-sha", "commit_sha", "sha", "git-sha", "git-commit", "commit-id", "revision", "git-revision", "git_revision"}
)

// originOf looks where people look: at what is forwarded, then at part 1's results
// and params, then at the event.
func originOf(a approvals.Approval) Origin {
	var repositories, commits []string
	named := func(names []string, ps []approvals.Param) (out []string) {
		values := approvals.ByName(ps)
		for _, n := range names {
			if v := strings.TrimSpace(values[n]); v != "" {
				out = append(out, v)
			}
		}
		return out
	}
	lists := [][]approvals.Param{a.Source.Results, a.Source.Params}
	if a.Resolved != nil {
		lists = append([][]approvals.Param{a.Resolved.Params}, lists...)
	}
	for _, ps := range lists {
		repositories, commits = append(repositories, named(repositoryNames, ps)...), append(commits, named(commitNames, ps)...)
	}
	if a.Source.Event != nil {
		e := forge.Read(a.Source.Event.Body)
		repositories, commits = append(repositories, e.Addresses...), append(commits, e.Hashes...)
	}
	o := Origin{Repository: best(repositories, repository), Commit: best(commits, revision)}
	// A commit is one of a repository that can be looked at.
	if o.Commit.URL != "" {
		o.Commit.URL = commitURL(o.Repository.URL, o.Commit.URL)
	}
	return o
}

// best is the first of values that leads somewhere, else the first.
func best(values []string, read func(string) Reference) (out Reference) {
	for _, v := range values {
		r := read(v)
		if r.URL != "" {
			return r
		}
		if out.Text == "" {
			out = r
		}
	}
	return out
}

var hashes = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

// repository returns s as a link when it is a web address whose text is that address, else as text.
func repository(s string) Reference {
	address := forge.WebAddress(s)
	if len(s) > maxLine || address == "" {
		return Reference{Text: line(s)}
	}
	_, text, _ := strings.Cut(address, "://")
	return Reference{Text: text, URL: address}
}

// revision can be a link when it is a whole hash: a branch is another commit
// tomorrow.
func revision(s string) Reference {
	if hashes.MatchString(s) {
		return Reference{Text: s[:12], URL: s}
	}
	return Reference{Text: line(s)}
}

// commitURL returns the address of a commit in a forge, "" without a repository's. GitLab has a path
// of its own and accepts the other one too; Bitbucket does not.
func commitURL(repository, hash string) string {
	switch u, err := url.Parse(repository); {
	case repository == "" || err != nil:
		return ""
	case strings.Contains(strings.ToLower(u.Host), "bitbucket"):
		return repository + "/commits/" + hash
	default:
		return repository + "/commit/" + hash
	}
}
