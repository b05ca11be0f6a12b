package slack

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slack-go/slack"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/internal/golden"
)

// bench is the endpoint in front of a VoteService, and the Slack that it asks.
type bench struct {
	*Interactions
	slack *workspace
	store *ct.MemStore
	log   bytes.Buffer
	serve int // requests so far: each is another one
}

func newBench(t *testing.T, a *ct.Builder, change func(*Config)) *bench {
	t.Helper()
	a.With(func(a *approvals.Approval) {
		if a.Resolved != nil {
			a.Resolved.Policy.Notify.Channels = []string{"ops"}
		}
	})
	b := &bench{slack: newWorkspace(t), store: ct.NewMemStore(a.Obj())}
	maps.Copy(b.slack.users, map[string]userInSlack{
		"UALICE": {Email: "Alice@example.com", Team: "T1"}, "UBOB": {Email: "bob@example.com", Team: "T1"}, "UZOE": {Email: "zoe@example.com", Team: "T1"},
		"UGUEST": {Email: "alice@example.com", Team: "T2"}, "USTRANGE": {Email: "alice@example.com", Team: "T1", Stranger: true}, "UMAYBE": {Email: "alice@example.com", Team: "T1", Unconfirmed: true},
		"UROBOT": {Email: "alice@example.com", Team: "T1", Robot: true}, "UNOBODY": {Team: "T1"},
	})
	c := bot(t, b.slack.URL, 2*time.Second)
	if change != nil {
		change(&c.Config)
	}
	now := func() time.Time { return ct.T0.Add(2 * time.Minute) }
	b.Interactions = &Interactions{Channels: []*Channel{c}, People: ct.Known("alice", "bob"), Store: b.store, Log: slog.New(slog.NewTextHandler(&b.log, nil)), Desk: &approvals.VoteService{
		Store: b.store, Now: now, Outcomes: ct.NoOutcomes{}, Voted: func(approvals.Approval, approvals.Verdict) {}, Results: ct.DefaultResults{},
	}}
	return b
}

const theReference = "ops/prod/apply-1/uid-apply-1"

// press is a button's payload.
func (b *bench) press(user, action, value string) map[string]any {
	return map[string]any{
		"type": "block_actions", "user": map[string]any{"id": user}, "trigger_id": "trigger-1", "response_url": b.slack.URL + "/answer",
		"actions": []map[string]any{{"type": "button", "block_id": "countersign", "action_id": action, "value": value, "action_ts": "1.1"}},
	}
}

// submit is the dialog's.
func submit(user, comment string) map[string]any {
	return map[string]any{
		"type": "view_submission", "user": map[string]any{"id": user},
		"view": map[string]any{
			"callback_id": viewReject, "private_metadata": theReference,
			"state": map[string]any{"values": map[string]any{blockComment: map[string]any{blockComment: map[string]any{"type": "plain_text_input", "value": comment}}}},
		},
	}
}

// post signs and posts a payload; every one is another request.
func (b *bench) post(t *testing.T, payload any) *httptest.ResponseRecorder {
	t.Helper()
	raw, err := json.Marshal(payload)
	if err != nil {
		t.Fatal(err)
	}
	b.serve++
	body := url.Values{"payload": {string(raw)}, "n": {strconv.Itoa(b.serve)}}.Encode()
	return b.send(body, headers(body, theSecret, time.Now()))
}

func headers(body, secret string, at time.Time) http.Header {
	ts := strconv.FormatInt(at.Unix(), 10)
	h := hmac.New(sha256.New, []byte(secret))
	h.Write([]byte("v0:" + ts + ":" + body))
	return http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "X-Slack-Request-Timestamp": {ts}, "X-Slack-Signature": {"v0=" + hex.EncodeToString(h.Sum(nil))}}
}

func (b *bench) send(body string, h http.Header) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/slack/interactions", strings.NewReader(body))
	r.Header = h
	w := httptest.NewRecorder()
	b.ServeHTTP(w, r)
	return w
}

