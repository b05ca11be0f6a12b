package notifytest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/notify"
)

// Kit is a channel and what to expect of it.
type Kit struct {
	// New makes the channel; address is the other side's, without a path.
	New func(t *testing.T, address string, timeout time.Duration) notify.Channel
	// Secrets are in its configuration, and in the answers of servers that send back
	// what they were sent.
	Secrets []string
	// Answer is the body of a good answer, and Good reports whether a status is good; nil: every
	// 2xx is.
	Answer string
	Good   func(status int) bool
	// MaxBody is the limit of a request's body in bytes, as the other side has it.
	MaxBody int
	// Strings are the texts of a request's body; nil: it is JSON.
	Strings func(t *testing.T, body []byte) []string
	// Safe fails when text in a request's body could be taken for more than text.
	Safe func(t *testing.T, body []byte)
}

// Kinds is every kind of message.
var Kinds = []notify.Kind{notify.Opened, notify.Reminder, notify.Escalated, notify.Commented, notify.Decided, notify.RunEnded}

// Message is a message of that kind about b, or about a plain Approval.
func Message(k notify.Kind, b *ct.Builder) notify.Message {
	if b == nil {
		b = ct.Make("apply-1")
	}
	b.With(func(a *approvals.Approval) {
		a.Resolved.Params = append(a.Resolved.Params, approvals.Param{Name: "repo-full-name", Value: "acme/shop"}, approvals.Param{Name: "revision", Value: "8d1f0c6e2b7a4493bd0f8a1c55e9d7b6a2f3c410"})
	})
	if (k == notify.Decided || k == notify.RunEnded) && !b.Obj().Decided() {
		b.Voted("alice", approvals.Approve, "looks right")
	}
	if k == notify.RunEnded && b.Obj().RunEnd == nil {
		b.With(func(a *approvals.Approval) {
			a.SecondRun = &approvals.Run{Name: "apply-7k2px4mzq3tajw5d", UID: "run-2", Pipeline: "apply", At: a.DecidedAt.Add(time.Second)}
			a.RunEnd = &approvals.RunEnd{
				Outcome: approvals.RunFailed, StartedAt: a.DecidedAt.Add(time.Second), EndedAt: a.DecidedAt.Add(43 * time.Second),
				Task: "apply", Message: "\"step-apply\" exited with code 1: Error",
			}
		})
	}
	event := string(k)
	if k == notify.Reminder || k == notify.Commented {
		event += "-2"
	}
	if k == notify.Commented {
		b = b.With(func(a *approvals.Approval) {
			a.Discussion = []approvals.Comment{
				{By: "alice", Text: "the subnet is wrong", NeedsChanges: true, At: ct.T0.Add(time.Minute)},
				{By: "rita", Text: "it is 10.0.2.0/24 now", At: ct.T0.Add(2 * time.Minute)},
			}
		})
	}
	return notify.Message{ID: "0123456789abcdef0123456789abcdef", Kind: k, Event: event, Approval: b.Obj()}
}

// Run runs every test of the kit.
func Run(t *testing.T, k Kit) {
	t.Helper()
	if k.Good == nil {
		k.Good = func(status int) bool { return status/100 == 2 }
	}
	if k.Strings == nil {
		k.Strings = JSONStrings
	}
	for name, test := range map[string]func(*testing.T, Kit){
		"statuses": statuses, "retry after": retryAfter, "timeouts": timeouts, "redirects": redirects, "leaks": leaks, "large answers": large, "hostile text": hostile, "unnamed": unnamed, "zones": zones,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, k)
		})
	}
}

// statuses: 2xx is good, 429 and 5xx are tried again, all others are final.
func statuses(t *testing.T, k Kit) {
	var mu sync.Mutex
	status := 0
	s := Serve(t, func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		w.WriteHeader(status)
		_, _ = io.WriteString(w, k.Answer)
	})
	c := k.New(t, s.URL, 5*time.Second)
	for code := 200; code < 600; code++ {
		mu.Lock()
		status = code
		mu.Unlock()
		_, err := c.Send(t.Context(), Message(notify.Opened, nil))
		if (err == nil) != k.Good(code) && code != http.StatusNoContent && code != http.StatusResetContent {
			t.Errorf("%d: %v", code, err)
		}
		again := code == http.StatusTooManyRequests || code >= 500 || code/100 == 2
		if err != nil && (Final(err) == again || code/100 != 2 && !strings.Contains(err.Error(), fmt.Sprint(code))) {
			t.Errorf("%d: final is %t: %v", code, Final(err), err)
		}
	}
}

