package forge

import (
	"encoding/json"
	"strconv"
	"strings"
)

// Bounds of what is read.
const (
	maxBody    = 1 << 20
	maxCommits = 10
	maxText    = 300 // bytes of one text
)

// Event has what a forge's webhook reports of a push or a pull request. The zero value is of
// another sender.
type Event struct {
	Kind       Kind
	Repository string // "platform/network"
	URL        string // of the repository, "" when it is not plainly a web address
	Branch     string // that was pushed to, or that a pull request would change
	From       string // the branch of a pull request
	Tag        string
	Head       string // the commit
	Author     string // who pushed, or opened the pull request
	Number     int    // of a pull request
	Title      string // of a pull request
	// Link leads to the comparison of a push, or to the pull request.
	Link    string
	Forced  bool // commits that were there before are gone
	Gone    bool // the branch or tag was deleted
	Commits []Commit
	More    int // commits that are not in Commits
	// Addresses and Hashes are all that the body says of its repository and its commit, the
	// best first.
	Addresses, Hashes []string
}

// Kind is the kind of an Event.
type Kind string

// The kinds.
const (
	Push        Kind = "push"
	TagPush     Kind = "tag"
	PullRequest Kind = "pull request" // GitLab's merge requests are these too
)

// Commit is one commit of a push.
type Commit struct {
	ID, Title, Author string
	URL               string // "" when it is not plainly one of the repository's
}

// Read reads the body of a webhook.
func Read(body string) Event {
	var doc any
	if len(body) > maxBody || json.Unmarshal([]byte(body), &doc) != nil {
		return Event{}
	}
	n := node{doc}
	e := Event{
		Repository: n.first("repository.full_name", "project.path_with_namespace", "repository.name"),
		Addresses: n.all("repository.html_url", "project.web_url", "repository.links.html.href", "repository.links.self.0.href",
			"repository.homepage", "repository.clone_url"),
		Hashes: n.all("checkout_sha", "after"),
		Author: n.first("pusher.login", "pusher.username", "pusher.name", "user_username", "user.username", "user_name", "sender.login", "actor.nickname", "actor.name", "actor.display_name", "actor.displayName"),
	}
	if owner := n.first("repository.project.key"); owner != "" {
		e.Repository = owner + "/" + n.first("repository.slug", "repository.name")
	}
	for _, a := range e.Addresses {
		if e.URL = WebAddress(a); e.URL != "" {
			break
		}
	}
	switch {
	case n.at("pull_request").is():
		e.pullRequest(n, n.at("pull_request"), "html_url", "head.ref", "base.ref", "head.sha", "user.login")
	case n.first("object_kind") == "merge_request":
		e.pullRequest(n, n.at("object_attributes"), "url", "source_branch", "target_branch", "last_commit.id", "author.name")
	case n.at("pullrequest").is():
		e.pullRequest(n, n.at("pullrequest"), "links.html.href", "source.branch.name", "destination.branch.name", "source.commit.hash", "author.nickname")
	case n.at("pullRequest").is():
		e.pullRequest(n, n.at("pullRequest"), "links.self.0.href", "fromRef.displayId", "toRef.displayId", "fromRef.latestCommit", "author.user.name")
	case n.at("push.changes").is():
		e.bitbucketPush(n.at("push.changes.0"))
	case n.at("changes").is():
		e.serverPush(n)
	case n.first("ref") != "":
		e.push(n)
	}
	if (e.Kind == Push || e.Kind == TagPush) && e.Branch == "" && e.Tag == "" {
		e.Kind = "" // of nothing that could be named
	}
	return e
}

// push is of GitHub, Gitea and GitLab, which have the same shape.
func (e *Event) push(n node) {
	before, after := n.first("before"), n.first("checkout_sha", "after")
	e.ref(n.first("ref"))
	e.Forced = n.at("forced").yes()
	e.commits(n.at("commits"), n.at("total_commits_count", "total_commits").number(), "id", "message", "url", "author.username", "author.login", "author.name")
	e.head(after)
	compare := "/compare/"
	if n.first("object_kind") != "" {
		compare = "/-/compare/"
	}
	e.Link = e.within(n.first("compare", "compare_url"))
	if e.Link == "" && e.URL != "" && isHash(before) && isHash(after) {
		e.Link = e.URL + compare + before + "..." + after
	}
	if !isHash(before) || e.Gone {
		e.Link = "" // nothing to compare with
	}
}

