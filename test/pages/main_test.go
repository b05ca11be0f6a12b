//go:build pages

package pages

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/countersign-dev/countersign/templates"
)

const golden = "../../templates/testdata/golden"

// policy is the content security policy that the service sends with a page that shows times.
const policy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; script-src 'self'"

// pages are the storybook's names; mails come last.
func pages(t *testing.T) (all, mails []string) {
	t.Helper()
	files, err := filepath.Glob(golden + "/*.html")
	if err != nil || len(files) < 50 {
		t.Fatalf("%d pages, %v: run make golden", len(files), err)
	}
	// Other languages have folders of their own.
	other, err := filepath.Glob(golden + "/*/*.html")
	if err != nil || len(other) < 40 {
		t.Fatalf("%d pages in other languages, %v: run make golden", len(other), err)
	}
	for _, f := range append(files, other...) {
		if name := strings.TrimPrefix(filepath.ToSlash(f), golden+"/"); strings.HasSuffix(name, ".mail.html") {
			mails = append(mails, name)
		} else {
			all = append(all, name)
		}
	}
	return all, mails
}

// serve serves the storybook as the service does, under the prefix that some pages
// have too.
func serve(t *testing.T) string {
	t.Helper()
	mux := http.NewServeMux()
	for _, prefix := range []string{"/static/", "/countersign/static/"} {
		mux.Handle("GET "+prefix, http.StripPrefix(prefix, http.FileServerFS(templates.Static)))
	}
	files := http.FileServer(http.Dir(golden))
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, ".mail.html") { // its reader brings a policy of its own
			w.Header().Set("Content-Security-Policy", policy)
		}
		w.Header().Set("Cache-Control", "no-store")
		files.ServeHTTP(w, r)
	})
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv.URL
}

// chromium is a browser of the test's own, without a window.
func chromium(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.WSURLReadTimeout(2*time.Minute), chromedp.UserDataDir(t.TempDir()), chromedp.Flag("disable-quic", true), chromedp.Flag("no-proxy-server", true))...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	do(t, ctx, chromedp.Navigate("about:blank"))
	ctx, cancel = context.WithTimeout(ctx, 25*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func do(t *testing.T, ctx context.Context, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

// eval returns the value of an expression on the page; it goes past the page's policy.
func eval[T any](t *testing.T, ctx context.Context, expression string) T {
	t.Helper()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("%v in %.200s", err, expression)
	}
	return v
}

// scheme chooses light or dark.
func scheme(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}, {Name: "prefers-reduced-motion", Value: "reduce"}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// needed returns a variable that test/run.sh sets, and fails the test without it.
func needed(t *testing.T, name string) string {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		t.Fatalf("%s is not set: run test/run.sh pages", name)
	}
	return v
}