// retryAfter: who asks for time gets it.
func retryAfter(t *testing.T, k Kit) {
	for header, want := range map[string]time.Duration{
		"": 0, "30": 30 * time.Second, "-5": 0, "soon": 0, "99999999999999999999": 0,
		ct.T0.Add(2 * time.Minute).UTC().Format(http.TimeFormat): 2 * time.Minute, ct.T0.Add(-time.Minute).UTC().Format(http.TimeFormat): 0,
	} {
		for _, status := range []int{http.StatusTooManyRequests, http.StatusServiceUnavailable} {
			s := Serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", header)
				w.WriteHeader(status)
			})
			_, err := k.New(t, s.URL, 5*time.Second).Send(t.Context(), Message(notify.Opened, nil))
			f, ok := errors.AsType[*notify.Failure](err)
			if !ok || f.Final || f.After != want {
				t.Errorf("%d with %q: %+v, want to wait %s", status, header, err, want)
			}
		}
	}
}

// timeouts: Send returns within its timeout, with an error that names it, when the other side does
// not answer, stops in the middle of an answer, or does not listen.
func timeouts(t *testing.T, k Kit) {
	for name, h := range map[string]http.HandlerFunc{
		"no answer": func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // only then the server sees that the client has gone
			<-r.Context().Done()
		},
		"half an answer": func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "{")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		},
	} {
		s := Serve(t, h)
		_, err := k.New(t, s.URL, 50*time.Millisecond).Send(t.Context(), Message(notify.Opened, nil))
		if err == nil || !strings.Contains(err.Error(), "did not answer within 50ms") || Final(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	s := Serve(t, func(http.ResponseWriter, *http.Request) {})
	c := k.New(t, s.URL, 5*time.Second)
	s.Close()
	_, err := c.Send(t.Context(), Message(notify.Opened, nil))
	if err == nil || !strings.Contains(err.Error(), "refused") || Final(err) {
		t.Errorf("down: %v", err)
	}
	ct.AssertLeaksNothing(t, "down", err.Error(), k.Secrets...)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("shutting down"))
	if _, err := c.Send(ctx, Message(notify.Opened, nil)); err == nil || !strings.Contains(err.Error(), "shutting down") {
		t.Errorf("shutting down: %v", err)
	}
}

// redirects: a secret never goes where somebody else sends it.
func redirects(t *testing.T, k Kit) {
	elsewhere := Serve(t, func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("%s %s was sent elsewhere", r.Method, r.URL.Path)
	})
	for _, status := range []int{301, 302, 303, 307, 308} {
		s := Serve(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL+"/?"+r.URL.Path, status)
		})
		_, err := k.New(t, s.URL, 5*time.Second).Send(t.Context(), Message(notify.Opened, nil))
		if err == nil || !Final(err) || !strings.Contains(err.Error(), "redirect") {
			t.Errorf("%d: %v", status, err)
			continue
		}
		ct.AssertLeaksNothing(t, "a redirect", err.Error(), k.Secrets...)
	}
}

// leaks: a server that sends back all that it was sent puts no secret into the
// error, which people see on the Approval.
func leaks(t *testing.T, k Kit) {
	for _, status := range []int{400, 401, 404, 500} {
		s := Serve(t, func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			w.WriteHeader(status)
			fmt.Fprintf(w, "no: %s\n\u202e%v\n%s %s", r.URL, r.Header, body[:min(len(body), 50)], strings.Join(k.Secrets, " "))
		})
		c := k.New(t, s.URL, 5*time.Second)
		_, err := c.Send(t.Context(), Message(notify.Opened, nil))
		if err == nil || len(err.Error()) > 600 || strings.ContainsAny(err.Error(), "\n\u202e") {
			t.Errorf("%d: %v", status, err)
			continue
		}
		ct.AssertLeaksNothing(t, "the error", err.Error(), k.Secrets...)
		ct.AssertLeaksNothing(t, "the channel, printed", fmt.Sprintf("%v %+v %#v", c, c, c), k.Secrets...)
	}
}

