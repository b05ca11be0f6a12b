package slack

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/approvals/notify"
	"github.com/countersign-dev/countersign/approvals/notify/notifytest"
	"github.com/countersign-dev/countersign/internal/golden"
	"github.com/countersign-dev/countersign/templates"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	theToken  = "xoxb-correct-horse-battery-staple"
	theSecret = "8f742231b10e8888abcd99yyyzzz85a5"
	thePath   = "/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX"
	theLink   = "https://approve.example.com/approvals/prod/apply-1"
)

func data(a approvals.Approval, _ string) (templates.Data, error) {
	return templates.Data{Approval: a, Link: theLink, Now: ct.T0}, nil
}

func bot(t *testing.T, address string, timeout time.Duration) *Channel {
	t.Helper()
	c := New(Config{Name: "ops", API: address + "/api/", Token: keyring.Secret(theToken), SigningSecret: keyring.Secret(theSecret), Room: "C0123456789", Timeout: timeout}, data, func() time.Time { return ct.T0 })
	t.Cleanup(c.Close)
	return c
}

func hook(t *testing.T, address string, timeout time.Duration) *Channel {
	t.Helper()
	c := New(Config{Name: "ops", WebhookURL: keyring.Secret(address + thePath), Timeout: timeout}, data, func() time.Time { return ct.T0 })
	t.Cleanup(c.Close)
	return c
}

// message reads the text and the blocks of a request's body, which is JSON or a form.
func message(t *testing.T, body []byte) (text string, blocks []byte) {
	t.Helper()
	if body[0] == '{' {
		var m struct {
			Text   string
			Blocks json.RawMessage
		}
		if err := json.Unmarshal(body, &m); err != nil {
			t.Fatal(err)
		}
		return m.Text, m.Blocks
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		t.Fatal(err)
	}
	return form.Get("text"), []byte(form.Get("blocks"))
}

func kit(k notifytest.Kit) notifytest.Kit {
	k.MaxBody = 64 << 10
	k.Strings = func(t *testing.T, body []byte) []string {
		text, blocks := message(t, body)
		return append(notifytest.JSONStrings(t, blocks), text)
	}
	k.Safe = func(t *testing.T, body []byte) {
		text, raw := message(t, body)
		if strings.ContainsAny(text, "<>") || strings.Contains(text, "@channel") || len(text) > 1000 {
			t.Errorf("the notification is %q", text)
		}
		var all []struct {
			Type     string
			Text     *struct{ Type, Text string }
			Elements []struct {
				Type     string
				Elements []struct{ Type, Text, Fallback string }
			}
		}
		if err := json.Unmarshal(raw, &all); err != nil {
			t.Fatal(err)
		}
		for _, b := range all {
			if b.Type == "header" && (b.Text.Type != "plain_text" || len([]rune(b.Text.Text)) > 150) {
				t.Errorf("header %+v", b.Text)
			}
			if b.Text != nil && b.Text.Type != "plain_text" && b.Text.Text != "<"+theLink+"|Open the approval>" {
				t.Errorf("%s: %q", b.Text.Type, b.Text.Text)
			}
			for _, e := range b.Elements {
				n := 0
				for _, x := range e.Elements { // nothing that Slack would make a mention, a link or an emoji of
					if n += len([]rune(x.Text + x.Fallback)); b.Type == "rich_text" && x.Type != "text" && x.Type != "date" {
						t.Errorf("a %s in %s", x.Type, e.Type)
					}
				}
				if n > 3000 {
					t.Errorf("%d characters in a %s", n, e.Type)
				}
			}
		}
		if len(all) > 50 || len(all) < 2 {
			t.Errorf("%d blocks", len(all))
		}
	}
	return k
}

func TestWebhookKit(t *testing.T) {
	t.Parallel()
	notifytest.Run(t, kit(notifytest.Kit{
		New: func(t *testing.T, address string, timeout time.Duration) notify.Channel {
			return hook(t, address, timeout)
		},
		Secrets: []string{thePath}, Answer: "ok",
	}))
}

func TestBotKit(t *testing.T) {
	t.Parallel()
	notifytest.Run(t, kit(notifytest.Kit{
		New: func(t *testing.T, address string, timeout time.Duration) notify.Channel {
			return bot(t, address, timeout)
		},
		Secrets: []string{theToken, theSecret}, Answer: `{"ok":true,"channel":"C0123456789","ts":"1772355600.000100"}`,
		Good: func(status int) bool { return status == http.StatusOK },
	}))
}

// workspace is a Slack in this process.
type workspace struct {
	*httptest.Server
	mu    sync.Mutex
	calls []string               // method and form
	says  map[string]string      // answers by method; "" for a good one
	forms map[string]url.Values  // the last of each method
	texts map[string]string      // the last body of each method that is JSON, and answers to people
	users map[string]userInSlack // by id
}

