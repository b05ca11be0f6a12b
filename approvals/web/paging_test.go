package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/web"
)

// many are n pending Approvals, of alice and of bob in turn.
func many(n int) []approvals.Approval {
	var out []approvals.Approval
	for i := range n {
		who := []string{"alice", "bob"}[i%2]
		out = append(out, ct.Make(fmt.Sprintf("a-%03d", i)).Users(who).Lifetime(time.Hour+time.Duration(i/3)*time.Second).Obj())
	}
	return out
}

var (
	linkTo  = regexp.MustCompile(`<h3><a href="/approvals/prod/([^"]+)"`)
	further = regexp.MustCompile(`<a href="([^"]+)" rel="next">[^<]*</a> <span class="quiet">\((\d+) more`)
)

// walk follows a page's links to its end and returns what was shown, and what each
// page said about how many more there are.
func (b *bench) walk(t *testing.T, path, who string) (shown, more []string) {
	t.Helper()
	for range 20 {
		w := b.ask(http.MethodGet, path, "", as(who)...)
		if w.Code != http.StatusOK {
			t.Fatalf("%s: %d %.500s", path, w.Code, w.Body)
		}
		for _, m := range linkTo.FindAllStringSubmatch(w.Body.String(), -1) {
			shown = append(shown, m[1])
		}
		m := further.FindStringSubmatch(w.Body.String())
		if m == nil {
			return shown, more
		}
		path, more = html.UnescapeString(m[1]), append(more, m[2])
	}
	t.Fatal("no end")
	return nil, nil
}

// TestPagesOfLists: following the links shows everything that one may see, once, in
// order, and nothing else.
func TestPagesOfLists(t *testing.T) {
	t.Parallel()
	list := many(405)
	list = append(list, ct.Make("elsewhere").In("dev").Users("bob").Obj())
	for name, c := range map[string]struct {
		path, who   string
		want        int
		first, last string
		more        string
	}{
		"board of an auditor":  {"/?namespace=prod", "auditor", 405, "a-000", "a-404", "[355 305 255 205 155 105 55 5]"},
		"board of an approver": {"/", "alice", 203, "a-000", "a-404", "[153 103 53 3]"},
		"board with a filter":  {"/?gate=production&mine=1", "bob", 202, "a-001", "a-403", "[153 103 53 3]"},
		"of no such Gate":      {"/?gate=other", "auditor", 0, "", "", "[]"},
		"my approvals":         {"/mine", "alice", 203, "a-000", "a-404", "[153 103 53 3]"},
		"nobody's":             {"/mine", "mallory", 0, "", "", "[]"},
		"a stranger's board":   {"/", "mallory", 0, "", "", "[]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newLoginBench(t, base, list...)
			shown, more := b.walk(t, c.path, c.who)
			shown = slices.DeleteFunc(shown, func(n string) bool { return n == "elsewhere" })
			if fmt.Sprint(more) != c.more || len(shown) != c.want || len(slices.Compact(slices.Sorted(slices.Values(shown)))) != c.want {
				t.Fatalf("%d shown, want %d; more %v, want %s", len(shown), c.want, more, c.more)
			}
			if c.want > 0 && (shown[0] != c.first || shown[len(shown)-1] != c.last || !slices.IsSorted(shown)) {
				t.Errorf("from %s to %s", shown[0], shown[len(shown)-1])
			}
		})
	}
}

// TestPagesWhileThingsChange: a decision between two pages neither repeats nor hides
// anything, and a place that is no place is refused.
func TestPagesWhileThingsChange(t *testing.T) {
	t.Parallel()
	b := newLoginBench(t, base, many(250)...)
	w := b.ask(http.MethodGet, "/?namespace=prod", "", as("auditor")...)
	next := html.UnescapeString(further.FindStringSubmatch(w.Body.String())[1])
	for _, name := range []string{"a-000", "a-049", "a-050"} { // before, at and after the place
		b.voted(t, name, map[bool]string{true: "bob", false: "alice"}[name == "a-049"])
	}
	w = b.ask(http.MethodGet, next, "", as("auditor")...)
	got := linkTo.FindAllStringSubmatch(w.Body.String(), -1)
	if len(got) != 50 || got[0][1] != "a-051" || !strings.Contains(w.Body.String(), `<a href="/?namespace=prod">`) {
		t.Errorf("%d from %v", len(got), got[:1])
	}
	for _, at := range []string{"x", "2026-03-01T09:00:00Z", "2026-03-01T09:00:00Z_", "2026-03-01T09:00:00Z_prod", "_prod/a", "'%20OR%201=1_a/b"} {
		for _, path := range []string{"/?after=", "/mine?after=", "/mine?voted="} {
			if w := b.ask(http.MethodGet, path+at, "", as("alice")...); w.Code != http.StatusBadRequest {
				t.Errorf("%s%s: %d", path, at, w.Code)
			}
		}
	}
	if w := b.ask(http.MethodGet, "/?after=2099-01-01T00:00:00Z_z/z", "", as("auditor")...); w.Code != http.StatusOK || strings.Contains(w.Body.String(), `rel="next"`) {
		t.Errorf("behind the end: %d", w.Code)
	}
}

