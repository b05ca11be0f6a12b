//go:build chaos

package chaos

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/test/chaos/history"
)

// Each request is a connection of its own, as a person's is: kube-proxy chooses anew.
var (
	insecure = &tls.Config{InsecureSkipVerify: true} //nolint:gosec // as somebody who only wants in
	web      = &http.Client{Timeout: 15 * time.Second, Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: insecure}}
	api      = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 32, TLSClientConfig: insecure}}
)

// hostile has texts that people may write behind the words by which their votes are told apart.
var hostile = []string{"", "", "", "", " $(uid)", ` say "yes" and 'go' \ back`, " ✅ Привет", "\nsecond line", " $(tasks.a.results.b)", ` ["x"]`, " <b>&amp;", " $(tt.params.version)"}

var opIDs atomic.Int64

// post is one request; a status of 0 says that there was no answer.
func post(ctx context.Context, c *http.Client, to string, header map[string]string, body []byte) (status int, text string) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return 0, err.Error()
	}
	for k, v := range header {
		req.Header.Set(k, v)
	}
	resp, err := c.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return 0, "status " + resp.Status + ", body: " + err.Error()
	}
	return resp.StatusCode, string(b)
}

func asJSON(token string) map[string]string {
	return map[string]string{"Content-Type": "application/json", "Authorization": "Bearer " + token}
}

// step does one step of a plan, with tries until there is a definite answer.
func (l *load) step(ctx context.Context, p *history.Plan, s history.Step) {
	rng := rand.New(rand.NewPCG(l.seed, uint64(p.ID)*1000+uint64(s.Seq)))
	op := history.Op{
		ID: int(opIDs.Add(1)), Plan: p.ID, Approval: p.Approval, Kind: "vote", Voter: l.w.name(s.Who), Way: s.Way, Verdict: s.Verdict,
		Allowed: history.Gates[p.Gate].May(l.w.ns, l.w.name(s.Who), s.Verdict, p.Request),
	}
	if s.Verdict == "cancel" {
		op.Kind, op.Allowed = "cancel", s.Who == "op"
	}
	if s.Verdict != "withdraw" {
		op.Comment = fmt.Sprintf("op %d of plan %d%s", op.ID, p.ID, hostile[rng.IntN(len(hostile))])
	}
	switch s.Way {
	case history.Link:
		l.byLink(ctx, op, s)
	case history.Object:
		l.byObject(ctx, op, s, false)
	default:
		if s.Twice {
			done := make(chan struct{})
			go func() {
				defer close(done)
				l.tries(ctx, op, s, func(o *history.Op) { l.byToken(ctx, o, s.Who) })
			}()
			defer func() { <-done }()
		}
		l.tries(ctx, op, s, func(o *history.Op) { l.byToken(ctx, o, s.Who) })
	}
}

// tries does f again until there is a definite answer, as a person would.
func (l *load) tries(ctx context.Context, op history.Op, s history.Step, f func(*history.Op)) {
	for try := range 60 {
		o := op
		o.Try, o.Start = try, time.Now()
		f(&o)
		o.End = time.Now()
		l.o.Add(history.OpsFile, o)
		if o.Definite() || s.OneTry || ctx.Err() != nil {
			return
		}
		wait(ctx, time.Duration(300+rand.IntN(700))*time.Millisecond)
	}
}

// base returns the address for a request: the Service, or now and then one replica.
func (l *load) base(o *history.Op) string {
	if ips := l.v.addresses(); len(ips) > 0 && rand.IntN(5) == 0 {
		o.Via = ips[rand.IntN(len(ips))]
		return "http://" + o.Via + ":8080"
	}
	return l.w.url
}

func (l *load) byToken(ctx context.Context, o *history.Op, who string) {
	path, body := "/votes", map[string]any{"vote": o.Verdict, "comment": o.Comment}
	if !o.IsVote() {
		path, body = "/cancel", map[string]any{"reason": o.Comment}
	}
	b, err := json.Marshal(body)
	if err != nil {
		o.Text = err.Error()
		return
	}
	o.Status, o.Text = post(ctx, web, l.base(o)+"/api/v1/namespaces/"+l.w.ns+"/approvals/"+o.Approval+path, asJSON(l.w.tokens[who]), b)
	if o.Status/100 == 2 {
		o.Text = "" // the Approval, which the watch has too
	}
}