// told returns the text of the last answer, which must be one that only the person who clicked
// sees.
func (b *bench) told(t *testing.T) string {
	t.Helper()
	b.slack.mu.Lock()
	defer b.slack.mu.Unlock()
	var m struct {
		Text         string `json:"text"`
		ResponseType string `json:"response_type"`
	}
	if s := b.slack.texts["/answer"]; s != "" {
		if err := json.Unmarshal([]byte(s), &m); err != nil || m.ResponseType != "ephemeral" {
			t.Errorf("%s: %v", s, err)
		}
	}
	return m.Text
}

// TestPress: a button votes for who Slack says pressed it, when we know them.
func TestPress(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	pending := func() *ct.Builder { return ct.Make("apply-1").Users("alice", "bob").Requester("zoe@example.com") }
	for name, c := range map[string]struct {
		a      *ct.Builder
		config func(*Config)
		user   string
		action string
		votes  string // voter, verdict, way, evidence
	}{
		"approves":   {pending(), nil, "UALICE", actionApprove, "alice approve Slack slack user UALICE"},
		"rejects":    {pending(), nil, "UBOB", actionReject, "bob reject Slack slack user UBOB"},
		"one of two": {pending().Quorum(2), nil, "UALICE", actionApprove, "alice approve Slack slack user UALICE"},
		"once more": {pending().Quorum(2).With(func(a *approvals.Approval) {
			a.Votes = []approvals.Vote{{Voter: "alice", Verdict: approvals.Approve, AuthMethod: approvals.AuthLink}}
		}), nil, "UALICE", actionApprove, "alice approve Link "},
		"listed by us":      {pending(), func(c *Config) { c.Users = map[string]string{"UNEW": "bob"} }, "UNEW", actionApprove, "bob approve Slack slack user UNEW"},
		"listed by address": {pending(), func(c *Config) { c.Users = map[string]string{"UNEW": "bob@example.com"} }, "UNEW", actionApprove, "bob approve Slack slack user UNEW"},
		"named by address": {ct.Make("apply-1").Users().With(func(a *approvals.Approval) {
			a.Resolved.Policy.Approvers = []approvals.Approver{{Name: "alice@example.com"}}
		}), nil, "UALICE", actionApprove, "alice@example.com approve Slack slack user UALICE"},
		"too late":           {pending().Voted("bob", approvals.Reject, ""), nil, "UALICE", actionApprove, "bob reject Token uid:bob"},
		"the requester":      {pending(), nil, "UZOE", actionApprove, ""},
		"asked for it":       {pending().Requester("alice"), nil, "UALICE", actionApprove, ""},
		"known, not asked":   {pending(), func(c *Config) { c.Users = map[string]string{"UNEW": "carol"} }, "UNEW", actionApprove, ""},
		"not an approver":    {ct.Make("apply-1").Users("bob"), nil, "UALICE", actionApprove, ""},
		"of another team":    {pending(), nil, "UGUEST", actionApprove, ""},
		"a stranger":         {pending(), nil, "USTRANGE", actionApprove, ""},
		"unconfirmed":        {pending(), nil, "UMAYBE", actionApprove, ""},
		"without an address": {pending(), nil, "UNOBODY", actionApprove, ""},
		"a robot":            {pending(), nil, "UROBOT", actionApprove, ""},
		"unknown":            {pending(), nil, "UNONE", actionApprove, ""},
		"no id":              {pending(), nil, "../users", actionApprove, ""},
		"shared address":     {pending().With(func(a *approvals.Approval) { a.Resolved.Policy.Approvers[1].Email = "alice@example.com" }), nil, "UALICE", actionApprove, "alice approve Slack slack user UALICE"},
		"the Gate's word": {pending().With(func(a *approvals.Approval) {
			a.Resolved.Policy.Approvers = []approvals.Approver{{Name: "ceo", Email: "alice@example.com"}}
		}), nil, "UALICE", actionApprove, ""},
		"not asked there": {pending(), func(c *Config) { c.Name = "others" }, "UALICE", actionApprove, ""},
		"a link":          {pending(), nil, "UALICE", "open", ""},
		"not resolved":    {ct.Make("apply-1").Unresolved(nil), nil, "UALICE", actionApprove, ""},
		"hostile":         {pending(), func(c *Config) { c.Users = map[string]string{"UNEW": "<!channel> & <script>"} }, "UNEW", actionApprove, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, c.a, c.config)
			if w := b.post(t, b.press(c.user, c.action, theReference)); w.Code != http.StatusOK || w.Body.Len() != 0 {
				t.Errorf("%d %s", w.Code, w.Body)
			}
			a, err := b.store.Get(t.Context(), approvals.Key{Namespace: "prod", Name: "apply-1"})
			if err != nil {
				t.Fatal(err)
			}
			var votes []string
			for _, v := range a.Votes {
				evidence, _, _ := strings.Cut(v.CredentialID, ", request ")
				votes = append(votes, v.Voter+" "+string(v.Verdict)+" "+string(v.AuthMethod)+" "+evidence)
			}
			if got := strings.Join(votes, "; "); got != c.votes {
				t.Errorf("votes %q, want %q", got, c.votes)
			}
			got := b.told(t)
			if silent := name == "a link" || name == "not asked there"; (got == "") != silent {
				t.Errorf("told %q", got)
			}
			if got != "" {
				said.Check(t, name, got)
			}
			ct.AssertLeaksNothing(t, "the log", b.log.String(), theToken, theSecret)
		})
	}
}