func (e *Event) bitbucketPush(change node) {
	ref := change.at("new")
	if !ref.is() {
		ref = change.at("old")
		e.Gone = ref.is()
	}
	e.Kind, e.Branch = Push, ref.first("name")
	if ref.first("type") == "tag" {
		e.Kind, e.Tag, e.Branch = TagPush, e.Branch, ""
	}
	e.Forced = change.at("forced").yes()
	e.commits(change.at("commits"), 0, "hash", "message", "links.html.href", "author.user.nickname", "author.user.display_name", "author.raw")
	e.Hashes = ref.all("target.hash")
	e.head(ref.first("target.hash"))
	e.Link = e.within(change.first("links.html.href"))
}

func (e *Event) serverPush(n node) {
	change := n.at("changes.0")
	e.Kind, e.Branch = Push, change.first("ref.displayId")
	if change.first("ref.type") == "TAG" {
		e.Kind, e.Tag, e.Branch = TagPush, e.Branch, ""
	}
	e.Gone = change.first("type") == "DELETE"
	e.commits(n.at("commits"), 0, "id", "message", "", "author.name")
	e.Hashes = change.all("toHash")
	e.head(change.first("toHash"))
}

func (e *Event) pullRequest(n, pr node, link, from, into, head, author string) {
	e.Kind, e.Title, e.From, e.Branch = PullRequest, pr.first("title"), pr.first(from), pr.first(into)
	e.Number = n.at("number").number()
	for _, name := range []string{"number", "iid", "id"} {
		if e.Number == 0 {
			e.Number = pr.at(name).number()
		}
	}
	e.Head, e.Hashes, e.Link = pr.first(head), pr.all(head), e.within(pr.first(link))
	if who := pr.first(author); who != "" {
		e.Author = who
	}
}

func (e *Event) ref(ref string) {
	e.Kind = Push
	if tag, ok := strings.CutPrefix(ref, "refs/tags/"); ok {
		e.Kind, e.Tag = TagPush, tag
		return
	}
	e.Branch = strings.TrimPrefix(ref, "refs/heads/")
}

func (e *Event) head(hash string) {
	if strings.Trim(hash, "0") == "" {
		e.Gone = e.Gone || hash != ""
		return
	}
	e.Head = hash
}

// commits reads the first ones. total is how many there are, 0 where the event does not tell.
func (e *Event) commits(list node, total int, id, message, link string, authors ...string) {
	items, _ := list.value.([]any)
	for _, x := range items[:min(len(items), maxCommits)] {
		c := node{x}
		title, _, _ := strings.Cut(strings.TrimSpace(c.long(message)), "\n")
		e.Commits = append(e.Commits, Commit{ID: c.first(id), Title: first(title), Author: c.first(authors...), URL: e.within(c.first(link))})
	}
	e.More = max(len(items), min(total, 1<<20)) - len(e.Commits)
}

// within is a link if it leads into the repository that the event names: a link shows where
// it leads to, and this one is beside the repository's name.
func (e *Event) within(link string) string {
	if link = WebAddress(link); link == "" || e.URL == "" || !strings.HasPrefix(link, e.URL+"/") {
		return ""
	}
	return link
}

// What is the event in words, as the subject of a sentence.
func (e Event) What() string {
	switch {
	case e.Kind == PullRequest && e.Number > 0:
		return "Pull request #" + strconv.Itoa(e.Number)
	case e.Kind == PullRequest:
		return "A pull request"
	case e.Kind == TagPush && e.Gone:
		return "The deletion of tag " + e.Tag
	case e.Kind == TagPush:
		return "A push of tag " + e.Tag
	case e.Kind == Push && e.Gone:
		return "The deletion of branch " + e.Branch
	case e.Kind == Push && e.Branch != "":
		return "A push to " + e.Branch
	}
	return "An event"
}

// Version distinguishes this event from others of its repository in a few words: a tag, a pull
// request, or a commit.
func (e Event) Version() string {
	switch {
	case e.Tag != "":
		return e.Tag
	case e.Number > 0:
		return "#" + strconv.Itoa(e.Number)
	case isHash(e.Head) && e.Branch != "":
		return e.Head[:12] + " (" + e.Branch + ")"
	case isHash(e.Head):
		return e.Head[:12]
	}
	return ""
}

// isHash reports whether s is a whole hash, and not the zero hash of a deleted ref.
func isHash(s string) bool {
	return (len(s) == 40 || len(s) == 64) && strings.Trim(s, "0123456789abcdef") == "" && strings.Trim(s, "0") != ""
}

func first(s string) string {
	if len(s) <= maxText {
		return s
	}
	return strings.ToValidUTF8(s[:maxText], "") + "…"
}