type userInSlack struct {
	Email, Team                  string
	Unconfirmed, Stranger, Robot bool
}

func newWorkspace(t *testing.T) *workspace {
	t.Helper()
	s := &workspace{says: map[string]string{}, forms: map[string]url.Values{}, texts: map[string]string{}, users: map[string]userInSlack{}}
	s.Server = notifytest.Serve(t, s.serve)
	return s
}

func (s *workspace) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	method := strings.TrimPrefix(r.URL.Path, "/api/")
	s.calls = append(s.calls, method)
	s.texts[method] = string(body)
	form, _ := url.ParseQuery(string(body))
	s.forms[method] = form
	if says := s.says[method]; says != "" {
		_, _ = io.WriteString(w, says)
		return
	}
	switch method {
	case "auth.test":
		_, _ = io.WriteString(w, `{"ok":true,"team_id":"T1"}`)
	case "users.info":
		id := form.Get("user")
		u, ok := s.users[id]
		if !ok {
			_, _ = io.WriteString(w, `{"ok":false,"error":"user_not_found"}`)
			return
		}
		fmt.Fprintf(w, `{"ok":true,"user":{"id":%q,"team_id":%q,"is_stranger":%t,"is_bot":%t,"is_email_confirmed":%t,"profile":{"email":%q}}}`, id, u.Team, u.Stranger, u.Robot, !u.Unconfirmed, u.Email)
	default:
		_, _ = io.WriteString(w, `{"ok":true,"channel":"C0123456789","ts":"1772355600.000100"}`)
	}
}

func (s *workspace) called() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := strings.Join(s.calls, " ")
	s.calls = nil
	return out
}

// TestBot: one message, answers to it, and the outcome in its place.
func TestBot(t *testing.T) {
	t.Parallel()
	s := newWorkspace(t)
	c := bot(t, s.URL, 5*time.Second)
	const id = "C0123456789/1772355600.000100"
	for _, x := range []struct {
		kind    notify.Kind
		earlier string
		says    string // of chat.update
		calls   string
		buttons bool
		thread  string
	}{
		{notify.Opened, "", "", "chat.postMessage", true, ""},
		{notify.Reminder, id, "", "chat.postMessage", false, "1772355600.000100"},
		{notify.Escalated, id, "", "chat.postMessage", false, "1772355600.000100"},
		{notify.Escalated, "", "", "chat.postMessage", true, ""},
		{notify.Decided, id, "", "chat.update", false, ""},
		{notify.Decided, "", "", "chat.postMessage", false, ""},
		{notify.Decided, "not a place", "", "chat.postMessage", false, ""},
		{notify.Decided, id, `{"ok":false,"error":"message_not_found"}`, "chat.update chat.postMessage", false, ""},
	} {
		s.says["chat.update"] = x.says
		m := notifytest.Message(x.kind, nil)
		m.Earlier = x.earlier
		got, err := c.Send(t.Context(), m)
		calls := s.called()
		if err != nil || got != id || calls != x.calls {
			t.Errorf("%s after %q: %q, %v by %s", x.kind, x.earlier, got, err, calls)
			continue
		}
		method := calls[strings.LastIndex(calls, " ")+1:]
		form := s.forms[method]
		if form.Get("thread_ts") != x.thread || strings.Contains(form.Get("blocks"), actionApprove) != x.buttons || form.Get("channel") != "C0123456789" {
			t.Errorf("%s after %q: %v", x.kind, x.earlier, form)
		}
		if x.kind == notify.Decided && !strings.Contains(form.Get("blocks"), `Decided by: ","style":{"bold":true}},{"type":"text","text":"alice"`) {
			t.Errorf("it does not say who decided: %s", form.Get("blocks"))
		}
		if x.earlier == "" && x.says == "" {
			name := "bot-" + string(x.kind) + ".json"
			golden.JSON(t, "testdata/golden/"+name, []byte(form.Get("blocks")))
		}
	}
}