// TestOtherChannel: a channel that the Gate does not name can't decide, whatever its
// Slack signs.
func TestOtherChannel(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	b := newBench(t, ct.Make("apply-1"), nil)
	other := bot(t, b.slack.URL, time.Second)
	other.Config.Name = "others"
	b.Channels = append(b.Channels, other)
	b.post(t, b.press("UALICE", actionApprove, "others/prod/apply-1/uid-apply-1"))
	said.Check(t, "of another channel", b.told(t))
	if b.store.Writes() != 0 {
		t.Errorf("%d writes", b.store.Writes())
	}
	// Nor can a secret speak for a channel that has another one.
	b.Channels[0].Config.SigningSecret = []byte("another-signing-secret")
	b.post(t, b.press("UALICE", actionApprove, theReference))
	if b.store.Writes() != 0 {
		t.Error("another channel's secret voted")
	}
}

// TestDialog: a rejection with a comment, and what is wrong with it said in the
// dialog.
func TestDialog(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	b := newBench(t, ct.Make("apply-1").Requester("zoe@example.com"), nil)
	b.post(t, b.press("UZOE", actionComment, theReference))
	said.Check(t, "the requester", b.told(t))
	if strings.Contains(b.slack.called(), "views.open") {
		t.Error("the requester was shown the dialog")
	}
	b.post(t, b.press("UALICE", actionComment, theReference))
	if calls := b.slack.called(); !strings.HasSuffix(calls, "views.open") || b.store.Writes() != 0 {
		t.Errorf("called %s, %d writes", calls, b.store.Writes())
	}
	golden.JSON(t, "testdata/golden/dialog.json", []byte(b.slack.texts["views.open"]))

	w := b.post(t, submit("UALICE", strings.Repeat("x", 3000)))
	if !strings.Contains(w.Body.String(), `"response_action":"errors"`) {
		t.Errorf("%s", w.Body)
	}
	said.Check(t, "too long", w.Body.String())
	w = b.post(t, submit("UALICE", "too \u202erisky <!channel>"))
	if !strings.Contains(w.Body.String(), `"response_action":"update"`) {
		t.Errorf("%s", w.Body)
	}
	said.Check(t, "rejected", w.Body.String())
	a, _ := b.store.Get(t.Context(), approvals.Key{Namespace: "prod", Name: "apply-1"})
	if a.Outcome != approvals.Rejected || a.Votes[0].Comment != "too risky <!channel>" {
		t.Errorf("%s, %+v", a.Outcome, a.Votes)
	}
	b.slack.says["views.open"] = `{"ok":false,"error":"expired_trigger_id"}`
	c := newBench(t, ct.Make("apply-1"), nil)
	c.slack.says["views.open"] = `{"ok":false,"error":"expired_trigger_id"}`
	c.post(t, c.press("UALICE", actionComment, theReference))
	said.Check(t, "not opened", c.told(t))
	if !strings.Contains(c.log.String(), "expired_trigger_id") {
		t.Errorf("log %s", c.log.String())
	}
}

