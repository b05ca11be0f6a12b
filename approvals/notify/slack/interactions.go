package slack

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/approvals/notify"
	"github.com/countersign-dev/countersign/templates"
)

const (
	maxBody = 256 << 10
	// answerIn leaves Slack's three seconds some room for the way.
	answerIn = 2500 * time.Millisecond
)

// VoteService takes votes.
type VoteService interface {
	Vote(ctx context.Context, key approvals.Key, b approvals.Ballot) (approvals.Approval, approvals.Change, error)
	// Prove returns id with the rights that matter for a.
	Prove(ctx context.Context, a approvals.Approval, id approvals.Identity, breakGlass bool) (approvals.Identity, error)
}

// Interactions handles clicks in Slack. It trusts the signature of Slack's request and nothing
// else. The user in the request must be known: by the configuration, or by an address that Slack
// has confirmed.
type Interactions struct {
	Channels []*Channel // those with a bot
	Store    approvals.Store
	Desk     VoteService
	// People maps an address to a name in the cluster, and has a person's language and time zone. Nil
	// has nobody.
	People *approvals.Directory
	Log    *slog.Logger

	seen replays
}

// ServeHTTP answers within Slack's three seconds.
func (i *Interactions) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		http.Error(w, "the request is too large", http.StatusRequestEntityTooLarge)
		return
	}
	if err != nil {
		http.Error(w, "the request can't be parsed", http.StatusBadRequest)
		return
	}
	signers := i.signers(r.Header, body)
	if len(signers) == 0 {
		http.Error(w, "the request is not signed with the app's signing secret, or is too old", http.StatusUnauthorized)
		return
	}
	rq := requestOf(r.Header, body)
	if !i.seen.first([]byte(rq.id)) {
		http.Error(w, "this request was already handled", http.StatusConflict)
		return
	}
	form, err := url.ParseQuery(string(body))
	var p slack.InteractionCallback
	if err != nil || json.Unmarshal([]byte(form.Get("payload")), &p) != nil {
		http.Error(w, "the payload can't be parsed", http.StatusBadRequest)
		return
	}
	ctx, cancel := context.WithTimeoutCause(r.Context(), answerIn, errors.New("no time is left: Slack waits for three seconds"))
	defer cancel()
	switch p.Type {
	case slack.InteractionTypeBlockActions:
		i.pressed(ctx, signers, p, rq)
	case slack.InteractionTypeViewSubmission:
		i.submitted(ctx, w, signers, p, rq)
	default: // what else Slack sends needs no more than a 200
	}
}

// signers returns the channels whose signing secret verifies the request, none for a forged one.
func (i *Interactions) signers(h http.Header, body []byte) []*Channel {
	var out []*Channel
	for _, c := range i.Channels {
		v, err := slack.NewSecretsVerifier(h, string(c.Config.SigningSecret))
		if err != nil {
			continue
		}
		if _, err := v.Write(body); err == nil && v.Ensure() == nil {
			out = append(out, c)
		}
	}
	return out
}

// pressed acts on a button and tells the person alone what came of it: everybody
// sees the message change.
func (i *Interactions) pressed(ctx context.Context, signers []*Channel, p slack.InteractionCallback, rq request) {
	if len(p.ActionCallback.BlockActions) != 1 || p.ActionCallback.BlockActions[0] == nil {
		return
	}
	action := p.ActionCallback.BlockActions[0]
	c, key, ok := dereference(signers, action.Value)
	if !ok {
		return
	}
	var text string
	var to templates.Voice
	var err error
	switch action.ActionID {
	case actionApprove:
		text, to, err = i.button(ctx, c, key, p, rq, action.Value, approvals.Approve)
	case actionReject:
		text, to, err = i.button(ctx, c, key, p, rq, action.Value, approvals.Reject)
	case actionComment:
		to, err = i.ask(ctx, c, key, p, action.Value, approvals.Reject)
	default:
		return
	}
	if err != nil {
		text = i.message(err, key, to)
	}
	if text == "" {
		return
	}
	if err := c.tell(ctx, p.ResponseURL, text); err != nil {
		i.Log.Warn("slack: not answered", "channel", c.Config.Name, "error", err.Error())
	}
}

// button votes, or opens the dialog for what the Gate asks besides.
func (i *Interactions) button(ctx context.Context, c *Channel, key approvals.Key, p slack.InteractionCallback, rq request, reference string, v approvals.Verdict) (string, templates.Voice, error) {
	a, err := i.Store.Get(ctx, key)
	if err == nil && notify.Names(a, c.Config.Name) && asks(a, v) {
		to, err := i.ask(ctx, c, key, p, reference, v)
		return "", to, err
	}
	return i.vote(ctx, c, key, p.User.ID, rq, v, nil)
}

// ask opens the dialog for a vote with more than a button, for who may vote.
func (i *Interactions) ask(ctx context.Context, c *Channel, key approvals.Key, p slack.InteractionCallback, reference string, v approvals.Verdict) (templates.Voice, error) {
	a, id, err := i.voter(ctx, c, key, p.User.ID)
	to := i.voice(a, id)
	if err == nil {
		id, err = i.Desk.Prove(ctx, a, id, false)
	}
	if err == nil {
		err = approvals.MayVote(a, id)
	}
	if err != nil {
		return to, err
	}
	_, err = c.api.OpenViewContext(ctx, p.TriggerID, dialogFor(a, v, id.Name, reference, to))
	if err = c.failure(ctx, "views.open", err); err != nil {
		e := approvals.Errorf(approvals.CodeUnavailable, "Slack did not open the dialog. Try again, or decide on the page")
		e.Err = err
		return to, e
	}
	return to, nil
}