// TestAPIPages: pages of the API join to the whole.
func TestAPIPages(t *testing.T) {
	t.Parallel()
	b := newBench(t, base, many(250)...)
	get := func(query string) (names []string, next string) {
		t.Helper()
		w := b.ask(http.MethodGet, "/api/v1/approvals?outcome=Pending"+query, "", bearer("root")...)
		var answer struct {
			Items []struct{ Name string }
			Next  string
		}
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != http.StatusOK {
			t.Fatalf("%s: %d %v %s", query, w.Code, err, w.Body)
		}
		for _, i := range answer.Items {
			names = append(names, i.Name)
		}
		return names, answer.Next
	}
	all, next := get("&limit=1000")
	if len(all) != 250 || next != "" {
		t.Fatalf("%d, next %q", len(all), next)
	}
	var got []string
	for cursor := ""; ; {
		page, next := get("&limit=60" + cursor)
		got = append(got, page...)
		if next == "" {
			break
		}
		cursor = "&cursor=" + next
	}
	if !slices.Equal(got, all) {
		t.Errorf("pages: %v, want %v", got, all)
	}
	if page, next := get(""); len(page) != 100 || next == "" {
		t.Errorf("by default %d, next %q", len(page), next)
	}
	for _, bad := range []string{"limit=0", "limit=1001", "limit=x", "cursor=x"} {
		if w := b.ask(http.MethodGet, "/api/v1/approvals?"+bad, "", bearer("root")...); w.Code != http.StatusBadRequest {
			t.Errorf("%s: %d", bad, w.Code)
		}
	}
}

// counting counts the questions to the cluster, and answers each with no.
type counting struct {
	fakeAuth
	mu    sync.Mutex
	asked map[string]int
	down  bool
}

func (c *counting) MaySee(_ context.Context, id approvals.Identity, verb, namespace, _ string) (bool, error) {
	return c.count(id.Name + " " + verb + " " + namespace)
}

func (c *counting) MayOperate(_ context.Context, id approvals.Identity, namespace string) (bool, error) {
	return c.count(id.Name + " operate " + namespace)
}

func (c *counting) Has(_ context.Context, id approvals.Identity, namespace, gate string, _ approvals.Right) (bool, error) {
	return c.count(id.Name + " approve " + namespace + "/" + gate)
}

func (c *counting) count(what string) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked[what]++
	if c.down {
		return false, approvals.Errorf(approvals.CodeUnavailable, "the cluster could not check your rights; try again in a moment")
	}
	return false, nil
}

// TestRightsAreAskedOnce: a page costs the cluster a question for each namespace and
// Gate, once in a while, anyone who else looks and however often; that there was no
// answer is believed for less; and nobody gets another's.
func TestRightsAreAskedOnce(t *testing.T) {
	t.Parallel()
	var list []approvals.Approval
	for i := range 300 {
		list = append(list, ct.Make(fmt.Sprintf("a-%d", i)).In(fmt.Sprintf("team-%d", i%10)).Users("bob").With(func(a *approvals.Approval) {
			a.Resolved.Policy.RBAC = true
		}).Obj())
	}
	b := newLoginBench(t, base, list...)
	auth, now := &counting{asked: map[string]int{}}, ct.T0
	b.Auth, b.Now = auth, func() time.Time { return now }
	b.Deps.Desk = &approvals.VoteService{Store: b.store, Rights: auth, Now: b.Now}
	b.handler = web.Handler(b.Deps)
	look := func(who string) {
		t.Helper()
		for _, path := range []string{"/", "/", "/mine", "/?namespace=team-3"} {
			if w := b.ask(http.MethodGet, path, "", as(who)...); w.Code != http.StatusOK {
				t.Fatalf("%s: %d", path, w.Code)
			}
		}
	}
	want := func(what string, questions, times int) {
		t.Helper()
		auth.mu.Lock()
		defer auth.mu.Unlock()
		for q, n := range auth.asked {
			if n != times {
				t.Errorf("%s: %q was asked %d times, want %d", what, q, n, times)
			}
		}
		if len(auth.asked) != questions {
			t.Errorf("%s: %d questions, want %d", what, len(auth.asked), questions)
		}
		clear(auth.asked)
	}
	look("mallory") // all, ten namespaces, ten Gates
	want("first", 21, 1)
	look("mallory")
	want("at once", 0, 0)
	look("eve")
	want("another", 21, 1)
	now = now.Add(9 * time.Second)
	look("mallory")
	want("soon", 0, 0)
	now = now.Add(time.Second)
	auth.down = true
	look("mallory")
	want("when that is old", 21, 1)
	look("mallory")
	want("without an answer", 0, 0)
	now = now.Add(2 * time.Second)
	look("mallory")
	want("and again", 21, 1)
}

// TestNoRightsInWhatIsNone: what people type in the place of a namespace is not asked
// about when none can be called that, so that nobody fills the memory with it.
func TestNoRightsInWhatIsNone(t *testing.T) {
	t.Parallel()
	b := newLoginBench(t, base, ct.Make("a").Obj())
	auth := &counting{asked: map[string]int{}}
	b.Auth, b.Operators = auth, auth
	b.handler = web.Handler(b.Deps)
	long, longest := strings.Repeat("n", 64), strings.Repeat("n", 63)
	for path, want := range map[string]int{"/operations?namespace=" + long: http.StatusForbidden, "/?namespace=" + long: http.StatusOK, "/operations?namespace=" + longest: http.StatusForbidden} {
		if w := b.ask(http.MethodGet, path, "", as("mallory")...); w.Code != want {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	for _, namespace := range []string{long, longest} {
		if w := b.ask(http.MethodGet, "/api/v1/namespaces/"+namespace+"/approvals", "", bearer("mallory")...); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"items": []`) {
			t.Errorf("%s: %d %s", namespace, w.Code, w.Body)
		}
	}
	if auth.asked["mallory operate "+longest] != 1 || auth.asked["mallory list "+longest] != 1 {
		t.Errorf("asked %v", auth.asked)
	}
	for q := range auth.asked {
		if strings.Contains(q, long) {
			t.Errorf("asked %q", q)
		}
	}
}