// TestApproveDialog: a Gate that requires a comment or for inputs has a dialog behind
// the button, with a field of the right kind for each, and says at the field what is
// wrong with it.
func TestApproveDialog(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	asking := func() *ct.Builder {
		return ct.Make("apply-1").Users("alice", "bob").Quorum(2).With(func(a *approvals.Approval) {
			p := a.Resolved.Policy
			p.Comment = approvals.CommentRequired
			p.Inputs = []approvals.Input{
				{Name: "ticket", Type: approvals.InputString, Required: true, Pattern: `OPS-\d+`, Description: "Such as OPS-123. <!channel>"},
				{Name: "size", Type: approvals.InputEnum, Options: []string{"small", strings.Repeat("large-", 40)}, Default: "small"},
				{Name: "replicas", Type: approvals.InputNumber, Default: "2.5"},
				{Name: "drain", Type: approvals.InputBool},
			}
		})
	}
	b := newBench(t, asking(), nil)
	b.post(t, b.press("UZOE", actionApprove, theReference))
	if strings.Contains(b.slack.called(), "views.open") {
		t.Error("a stranger was shown the dialog")
	}
	said.Check(t, "a stranger", b.told(t))
	b.post(t, b.press("UALICE", actionApprove, theReference))
	if calls := b.slack.called(); !strings.HasSuffix(calls, "views.open") || b.store.Writes() != 0 {
		t.Fatalf("called %s, %d writes", calls, b.store.Writes())
	}
	golden.JSON(t, "testdata/golden/approve-dialog.json", []byte(b.slack.texts["views.open"]))

	answer := func(comment, ticket, size, replicas, drain string) map[string]any {
		field := func(kind, value string) map[string]any {
			if kind == "static_select" {
				return map[string]any{"type": kind, "selected_option": map[string]any{"value": value}}
			}
			return map[string]any{"type": kind, "value": value}
		}
		values := map[string]any{}
		for block, f := range map[string]map[string]any{
			blockComment: field("plain_text_input", comment), "input-ticket": field("plain_text_input", ticket), "input-size": field("static_select", size),
			"input-replicas": field("number_input", replicas), "input-drain": field("static_select", drain), "input-other": field("plain_text_input", "x"),
		} {
			values[block] = map[string]any{block: f}
		}
		s := submit("UALICE", "")
		s["view"].(map[string]any)["callback_id"] = viewApprove
		s["view"].(map[string]any)["state"] = map[string]any{"values": values}
		return s
	}
	for name, c := range map[string]struct {
		payload map[string]any
		want    string
	}{
		"no comment":       {answer("", "OPS-1", "0", "2", "0"), `"comment":"Gate \"production\" requires a comment`},
		"no ticket":        {answer("ok", "", "0", "2", "0"), `"input-ticket":"Input \"ticket\" is required to approve`},
		"another pattern":  {answer("ok", "x", "0", "2", "0"), `"input-ticket":"Input \"ticket\" is \"x\": it must match`},
		"no number":        {answer("ok", "OPS-1", "0", "many", "0"), `"input-replicas":"Input \"replicas\" is \"many\"`},
		"no such option":   {answer("ok", "OPS-1", "7", "2", "0"), `"input-size":"Input \"size\" is \"option 7\"`},
		"a made up option": {answer("ok", "OPS-1", "0", "2", "-1"), `"input-drain":"Input \"drain\" is \"option -1\"`},
	} {
		w := b.post(t, c.payload)
		if !strings.Contains(w.Body.String(), `"response_action":"errors"`) || !strings.Contains(w.Body.String(), c.want) || b.store.Writes() != 0 {
			t.Errorf("%s: %s, want %s; %d writes", name, w.Body, c.want, b.store.Writes())
		}
	}
	w := b.post(t, answer("ship \u202eit", "OPS-1", "1", "3", ""))
	a, _ := b.store.Get(t.Context(), approvals.Key{Namespace: "prod", Name: "apply-1"})
	said.Check(t, "approved", w.Body.String())
	if len(a.Votes) != 1 || a.Votes[0].Verdict != approvals.Approve || a.Votes[0].Comment != "ship it" {
		t.Fatalf("%s; %+v", w.Body, a.Votes)
	}
	got := approvals.ByName(a.Votes[0].Inputs)
	if len(got) != 3 || got["ticket"] != "OPS-1" || got["size"] != strings.Repeat("large-", 40) || got["replicas"] != "3" {
		t.Errorf("inputs %v", got)
	}
	// Who was too late is told so in the dialog.
	done := newBench(t, asking().With(func(a *approvals.Approval) { a.Outcome, a.DecidedAt = approvals.Rejected, ct.T0 }), nil)
	w = done.post(t, answer("ok", "OPS-1", "0", "2", "0"))
	if !strings.Contains(w.Body.String(), `"response_action":"errors"`) || done.store.Writes() != 0 {
		t.Errorf("after the end: %s", w.Body)
	}
	said.Check(t, "after the end", w.Body.String())
}

