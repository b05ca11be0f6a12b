package templates

import (
	"encoding/json"
	"net/url"
	"path"
	"regexp"
	"strings"

	"github.com/countersign-dev/countersign/approvals"
)

// Reference is something that may be looked at elsewhere: text, and where it leads
// to, "" when that is not plainly a place to go.
type Reference struct{ Text, URL string }

// Origin is where what is delivered comes from, as the pipeline or the event says.
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
	if a.Terms != nil {
		lists = append([][]approvals.Param{a.Terms.Params}, lists...)
	}
	for _, ps := range lists {
		repositories, commits = append(repositories, named(repositoryNames, ps)...), append(commits, named(commitNames, ps)...)
	}
	if a.Source.Event != nil {
		p := pushed(a.Source.Event.Body)
		repositories, commits = append(repositories, p.repositories()...), append(commits, p.commits()...)
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

var (
	hosts     = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?$`)
	repoPaths = regexp.MustCompile(`^(/[A-Za-z0-9._~+-]+){1,12}$`)
	hashes    = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)
)

// repository is a link when it is a web address that reads as what it is: no other
// scheme, nobody's name before the host, no letters that look like others, no query.
func repository(s string) Reference {
	u, err := url.Parse(s)
	if err != nil || len(s) > maxLine || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.RawPath != "" {
		return Reference{Text: line(s)}
	}
	p := strings.TrimSuffix(strings.TrimSuffix(u.Path, "/"), ".git")
	if !hosts.MatchString(u.Host) || strings.Contains(u.Host, "..") || !repoPaths.MatchString(p) || path.Clean(p) != p {
		return Reference{Text: line(s)}
	}
	return Reference{Text: u.Host + p, URL: u.Scheme + "://" + u.Host + p}
}

// revision can be a link when it is a whole hash: a branch is another commit
// tomorrow.
func revision(s string) Reference {
	if hashes.MatchString(s) {
		return Reference{Text: s[:12], URL: s}
	}
	return Reference{Text: line(s)}
}

// commitURL is where a forge shows a commit. GitLab has a path of its own and takes
// the other one too; Bitbucket does not.
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

// push is what the events of GitHub, Gitea and GitLab say of their origin.
type push struct {
	Ref         string `json:"ref"`
	After       string `json:"after"`
	CheckoutSHA string `json:"checkout_sha"`
	Repository  struct {
		HTMLURL  string `json:"html_url"`
		CloneURL string `json:"clone_url"`
		Homepage string `json:"homepage"`
	} `json:"repository"`
	Project struct {
		WebURL string `json:"web_url"`
	} `json:"project"`
	PullRequest *struct {
		Head struct {
			SHA string `json:"sha"`
		} `json:"head"`
	} `json:"pull_request"`
	Attributes struct {
		IID        int `json:"iid"`
		LastCommit struct {
			ID string `json:"id"`
		} `json:"last_commit"`
	} `json:"object_attributes"`
}

// pushed reads an event. One that is of another shape says nothing.
func pushed(body string) (p push) {
	if len(body) > 4*maxPage || json.Unmarshal([]byte(body), &p) != nil {
		return push{}
	}
	return p
}

// what is the event in words, as the subject of a sentence.
func (p push) what() string {
	branch, isBranch := strings.CutPrefix(p.Ref, "refs/heads/")
	tag, isTag := strings.CutPrefix(p.Ref, "refs/tags/")
	switch {
	case p.PullRequest != nil:
		return "A pull request"
	case p.Attributes.LastCommit.ID != "":
		return "A merge request"
	case isBranch && branch != "":
		return "A push to " + branch
	case isTag && tag != "":
		return "A push of tag " + tag
	}
	return "An event"
}

func (p push) repositories() []string {
	return filled(p.Repository.HTMLURL, p.Project.WebURL, p.Repository.Homepage, p.Repository.CloneURL)
}

func (p push) commits() []string {
	var head string
	if p.PullRequest != nil {
		head = p.PullRequest.Head.SHA
	}
	return filled(head, p.Attributes.LastCommit.ID, p.CheckoutSHA, p.After)
}

func filled(values ...string) (out []string) {
	for _, v := range values {
		if v = strings.TrimSpace(v); v != "" {
			out = append(out, v)
		}
	}
	return out
}
