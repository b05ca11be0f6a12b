package cli

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/evidence"
)

func TestTable(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	tab := &table{out: &out, head: []string{"NAME", "STATE", "BY"}}
	tab.print([][]cell{{{text: "a\x1b[1m name"}, {text: "Pending", paint: yellow}, {text: ""}}, {{text: "ünïcödé"}, {text: "x"}, {text: "bob"}}})
	tab.print([][]cell{{{text: "later"}, {text: "Approved"}, {text: "alice"}}})
	want := `NAME      STATE     BY
a name    Pending   -
ünïcödé   x         bob
later     Approved   alice
`
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", &out, want)
	}
	out.Reset()
	(&table{out: &out, colours: true, head: []string{"A", "B"}}).print([][]cell{{{text: "x", paint: green}, {text: "y"}}})
	if got := out.String(); got != "A   B\n\x1b[32mx\x1b[0m   y\n" {
		t.Errorf("%q", got)
	}
}

// TestTableFits: wide characters take two columns, and what a terminal has no room for is taken
// from one column, for as long as that has any.
func TestTableFits(t *testing.T) {
	t.Parallel()
	for room, cut := range map[int]string{
		0:  "Deploy shop 1.5.3 to the region of Seoul",
		46: "Deploy shop 1.5.3 to the reg…",
		10: "Deploy shop 1.5…", // no room for less than that
	} {
		var out bytes.Buffer
		(&table{out: &out, head: []string{"NAME", "WHAT", "BY"}, room: room, elastic: 1}).print([][]cell{
			{{text: "first"}, {text: "배포 쇼핑 1.5.3, 서울 지역 클러스터"}, {text: "bob"}},
			{{text: "second"}, {text: "Deploy shop 1.5.3 to the region of Seoul"}, {text: "alice"}},
		})
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		at := func(l, word string) int { before, _, _ := strings.Cut(l, word); return columns(before) }
		if len(lines) != 3 || !strings.Contains(lines[2], cut+"   alice") || at(lines[1], "bob") != at(lines[2], "alice") || at(lines[0], "BY") != at(lines[2], "alice") {
			t.Errorf("in %d columns:\n%s", room, &out)
		}
		for _, l := range lines {
			if room == 46 && columns(l) > room {
				t.Errorf("%d columns: %s", columns(l), l)
			}
		}
	}
}

// TestBefore: before a vote at a terminal stands what would be destroyed, and what is missing.
func TestBefore(t *testing.T) {
	t.Parallel()
	a := approvals.Approval{
		Resolved: &approvals.ResolvedSpec{
			Summaries: []evidence.Summary{{Format: "terraform-plan", Add: 2, Destroy: 5}},
			Evidence:  []evidence.Item{{Name: "plan", State: evidence.Missing, Message: "nothing was uploaded"}, {Name: "diff", State: evidence.Present}},
		},
		Preflight: &approvals.Preflight{State: approvals.PreflightBlocked, Problems: []approvals.Problem{{Reason: "NotFound", Message: "Pipeline apply is not there"}}},
	}
	got := before(a)
	for i, want := range []string{"5 destroy", "evidence plan can't be shown: nothing was uploaded", "it can't start yet: Pipeline apply"} {
		if len(got) != 3 || !strings.Contains(got[i], want) {
			t.Fatalf("%q, want %q as number %d of 3", got, want, i+1)
		}
	}
	if got := before(approvals.Approval{}); len(got) != 0 {
		t.Errorf("of nothing: %q", got)
	}
}

func TestNearest(t *testing.T) {
	t.Parallel()
	names := []string{"deploy-abcdefghijkl", "deploy-zzzzzzzzzzzz", "build", "release"}
	for given, want := range map[string]string{
		"biuld": "build", "deploy-abcdefghijkm": "deploy-abcdefghijkl", "deploy": "deploy-abcdefghijkl,deploy-zzzzzzzzzzzz",
		"abcdefghijkl": "deploy-abcdefghijkl", "nothing-like-it": "",
	} {
		if got := strings.Join(nearest(given, names), ","); got != want {
			t.Errorf("%s: %q, want %q", given, got, want)
		}
	}
}

func TestAsk(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]bool{"y\n": true, "YES\n": true, "yes": true, "n\n": false, "\n": false, "": false, "yo\n": false} {
		c := &command{Options: Options{Err: &bytes.Buffer{}}, in: bufio.NewReader(strings.NewReader(in))}
		if got := c.yes("approve it?"); got != want {
			t.Errorf("%q: %t", in, got)
		}
	}
}

func TestGroupsFor(t *testing.T) {
	t.Parallel()
	many := []string{"system:authenticated", "dev", "dev", "", "platform", strings.Repeat("x", 254)}
	for i := range 100 {
		many = append(many, fmt.Sprint("g", i))
	}
	a := approvals.Approval{Resolved: &approvals.ResolvedSpec{Policy: approvals.Policy{Groups: []string{"platform", "sre"}}}}
	if got := groupsFor(a, many, false); !slices.Equal(got, []string{"platform"}) {
		t.Errorf("named: %v", got)
	}
	if got := groupsFor(a, many, true); len(got) != 64 || got[0] != "platform" || got[1] != "system:authenticated" || got[2] != "dev" || got[3] != "g0" {
		t.Errorf("to break the glass: %d %v", len(got), got)
	}
	a.Resolved.Policy.RBAC = true
	if got := groupsFor(a, []string{"dev"}, false); !slices.Equal(got, []string{"dev"}) {
		t.Errorf("by RBAC: %v", got)
	}
	if got := groupsFor(approvals.Approval{}, many, true); got != nil {
		t.Errorf("unresolved: %v", got)
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	for s, want := range map[string]time.Time{"90m": now.Add(90 * time.Minute), "7d": now.Add(7 * 24 * time.Hour), "2026-03-02T00:00:00+02:00": now.Add(13 * time.Hour)} {
		if got, err := parseUntil(s, now); err != nil || !got.Equal(want) {
			t.Errorf("%s: %s, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "soon", "-1h", "0d", "d", "2026-02-01T00:00:00Z", "99999999d"} {
		if _, err := parseUntil(s, now); err == nil {
			t.Errorf("%q is taken", s)
		}
	}
	if got, err := parseInputs([]string{"a=b=c", "d="}); err != nil || !slices.Equal(got, []approvals.Param{{Name: "a", Value: "b=c"}, {Name: "d"}}) {
		t.Errorf("%v, %v", got, err)
	}
	for _, in := range [][]string{{"a"}, {"=b"}, {"a=1", "a=2"}} {
		if _, err := parseInputs(in); err == nil {
			t.Errorf("%v is taken", in)
		}
	}
}

func TestSay(t *testing.T) {
	t.Parallel()
	resource := schema.GroupResource{Group: "countersign.dev", Resource: "approvals"}
	for want, err := range map[string]error{
		"not installed":                    apierrors.NewGenericServerResponse(404, "get", resource, "", "404 page not found", 0, true),
		"sign in again":                    apierrors.NewUnauthorized("no"),
		"ClusterRole view":                 apierrors.NewForbidden(resource, "a", errors.New("no")),
		`approvals.countersign.dev "a"`:    apierrors.NewNotFound(resource, "a"),
		"already approved by bob":          fmt.Errorf("x: %w", approvals.Errorf(approvals.CodeConflict, "already approved by bob")),
		"something else that is not known": errors.New("something else that is not known"),
	} {
		if got := (&command{}).say(err); !strings.Contains(got, want) {
			t.Errorf("%q, want %q in it", got, want)
		}
	}
}
