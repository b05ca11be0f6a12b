package templates

import (
	"strconv"
	"strings"

	"github.com/countersign-dev/countersign/approvals/forge"
)

// PushView shows a push or a pull request, by the body of the webhook. The person who pushed chose
// names and titles in it.
type PushView struct {
	Repository Reference
	Branch     string
	From       string // the branch of a pull request
	Tag        string
	Author     string
	Request    Reference // the pull request
	Compare    string    // where the changes are shown, "" when that is not known
	Forced     bool
	Gone       bool
	Commits    []CommitView
	More       int
}

// CommitView is one commit of a push.
type CommitView struct {
	ID     Reference
	Title  string
	Author string
}

// newPush returns nil for an event that is not a known forge's.
func newPush(e forge.Event) *PushView {
	if e.Kind == "" {
		return nil
	}
	v := &PushView{
		Repository: Reference{Text: line(e.Repository), URL: e.URL}, Branch: line(e.Branch), From: line(e.From), Tag: line(e.Tag), Author: line(e.Author),
		Forced: e.Forced, Gone: e.Gone, More: e.More,
	}
	if v.Repository.Text == "" {
		_, v.Repository.Text, _ = strings.Cut(e.URL, "://")
	}
	if e.Kind == forge.PullRequest {
		v.Request = Reference{Text: line(e.Title), URL: e.Link}
		if e.Number > 0 {
			v.Request.Text = line("#" + strconv.Itoa(e.Number) + " " + e.Title)
		}
	} else {
		v.Compare = e.Link
	}
	for _, c := range e.Commits {
		id := revision(c.ID)
		id.URL = c.URL
		v.Commits = append(v.Commits, CommitView{ID: id, Title: brief(c.Title, 120), Author: line(c.Author)})
	}
	return v
}