func (l *load) byLink(ctx context.Context, op history.Op, s history.Step) {
	once, cancel := context.WithTimeout(ctx, 90*time.Second)
	token := l.box.link(once, op.Voter, op.Approval)
	cancel()
	if token == "" {
		l.o.Add(history.SkippedFile, map[string]any{"plan": op.Plan, "approval": op.Approval, "who": s.Who, "why": "no mail within 90 s", "at": time.Now()})
		return
	}
	l.tries(ctx, op, s, func(o *history.Op) {
		form := url.Values{"vote": {o.Verdict}, "comment": {o.Comment}}
		var page string
		o.Status, page = post(ctx, web, l.base(o)+"/links/"+token, map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, []byte(form.Encode()))
		o.Text = notice(page)
	})
}

// notice is the page's sentence about the vote.
func notice(page string) string {
	for _, s := range []string{"not known whether", `data-result="`, `role="alert"`, `class="wrap problem"`} {
		if i := strings.Index(page, s); i >= 0 {
			return strings.Join(strings.Fields(page[max(0, i-100):min(len(page), i+len(s)+300)]), " ")
		}
	}
	return page[:min(len(page), 300)]
}

// byObject creates a Vote at the API server and waits for what becomes of it. again says
// that a message asked for another one.
func (l *load) byObject(ctx context.Context, op history.Op, s history.Step, again bool) {
	op.Object = fmt.Sprintf("vote-%d-%d", op.Plan, op.ID)
	spec := map[string]any{"approval": op.Approval, "voter": op.Voter, "verdict": op.Verdict}
	if op.Comment != "" {
		spec["comment"] = op.Comment
	}
	if s.Who == "eve" && op.ID%2 == 0 { // as somebody else
		spec["voter"] = l.w.name("ann")
	}
	body, err := json.Marshal(map[string]any{
		"apiVersion": "countersign.dev/v1alpha1", "kind": "Vote", "metadata": map[string]any{"name": op.Object}, "spec": spec,
	})
	if err != nil {
		op.Text = err.Error()
		return
	}
	op.Start = time.Now()
	unsure := false // an earlier try may have been taken
	for range 60 {
		op.Status, op.Text = post(ctx, api, l.w.rest.Host+"/apis/countersign.dev/v1alpha1/namespaces/"+l.w.ns+"/votes", asJSON(l.w.tokens[s.Who]), body)
		if op.Status == 409 { // an earlier try was taken, whose answer got lost
			op.Status = 201
		}
		if op.Status != 0 && op.Status < 500 && op.Status != 429 || ctx.Err() != nil {
			break
		}
		unsure = true
		wait(ctx, 500*time.Millisecond)
	}
	if unsure && op.Status != 201 {
		op.Status = 0
	}
	if op.Status == 201 {
		op.Text, op.Via = l.folded(ctx, op.Object)
	}
	op.End = time.Now()
	l.o.Add(history.OpsFile, op)
	if op.Text == "Refused" && !again && slices.ContainsFunc([]string{"try again", "another vote", "another Vote", "once more"}, func(s string) bool { return strings.Contains(op.Via, s) }) {
		l.o.Add(history.ObeyedFile, history.Obeyed{Approval: op.Approval, Reason: "Refused", Message: op.Via, Did: "voted again", At: time.Now()})
		op.ID, op.Via = int(opIDs.Add(1)), ""
		l.byObject(ctx, op, s, true)
	}
}

// folded returns the state and message of a Vote, for which it waits; "" when there is none in five
// minutes.
func (l *load) folded(ctx context.Context, name string) (state, message string) {
	once, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	_ = persist(once, func() error {
		var v v1alpha1.Vote
		if err := l.w.Get(once, types.NamespacedName{Namespace: l.w.ns, Name: name}, &v); err != nil {
			return err
		}
		if v.Status.State == "" {
			return errors.New("not yet")
		}
		state, message = string(v.Status.State), v.Status.Message
		return nil
	})
	return state, message
}
