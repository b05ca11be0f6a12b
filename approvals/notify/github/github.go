// Package github shows an Approval as a commit status: pending while it waits, and
// success only when it was approved and, as far as is known, its run did not fail.
package github

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/approvals/notify"
	"github.com/countersign-dev/countersign/approvals/notify/outbound"
	"github.com/countersign-dev/countersign/templates"
)

// Config has the token, and the names of the params that lead to a commit.
type Config struct {
	Name    string
	API     string // https://api.github.com
	Token   keyring.Secret
	Context string // what statuses' names begin with
	// RepositoryParam and RevisionParam are the names of forwarded params: the first has
	// OWNER/NAME, the second the full SHA of a commit.
	RepositoryParam, RevisionParam string
	Timeout                        time.Duration
}

// Validate lists everything that is wrong.
func (c Config) Validate() error {
	errs := []error{outbound.Address("github.apiURL", c.API)}
	if len(c.Token) == 0 {
		errs = append(errs, errors.New("github.tokenFile has no token: use one that can write commit statuses, and nothing else"))
	}
	if c.Context == "" || utf8.RuneCountInString(c.Context) > 100 {
		errs = append(errs, errors.New("github.context must have 1 to 100 characters"))
	}
	if c.RepositoryParam == "" || c.RevisionParam == "" {
		errs = append(errs, errors.New("github.repositoryParam and github.revisionParam must name forwarded params"))
	}
	return errors.Join(errs...)
}

// Channel sets statuses with one token.
type Channel struct {
	Config Config // exported: fmt hides a Secret only where it can see it
	data   func(a approvals.Approval, approver string) (templates.Data, error)
	out    *outbound.Client
}

var _ notify.Channel = (*Channel)(nil)

// New makes the channel. It calls data with approver "", because a status is for nobody in
// particular.
func New(c Config, data func(a approvals.Approval, approver string) (templates.Data, error), now func() time.Time) *Channel {
	return &Channel{Config: c, data: data, out: outbound.New("github "+c.Name, c.Timeout, now, c.Token)}
}

// Close ends connections that are kept open.
func (c *Channel) Close() { c.out.Close() }

// Route takes only the kinds that a commit status can express.
func (c *Channel) Route() notify.Route {
	return notify.Route{Name: c.Config.Name, Kinds: []notify.Kind{notify.Opened, notify.Decided, notify.RunEnded}}
}

// status is the body of a request to GitHub's API for commit statuses.
type status struct {
	State       string `json:"state"`
	TargetURL   string `json:"target_url"`
	Description string `json:"description"`
	Context     string `json:"context"`
}

// Send sets the status. Its id is the commit's.
func (c *Channel) Send(ctx context.Context, m notify.Message) (string, error) {
	repository, sha, err := c.commit(m.Approval)
	if err != nil {
		return "", err
	}
	data, err := c.data(m.Approval, "")
	if err != nil {
		return "", err
	}
	data.News = string(m.Kind)
	state, description := stateOf(m.Approval, templates.NewCard(data))
	body, err := json.Marshal(status{State: state, TargetURL: data.Link, Description: short(description, 140), Context: c.context(m.Approval)})
	if err != nil {
		return "", err
	}
	address := strings.TrimSuffix(c.Config.API, "/") + "/repos/" + repository + "/statuses/" + sha
	_, err = c.out.Post(ctx, keyring.Secret(address), http.Header{
		"Content-Type": {"application/json"}, "Accept": {"application/vnd.github+json"}, "X-Github-Api-Version": {"2022-11-28"},
		"Authorization": {"Bearer " + string(c.Config.Token)},
	}, body)
	return repository + "@" + sha, err
}

// What a commit may be called: nothing that could lead to another path of the API.
var (
	repositories = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9_.-]{1,100}$`)
	revisions    = regexp.MustCompile(`^([0-9a-fA-F]{40}|[0-9a-fA-F]{64})$`)
)

// commit returns the repository and commit in a's forwarded params. A missing or malformed one is
// a final Failure, because params never change.
func (c *Channel) commit(a approvals.Approval) (repository, sha string, err error) {
	if a.Resolved == nil {
		return "", "", notify.Finalf("no params are forwarded, so the commit is not known")
	}
	params := approvals.ByName(a.Resolved.Params)
	repository, sha = params[c.Config.RepositoryParam], params[c.Config.RevisionParam]
	var missing []string
	if _, name, _ := strings.Cut(repository, "/"); !repositories.MatchString(repository) || strings.Trim(name, ".") == "" {
		missing = append(missing, "param "+c.Config.RepositoryParam+" is not OWNER/NAME")
	}
	if !revisions.MatchString(sha) {
		missing = append(missing, "param "+c.Config.RevisionParam+" is not a commit's full SHA")
	}
	if len(missing) > 0 {
		return "", "", notify.Finalf("%s: forward it in Trigger %s (of a task: give the task such a param), or take channel %s out of the Gate", strings.Join(missing, " and "), templates.Plain(a.Title(), 253), c.Config.Name)
	}
	return repository, sha, nil
}

// context names a status, so that a Trigger in one namespace never overwrites the status of
// another on the same commit. It has at most 255 characters, which is GitHub's limit.
func (c *Channel) context(a approvals.Approval) string {
	return short(c.Config.Context+"/"+a.Namespace+"/"+a.Title(), 255)
}

// stateOf returns the status of a's outcome, or of the end of its run. It is success only for an
// approval, or a run that succeeded. The description names nobody, because everyone who sees the
// repository sees it.
func stateOf(a approvals.Approval, card templates.Card) (state, description string) {
	if e := a.RunEnd; e != nil {
		state := map[approvals.RunOutcome]string{approvals.RunSucceeded: "success", approvals.RunFailed: "failure"}[e.Outcome]
		return cmp.Or(state, "error"), strings.ToLower(string(a.Outcome)) + ", and its run " + e.Words()
	}
	switch a.Outcome {
	case approvals.Approved:
		return "success", "approved"
	case approvals.Rejected:
		return "failure", "rejected"
	case approvals.Expired, approvals.Cancelled, approvals.Superseded:
		return "error", card.State
	default:
		return "pending", "awaiting approval"
	}
}

// short is one line of at most most bytes. GitHub shows descriptions as text.
func short(s string, most int) string {
	return approvals.Cut(strings.Join(strings.Fields(templates.Plain(s, 4*most)), " "), most)
}