// TestRefused: what Slack refuses is final, but for what goes by itself, and the
// error says what to do.
func TestRefused(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	s := newWorkspace(t)
	room := bot(t, s.URL, 5*time.Second)
	for name, c := range map[string]struct {
		answer string
		final  bool
	}{
		"not invited":     {`{"ok":false,"error":"not_in_channel"}`, true},
		"another token":   {`{"ok":false,"error":"invalid_auth"}`, true},
		"too often":       {`{"ok":false,"error":"ratelimited"}`, false},
		"broken":          {`{"ok":false,"error":"internal_error"}`, false},
		"our own token":   {`{"ok":false,"error":"` + theToken + "\u202e" + `"}`, true},
		"a page":          {`<html>maintenance</html>`, false},
		"nowhere":         {`{"ok":true}`, false},
		"a hostile place": {`{"ok":true,"channel":"C1","ts":"../../` + theToken + `"}`, false},
	} {
		s.says["chat.postMessage"] = c.answer
		_, err := room.Send(t.Context(), notifytest.Message(notify.Opened, nil))
		if err == nil || notifytest.Final(err) != c.final {
			t.Errorf("%s: final is %t: %v", name, notifytest.Final(err), err)
			continue
		}
		said.Check(t, name, err.Error())
		ct.AssertLeaksNothing(t, "the error", err.Error(), theToken, theSecret)
	}
}

func TestWebhookGolden(t *testing.T) {
	t.Parallel()
	for _, kind := range notifytest.Kinds {
		var body []byte
		s := notifytest.Serve(t, func(w http.ResponseWriter, r *http.Request) {
			body, _ = io.ReadAll(r.Body)
			_, _ = io.WriteString(w, "ok")
		})
		if _, err := hook(t, s.URL, 5*time.Second).Send(t.Context(), notifytest.Message(kind, nil)); err != nil {
			t.Fatal(err)
		}
		golden.JSON(t, "testdata/golden/"+"webhook-"+string(kind)+".json", body)
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	good := Config{API: DefaultAPI, Token: keyring.Secret(theToken), SigningSecret: keyring.Secret(theSecret), Room: "C0123456789", Users: map[string]string{"U0123": "alice"}}
	for name, c := range map[string]struct {
		change  func(*Config)
		refused bool
	}{
		"a bot":            {func(*Config) {}, false},
		"a webhook":        {func(c *Config) { *c = Config{WebhookURL: keyring.Secret("https://hooks.slack.com/services/T/B/X")} }, false},
		"both":             {func(c *Config) { c.WebhookURL = keyring.Secret("https://hooks.slack.com/services/T/B/X") }, true},
		"neither":          {func(c *Config) { c.Token = nil }, true},
		"no secret":        {func(c *Config) { c.SigningSecret = nil }, true},
		"a room's name":    {func(c *Config) { c.Room = "#ops" }, true},
		"a user's name":    {func(c *Config) { c.Users = map[string]string{"@alice": "alice"} }, true},
		"nobody":           {func(c *Config) { c.Users = map[string]string{"U0123": ""} }, true},
		"in the clear":     {func(c *Config) { c.API = "http://slack.example.com/api/" }, true},
		"no slash":         {func(c *Config) { c.API = "https://slack.com/api" }, true},
		"webhook in clear": {func(c *Config) { *c = Config{WebhookURL: keyring.Secret("http://hooks.example.com/" + theSecret)} }, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conf := good
			c.change(&conf)
			err := conf.Validate()
			if (err != nil) != c.refused || err != nil && strings.Contains(err.Error(), theSecret) {
				t.Errorf("%v, refused should be %t", err, c.refused)
			}
			if err != nil {
				said.Check(t, name, err.Error())
			}
		})
	}
}

// Approve asks once more, and is not there where the message does not show all.
func TestApproveIsDeliberate(t *testing.T) {
	t.Parallel()
	const plan = "Terraform will perform the following actions:\n\n  # a.b will be destroyed\n  - resource \"a\" \"b\" {\n      - id = \"1\" -> null\n    }\n\nPlan: 0 to add, 0 to change, 1 to destroy.\n"
	for name, x := range map[string]struct {
		text, link      string
		review, approve bool
	}{
		"it fits":         {plan, theLink, false, true},
		"it does not":     {plan + strings.Repeat("a remark\n", 2000) + strings.Repeat(plan, 200), theLink, true, false},
		"and has no page": {strings.Repeat(plan, 200), "", false, true},
		"some is missing": {plan[:100], theLink, true, false},
	} {
		a := ct.Make("apply-1").Obj()
		card := templates.NewCard(templates.Data{Approval: a, Link: x.link, Now: ct.T0, Shown: []approvals.Param{{Name: "plan", Value: x.text}}})
		body, err := json.Marshal(bot(t, "https://slack.example.com", time.Second).buttons(a, card))
		if err != nil {
			t.Fatal(err)
		}
		got := string(body)
		if strings.Contains(got, actionReview) != x.review || strings.Contains(got, `"`+actionApprove+`"`) != x.approve || !strings.Contains(got, actionReject) {
			t.Errorf("%s: %s", name, got)
		}
		if x.approve && !strings.Contains(got, `"confirm":{"title":{"type":"plain_text","text":"Approve?"`) || x.review && !strings.Contains(got, `"url":"`+theLink+`"`) {
			t.Errorf("%s: %s", name, got)
		}
	}
}