// large: an answer without end takes neither memory nor time without end.
func large(t *testing.T, k Kit) {
	for _, status := range []int{200, 500} {
		s := Serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			chunk := []byte(strings.Repeat(" ", 64<<10))
			for range 10_000 {
				if _, err := w.Write(chunk); err != nil {
					return
				}
			}
			t.Errorf("%d: all of it was read", status)
		})
		if _, err := k.New(t, s.URL, 5*time.Second).Send(t.Context(), Message(notify.Opened, nil)); err != nil && len(err.Error()) > 600 {
			t.Errorf("an error of %d bytes", len(err.Error()))
		}
	}
}

// Hostile are texts that want to be more than text.
var Hostile = []string{
	"\" ' ` \\ \r\nX-Evil: 1\r\n\r\n<script>alert(1)</script> &lt; & {{x}} ${x} $(x) %s",
	"@channel @here @everyone <!channel> <!here> <@U012345> <#C01|x> <https://evil.example|click> *bold* _i_ ~s~ :tada:",
	"[click](https://evil.example) **bold** # head\n- item | a | b |\n```\ncode\n``` <at>everyone</at> {{DATE(2026-01-01T00:00:00Z)}} @octocat",
	"\u202ereversed\u2066 \u200bzero\u00adwidth \x00\x1b[31m \u2028 \ufeff bad \xff\xfe",
	strings.Repeat("0123456789", 10_000),
	strings.Repeat("\u202e<!channel>\n", 9_000),
	strings.Repeat("é\"<&>", 20_000),
}

// hostile: text is text in every message, and is cut.
func hostile(t *testing.T, k Kit) {
	for i, evil := range Hostile {
		for _, kind := range Kinds {
			var mu sync.Mutex
			var bodies [][]byte
			s := Serve(t, func(w http.ResponseWriter, r *http.Request) {
				b, _ := io.ReadAll(r.Body)
				mu.Lock()
				defer mu.Unlock()
				bodies = append(bodies, b)
				_, _ = io.WriteString(w, k.Answer)
			})
			b := ct.Make("apply-1").With(func(a *approvals.Approval) {
				a.Trigger = evil
				a.Source.Run.Pipeline, a.Source.Run.Name = evil, evil
				a.Source.Results = []approvals.Param{{Name: evil, Value: evil}}
				a.Resolved.Requester, a.Resolved.Policy.Gate, a.Resolved.Policy.Groups = evil, evil, slices.Repeat([]string{evil}, 64)
				a.Resolved.Params = slices.Repeat([]approvals.Param{{Name: evil, Value: evil}}, 12)
			})
			m := Message(kind, b)
			m.Approval.Discussion = slices.Repeat([]approvals.Comment{{By: evil, DisplayName: evil, Text: evil, NeedsChanges: true, At: ct.T0}}, approvals.MaxDiscussion)
			m.Approval.Votes = slices.Repeat([]approvals.Vote{{Voter: evil, Verdict: approvals.Approve, Comment: evil, At: ct.T0}}, 128)
			if _, err := k.New(t, s.URL, 5*time.Second).Send(t.Context(), m); err != nil {
				t.Fatalf("%d, %s: %v", i, kind, err)
			}
			for _, body := range bodies {
				if len(body) > k.MaxBody || !utf8.Valid(body) {
					t.Errorf("%d, %s: %d bytes and the limit is %d; UTF-8 is %t", i, kind, len(body), k.MaxBody, utf8.Valid(body))
				}
				for _, text := range k.Strings(t, body) {
					if j := strings.IndexFunc(text, deceptive); j >= 0 {
						t.Fatalf("%d, %s: %q has a character that deceives at %d", i, kind, text, j)
					}
				}
				k.Safe(t, body)
			}
		}
	}
}

func deceptive(r rune) bool {
	return r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control) || r == '\u2028')
}

// Serve is a server for one test.
func Serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s
}

// Final reports whether no further attempt can fix err.
func Final(err error) bool {
	f, ok := errors.AsType[*notify.Failure](err)
	return ok && f.Final
}

// JSONStrings are all strings of JSON, names of fields included.
func JSONStrings(t *testing.T, body []byte) []string {
	t.Helper()
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		t.Fatalf("not JSON: %v\n%.300s", err, body)
	}
	return collect(v)
}

func collect(v any) []string {
	var out []string
	switch x := v.(type) {
	case string:
		out = append(out, x)
	case []any:
		for _, e := range x {
			out = append(out, collect(e)...)
		}
	case map[string]any:
		for name, e := range x {
			out = append(append(out, name), collect(e)...)
		}
	}
	return out
}