// submitted takes the dialog's vote and answers in the dialog.
func (i *Interactions) submitted(ctx context.Context, w http.ResponseWriter, signers []*Channel, p slack.InteractionCallback, rq request) {
	c, key, ok := dereference(signers, p.View.PrivateMetadata)
	v := verdictOf(p.View.CallbackID)
	if v == "" || !ok || p.View.State == nil {
		return
	}
	text, to, err := i.vote(ctx, c, key, p.User.ID, rq, v, p.View.State.Values)
	answer := slack.NewUpdateViewSubmissionResponse(said(text, to))
	if err != nil {
		answer = slack.NewErrorsViewSubmissionResponse(map[string]string{blockOf(err, p.View.State.Values): i.message(err, key, to)})
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer) // nobody is left to tell of a failure
}

// vote casts a ballot, with the answers of a dialog, and returns a sentence for the voter about
// its effect, and how to speak to them.
func (i *Interactions) vote(ctx context.Context, c *Channel, key approvals.Key, user string, rq request, v approvals.Verdict, x answers) (string, templates.Voice, error) {
	a, id, err := i.voter(ctx, c, key, user)
	to := i.voice(a, id)
	if err != nil {
		return "", to, err
	}
	b := x.ballot(a, v)
	b.Voter, b.Made = id, rq.made
	b.Voter.CredentialID += ", request " + rq.id
	a, did, err := i.Desk.Vote(ctx, key, b)
	if err != nil {
		return "", to, err
	}
	return counted(to, did, v, approvals.Missing(a)), to, nil
}

// counted tells a voter what came of their vote.
func counted(to templates.Voice, did approvals.Change, v approvals.Verdict, missing int) string {
	switch {
	case did == approvals.NoChange && v == approvals.Reject:
		return to.Say("Your rejection was already counted.")
	case did == approvals.NoChange:
		return to.Say("Your approval was already counted.")
	case v == approvals.Reject:
		return to.Say("Thanks. Your rejection is in.")
	case missing == 1:
		return to.Say("Thanks. Your approval is in; one more is needed.")
	case missing > 1:
		return to.Say("Thanks. Your approval is in; %d more are needed.", missing)
	}
	return to.Say("Thanks. Your approval is in.")
}

// voice speaks the language of a person, as far as a and id say who that is: theirs by the directory,
// else the Gate's, else English.
func (i *Interactions) voice(a approvals.Approval, id approvals.Identity) templates.Voice {
	return templates.NewVoice(templates.Match(i.People.LanguageFor(a, id.Name, id.Address)), i.People.ZoneFor(a, id.Name, id.Address))
}

// voter returns the Approval and the identity of a Slack user for it. It returns CodeForbidden unless
// a's Gate names the channel: a user can't decide from a channel that the Gate does not use.
func (i *Interactions) voter(ctx context.Context, c *Channel, key approvals.Key, user string) (approvals.Approval, approvals.Identity, error) {
	a, err := i.Store.Get(ctx, key)
	if err != nil {
		return a, approvals.Identity{}, err
	}
	if !notify.Names(a, c.Config.Name) {
		return a, approvals.Identity{}, approvals.Errorf(approvals.CodeForbidden, "this approval was not sent to Slack channel %s. Decide on the page", c.Config.Name)
	}
	id, err := c.person(ctx, a, user, i.People)
	return a, id, err
}

// message returns the part of err that people may read. The log gets the rest.
func (i *Interactions) message(err error, key approvals.Key, to templates.Voice) string {
	if code := approvals.CodeOf(err); code == approvals.CodeInternal || code == approvals.CodeUnavailable {
		i.Log.Error("slack: vote not taken", "namespace", key.Namespace, "approval", key.Name, "error", err.Error())
	}
	return to.Sentence(approvals.Discreet(err))
}

// tell answers one person, where Slack said that answers go.
func (c *Channel) tell(ctx context.Context, address, text string) error {
	if !c.Config.answers(address) {
		return errors.New("the answer's address is not Slack's")
	}
	body, err := json.Marshal(slack.WebhookMessage{Text: escape(approvals.Cut(text, maxField)), ResponseType: slack.ResponseTypeEphemeral})
	if err != nil {
		return err
	}
	_, err = c.out.Post(ctx, keyring.Secret(address), http.Header{"Content-Type": {"application/json"}}, body)
	return err
}

// reference names an Approval, and the channel that its message was sent over.
func (c *Channel) reference(k approvals.Key) string {
	return strings.Join([]string{c.Config.Name, k.Namespace, k.Name, k.UID}, "/")
}

func dereference(signers []*Channel, reference string) (*Channel, approvals.Key, bool) {
	parts := strings.Split(reference, "/")
	if len(parts) != 4 || slices.Contains(parts, "") {
		return nil, approvals.Key{}, false
	}
	for _, c := range signers {
		if c.Config.Name == parts[0] {
			return c, approvals.Key{Namespace: parts[1], Name: parts[2], UID: parts[3]}, true
		}
	}
	return nil, approvals.Key{}, false
}
