//go:build pages

package pages

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/countersign-dev/countersign/templates"
	"github.com/countersign-dev/countersign/test/wait"
)

// stage is one address whose page can be changed while somebody looks at it.
type stage struct {
	mu   sync.Mutex
	page string
	gone bool
	asks int
}

func (s *stage) show(t *testing.T, name string) {
	t.Helper()
	b, err := os.ReadFile(golden + "/" + name)
	if err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.page = string(b)
}

func (s *stage) asked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asks
}

func (s *stage) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asks++
	w.Header().Set("Content-Security-Policy", policy+"; connect-src 'self'")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if s.gone {
		w.WriteHeader(http.StatusGone)
	}
	fmt.Fprint(w, s.page)
}

// TestLinkPageFollows: without a login a page that waits for the second run comes to show
// it, to its end, and keeps what its reader has opened; then it asks no more.
func TestLinkPageFollows(t *testing.T) {
	s := &stage{}
	mux := http.NewServeMux()
	mux.Handle("GET /static/", http.StripPrefix("/static/", http.FileServerFS(templates.Static)))
	mux.Handle("GET /links/token", s)
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	ctx := chromium(t)
	until := func(want string) {
		t.Helper()
		wait.Eventually(t, time.Minute, want, func() error {
			if text := eval[string](t, ctx, `document.querySelector(".state").innerHTML`); !strings.Contains(text, want) {
				return fmt.Errorf("the page shows %q", text)
			}
			return nil
		})
	}
	asked := func(n int) {
		t.Helper()
		wait.Eventually(t, time.Minute, "a question", func() error {
			if got := s.asked(); got < n {
				return fmt.Errorf("%d questions, want %d", got, n)
			}
			return nil
		})
	}
	silent := func(during time.Duration, n int) {
		t.Helper()
		wait.Consistently(t, during, "no more questions", func() error {
			if got := s.asked(); got != n {
				return fmt.Errorf("%d questions, want %d", got, n)
			}
			return nil
		})
	}
	s.show(t, "approved-starting.html")
	do(t, ctx, chromedp.Navigate(srv.URL+"/links/token"))
	until("next starting")
	eval[chromedp.Void](t, ctx, `document.querySelector("details").open = true; window.same = true`)
	s.show(t, "approved-running.html")
	until("next running")
	if !eval[bool](t, ctx, `window.same && document.querySelector("details").open`) {
		t.Error("the page was loaded again, or what was opened was closed")
	}
	s.show(t, "run-succeeded.html")
	until("ended succeeded")
	silent(4*time.Second, s.asked()) // there is nothing to wait for
	// A link that has ended ends the asking.
	s.show(t, "approved-starting.html")
	do(t, ctx, chromedp.Navigate(srv.URL+"/links/token"))
	s.mu.Lock()
	s.gone, s.asks = true, 0
	s.mu.Unlock()
	asked(1)
	silent(5*time.Second, 1) // of what is gone; it would ask again after three
}

// TestLinkPageKeepsWords: while it waits a page behind a link asks now and then, leaves what
// somebody types alone, and gives it back when the form is gone.
func TestLinkPageKeepsWords(t *testing.T) {
	s := &stage{}
	mux := http.NewServeMux()
	mux.Handle("GET /static/", http.StripPrefix("/static/", http.FileServerFS(templates.Static)))
	mux.Handle("GET /links/token", s)
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	ctx := chromium(t)
	often := func(name string) {
		t.Helper()
		s.show(t, name)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.page = strings.ReplaceAll(s.page, `data-poll="12"`, `data-poll="1"`)
	}
	until := func(script string) {
		t.Helper()
		wait.Eventually(t, time.Minute, script, func() error {
			if !eval[bool](t, ctx, script) {
				return errors.New(eval[string](t, ctx, `document.querySelector("main").innerText`))
			}
			return nil
		})
	}
	often("quorum-one-vote.html")
	do(t, ctx, chromedp.Navigate(srv.URL+"/links/token"))
	eval[chromedp.Void](t, ctx, `comment.focus(); comment.value = "x".repeat(1700); comment.dispatchEvent(new Event("input", { bubbles: true })); comment.setSelectionRange(3, 3)`)
	until(`document.getElementById("comment-left").textContent === "1,700 of 2,048 characters"`)
	before := s.asked()
	wait.Eventually(t, time.Minute, "two questions", func() error {
		if got := s.asked(); got < before+2 {
			return fmt.Errorf("%d questions, want %d", got, before+2)
		}
		return nil
	})
	until(`document.activeElement.id === "comment" && comment.value.length === 1700 && comment.selectionStart === 3`)
	often("rejected.html")
	until(`!!document.querySelector(".state.rejected") && !document.getElementById("comment")`)
	until(`document.querySelector(".alert.trouble blockquote")?.textContent === "x".repeat(1700)`)
}