// TestInTheirLanguage: who pressed a button is answered in their own language and time zone, or else in those of
// the Gate.
func TestInTheirLanguage(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	people, err := approvals.NewDirectory([]approvals.Person{
		{Names: []string{"alice"}, Emails: []string{"alice@example.com"}, Language: "de-AT", TimeZone: "Europe/Vienna"},
		{Names: []string{"bob"}, Emails: []string{"bob@example.com"}},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	gate := func(language, zone string) *ct.Builder {
		return ct.Make("apply-1").Users("alice", "bob").With(func(a *approvals.Approval) {
			a.Resolved.Policy.Language, a.Resolved.Policy.TimeZone = language, zone
		})
	}
	late := func(b *ct.Builder) *ct.Builder { return b.Voted("bob", approvals.Reject, "") }
	for name, c := range map[string]struct {
		a    *ct.Builder
		user string
	}{
		"hers, not the Gate's":      {late(gate("ja", "Asia/Tokyo")), "UALICE"},
		"the Gate's, German":        {late(gate("de", "Europe/Berlin")), "UBOB"},
		"the Gate's, Japanese":      {late(gate("ja", "Asia/Tokyo")), "UBOB"},
		"the Gate's, Korean":        {late(gate("ko", "Asia/Seoul")), "UBOB"},
		"the Gate's, Chinese":       {late(gate("zh-Hans", "Asia/Shanghai")), "UBOB"},
		"a language that is none":   {late(gate("fr", "Europe/Paris")), "UBOB"},
		"her address, no approver":  {gate("ja", "").Users("bob"), "UALICE"},
		"nobody here, Japanese":     {gate("ja", ""), "UZOE"},
		"nobody here, Korean":       {gate("ko", ""), "USTRANGE"},
		"nobody here, Chinese":      {gate("zh-Hans", ""), "UNOBODY"},
		"Slack is silent, Japanese": {gate("ja", ""), "UNONE"},
		"one of two, Korean":        {gate("ko", "").Quorum(2), "UBOB"},
		"one of three, Chinese":     {gate("zh-Hans", "").Users("alice", "bob", "carol").Quorum(3), "UBOB"},
	} {
		b := newBench(t, c.a, nil)
		b.People = people
		b.post(t, b.press(c.user, actionApprove, theReference))
		said.Check(t, name, b.told(t))
	}

	// The dialog, and what is wrong in it.
	b := newBench(t, gate("zh-Hans", "").Users("alice").With(func(a *approvals.Approval) { a.Resolved.Policy.Comment = approvals.CommentRequired }), nil)
	b.People = people
	b.post(t, b.press("UALICE", actionReject, theReference))
	golden.JSON(t, "testdata/golden/dialog.de.json", []byte(b.slack.texts["views.open"]))
	said.Check(t, "no comment", b.post(t, submit("UALICE", "")).Body.String())
	said.Check(t, "a comment", b.post(t, submit("UALICE", "no")).Body.String())
}

// delegates has bob for alice.
type delegates struct{}

func (delegates) Of(_ context.Context, name, _, _ string, _ time.Time) ([]string, error) {
	if name != "bob" {
		return nil, nil
	}
	return []string{"alice"}, nil
}

// allowed lets ron approve on any Gate.
type allowed struct{}

func (allowed) Has(_ context.Context, id approvals.Identity, _, _ string, r approvals.Right) (bool, error) {
	return id.Name == "ron" && r == approvals.RightApprove, nil
}

// TestDialogOfWhoIsNotNamed: who may vote by RBAC or as somebody's delegate is shown the
// dialog as they may press the button.
func TestDialogOfWhoIsNotNamed(t *testing.T) {
	t.Parallel()
	for user, shown := range map[string]bool{"UBOB": true, "URON": true, "UEVE": false} {
		b := newBench(t, ct.Make("apply-1").Users("alice").With(func(a *approvals.Approval) {
			a.Resolved.Policy.RBAC, a.Resolved.Policy.Comment = true, approvals.CommentRequired
		}), func(c *Config) { c.Users = map[string]string{"UBOB": "bob", "URON": "ron", "UEVE": "eve"} })
		desk := b.Desk.(*approvals.VoteService)
		desk.Delegates, desk.Rights = delegates{}, allowed{}
		b.post(t, b.press(user, actionApprove, theReference))
		if got := strings.HasSuffix(b.slack.called(), "views.open"); got != shown {
			t.Errorf("%s: dialog %t, told %q", user, got, b.told(t))
		}
		if w := b.post(t, submit(user, "no")); strings.Contains(w.Body.String(), `"response_action":"update"`) != shown {
			t.Errorf("%s: %s", user, w.Body)
		}
	}
}

// TestRejectButton: where a Gate wants a reason for a rejection, the plain button asks
// for it, and approving takes none.
func TestRejectButton(t *testing.T) {
	t.Parallel()
	b := newBench(t, ct.Make("apply-1").With(func(a *approvals.Approval) { a.Resolved.Policy.Comment = approvals.CommentRequiredOnReject }), nil)
	b.post(t, b.press("UALICE", actionReject, theReference))
	if !strings.HasSuffix(b.slack.called(), "views.open") || b.store.Writes() != 0 {
		t.Errorf("called %s, %d writes", b.slack.called(), b.store.Writes())
	}
	b.post(t, b.press("UALICE", actionApprove, theReference))
	if b.store.Writes() != 1 {
		t.Errorf("told %q", b.told(t))
	}
}

// TestUnsigned: what is not signed now, by our secret, over this body, does nothing.
func TestUnsigned(t *testing.T) {
	t.Parallel()
	b := newBench(t, ct.Make("apply-1"), nil)
	raw, err := json.Marshal(b.press("UALICE", actionApprove, theReference))
	if err != nil {
		t.Fatal(err)
	}
	body := url.Values{"payload": {string(raw)}}.Encode()
	without := func(name string) http.Header {
		h := headers(body, theSecret, time.Now())
		h.Del(name)
		return h
	}
	now := time.Now() // once: a second may begin between two looks at the clock
	stale := headers(body, theSecret, now)
	stale.Set("X-Slack-Request-Timestamp", strconv.FormatInt(now.Unix()-1, 10))
	for name, c := range map[string]struct {
		body   string
		header http.Header
		status int
	}{
		"another secret":  {body, headers(body, "another", time.Now()), 401},
		"another body":    {body + "&x=1", headers(body, theSecret, time.Now()), 401},
		"another time":    {body, stale, 401},
		"long ago":        {body, headers(body, theSecret, time.Now().Add(-6*time.Minute)), 401},
		"ahead of us":     {body, headers(body, theSecret, time.Now().Add(6*time.Minute)), 401},
		"no signature":    {body, without("X-Slack-Signature"), 401},
		"no time":         {body, without("X-Slack-Request-Timestamp"), 401},
		"too large":       {strings.Repeat("x", maxBody+1), headers(body, theSecret, time.Now()), 413},
		"payload":         {"x=1", headers("x=1", theSecret, time.Now()), 400},
		"payload no JSON": {"payload=x", headers("payload=x", theSecret, time.Now()), 400},
	} {
		if w := b.send(c.body, c.header); w.Code != c.status || b.store.Writes() != 0 {
			t.Errorf("%s: %d %s, want %d; %d writes", name, w.Code, w.Body, c.status, b.store.Writes())
		}
	}
	signed := headers(body, theSecret, time.Now())
	if w := b.send(body, signed); w.Code != http.StatusOK || b.store.Writes() != 1 {
		t.Errorf("signed: %d %s", w.Code, w.Body)
	}
	if w := b.send(body, signed); w.Code != http.StatusConflict || b.store.Writes() != 1 {
		t.Errorf("replayed: %d %s", w.Code, w.Body)
	}
}

// TestReplayedElsewhere: another replica has not seen the request, and takes it for no
// more than it was: neither a second vote nor one that its voter has taken back since.
func TestReplayedElsewhere(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	now := time.Now()
	b := newBench(t, ct.Make("apply-1").Users("alice", "bob").Quorum(2).With(func(a *approvals.Approval) { a.OpenedAt = now.Add(-time.Minute) }), nil)
	desk := *b.Desk.(*approvals.VoteService)
	desk.Now = func() time.Time { return now }
	b.Desk = &desk
	raw, err := json.Marshal(b.press("UALICE", actionApprove, theReference))
	if err != nil {
		t.Fatal(err)
	}
	body := url.Values{"payload": {string(raw)}}.Encode()
	signed := headers(body, theSecret, now)
	replay := func() approvals.Approval {
		t.Helper()
		b.seen = replays{}
		if w := b.send(body, signed); w.Code != http.StatusOK {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		a, err := b.store.Get(t.Context(), approvals.Key{Namespace: "prod", Name: "apply-1"})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	if a := replay(); len(a.Votes) != 1 {
		t.Fatalf("votes %+v, told %s", a.Votes, b.told(t))
	}
	if a := replay(); len(a.Votes) != 1 || b.store.Writes() != 1 {
		t.Errorf("the same again: votes %+v, %d writes", a.Votes, b.store.Writes())
	}
	now = now.Add(3 * time.Second)
	key := approvals.Key{Namespace: "prod", Name: "apply-1"}
	if _, did, err := desk.Vote(t.Context(), key, ct.Ballot("alice", approvals.Withdraw, "")); err != nil || did != approvals.Withdrew {
		t.Fatalf("%s, %v", did, err)
	}
	if a := replay(); len(a.Votes) != 0 {
		t.Errorf("withdrawn: votes %+v", a.Votes)
	}
	said.Check(t, "after it was withdrawn", b.told(t))
	signed = headers(body, theSecret, now)
	if a := replay(); len(a.Votes) != 1 {
		t.Errorf("pressed again: votes %+v, told %s", a.Votes, b.told(t))
	}
}

// TestNothing: what is signed and makes no sense is answered and does nothing.
func TestNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t, ct.Make("apply-1"), nil)
	elsewhere := b.press("UBOB", actionApprove, theReference)
	elsewhere["response_url"] = "https://evil.example.com/"
	for name, payload := range map[string]any{
		"another type": map[string]any{"type": "shortcut"}, "empty": map[string]any{}, "no action": map[string]any{"type": "block_actions"},
		"no reference": b.press("UALICE", actionApprove, ""), "half of one": b.press("UALICE", actionApprove, "ops/prod/apply-1"), "more than one": b.press("UALICE", actionApprove, theReference+"/x"),
		"another view": map[string]any{"type": "view_submission", "view": map[string]any{"callback_id": "x"}}, "a view, empty": map[string]any{"type": "view_submission", "view": map[string]any{"callback_id": viewReject, "private_metadata": theReference}},
		"gone": b.press("UALICE", actionApprove, "ops/prod/gone/uid"), "another of that name": b.press("UALICE", actionApprove, "ops/prod/apply-1/other-uid"),
		"answer elsewhere": elsewhere,
	} {
		if w := b.post(t, payload); w.Code != http.StatusOK || b.store.Writes() != 0 {
			t.Errorf("%s: %d, %d writes", name, w.Code, b.store.Writes())
		}
	}
	if !strings.Contains(b.log.String(), "the answer's address is not Slack's") {
		t.Errorf("log %s", b.log.String())
	}
}

// TestAnswers: where an answer may go.
func TestAnswers(t *testing.T) {
	t.Parallel()
	c := Config{API: DefaultAPI}
	for address, want := range map[string]bool{
		"https://hooks.slack.com/actions/T1/1/x": true, "https://slack.com/x": true, "http://hooks.slack.com/x": false, "https://hooks.slack.com.evil.example/x": false,
		"https://evil.example/hooks.slack.com": false, "": false, "://": false, "https://hooks.slack.com@evil.example/": false,
	} {
		if got := c.answers(address); got != want {
			t.Errorf("%s: %t", address, got)
		}
	}
}

// TestReplays: what is remembered is bounded.
func TestReplays(t *testing.T) {
	t.Parallel()
	var r replays
	for i := range 3 * maxSeen {
		if !r.first([]byte(strconv.Itoa(i))) {
			t.Fatalf("%d was never seen", i)
		}
	}
	if len(r.seen) != maxSeen || len(r.ring) != maxSeen || r.first([]byte(strconv.Itoa(2*maxSeen))) || !r.first([]byte("0")) {
		t.Errorf("%d are remembered", len(r.seen))
	}
}

// TestSlackIsSlow: the person is answered within Slack's three seconds, whatever
// Slack's own answers take.
func TestSlackIsSlow(t *testing.T) {
	t.Parallel()
	b := newBench(t, ct.Make("apply-1"), nil)
	c := bot(t, b.slack.URL, time.Minute)
	c.api = slack.New(theToken, slack.OptionHTTPClient(silent{}))
	b.Channels = []*Channel{c}
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		w := b.post(t, b.press("UALICE", actionApprove, theReference))
		if took := time.Since(begun); w.Code != http.StatusOK || took == 0 || took > 3*time.Second || b.store.Writes() != 0 {
			t.Errorf("%d after %s", w.Code, took)
		}
	})
}

// silent never answers. It is no server, so that no time passes but what is waited.
type silent struct{}

func (silent) Do(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, context.Cause(r.Context())
}
