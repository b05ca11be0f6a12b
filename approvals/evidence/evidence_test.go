package evidence_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-dev/countersign/approvals/evidence"
	"github.com/countersign-dev/countersign/internal/golden"
)

// TestCheckWanted: what a Gate can't ask for is refused with the field to change.
func TestCheckWanted(t *testing.T) {
	t.Parallel()
	upload := evidence.Wanted{Name: "plan.json", Kind: evidence.Upload, Format: evidence.TerraformPlanJSON}
	many := make([]evidence.Wanted, evidence.MaxItems+1)
	for name, c := range map[string]struct {
		wanted []evidence.Wanted
		says   string // "": nothing is wrong
	}{
		"nothing":              {},
		"an upload":            {wanted: []evidence.Wanted{upload}},
		"a log":                {wanted: []evidence.Wanted{{Name: "plan", Kind: evidence.Log, Task: "plan", Step: "show"}}},
		"a result":             {wanted: []evidence.Wanted{{Name: "plan", Kind: evidence.Result, Result: "text"}}},
		"too many":             {wanted: many, says: "limit"},
		"not a valid name":     {wanted: []evidence.Wanted{{Kind: evidence.Upload}}, says: "is not a valid name"},
		"a path":               {wanted: []evidence.Wanted{{Name: "../x", Kind: evidence.Upload}}, says: "not a valid name"},
		"a long name":          {wanted: []evidence.Wanted{{Name: strings.Repeat("x", evidence.MaxName+1), Kind: evidence.Upload}}, says: "not a valid name"},
		"twice":                {wanted: []evidence.Wanted{upload, upload}, says: "twice"},
		"of no kind":           {wanted: []evidence.Wanted{{Name: "x", Kind: "Artifact"}}, says: "Artifact"},
		"a log without a task": {wanted: []evidence.Wanted{{Name: "x", Kind: evidence.Log}}, says: "task"},
		"a task of an upload":  {wanted: []evidence.Wanted{{Name: "x", Kind: evidence.Upload, Task: "y"}}, says: "task"},
		"a result of a log":    {wanted: []evidence.Wanted{{Name: "x", Kind: evidence.Log, Task: "y", Result: "z"}}, says: "result"},
		"of an unknown format": {wanted: []evidence.Wanted{{Name: "x", Kind: evidence.Upload, Format: "word"}}, says: "word"},
	} {
		if got := evidence.CheckWanted(c.wanted); (got == "") != (c.says == "") || !strings.Contains(got, c.says) {
			t.Errorf("%s: got %q, want it to say %q", name, got, c.says)
		}
	}
}

// TestOf: bytes are present with their digest, or too many.
func TestOf(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	w := evidence.Wanted{Name: "plan", Kind: evidence.Log, Task: "plan", Format: evidence.TerraformPlan}
	got := w.Of([]byte("Plan: 1 to add"))
	want := evidence.Item{
		Name: "plan", Kind: evidence.Log, Format: evidence.TerraformPlan, State: evidence.Present, Size: 14,
	}
	want.SHA256 = evidence.Sum([]byte("Plan: 1 to add"))
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("item (-want +got)\n%s", d)
	}
	large := w.Of(make([]byte, evidence.MaxSize+1))
	if large.State != evidence.TooLarge || large.SHA256 != "" || large.Size != evidence.MaxSize+1 {
		t.Errorf("too large: got %+v", large)
	}
	said.Check(t, "too large", large.Message)
	if most := w.Of(make([]byte, evidence.MaxSize)); most.State != evidence.Present {
		t.Errorf("as large as it may be: got %s", most.State)
	}
	if none := (evidence.Wanted{Name: "x", Kind: evidence.Result, Result: "y"}).OfResult("", false); none.State != evidence.Missing {
		t.Errorf("a result that is not there: got %+v", none)
	} else {
		said.Check(t, "a result that is not there", none.Message)
	}
	if empty := (evidence.Wanted{Name: "x", Kind: evidence.Result}).OfResult("", true); empty.State != evidence.Present {
		t.Errorf("an empty result: got %+v", empty)
	}
}

// TestLacks: what is required and not there keeps an Approval from being decided.
func TestLacks(t *testing.T) {
	t.Parallel()
	must, may := evidence.Wanted{Name: "plan", Kind: evidence.Upload}, evidence.Wanted{Name: "notes", Kind: evidence.Upload, Optional: true}
	there, gone := must.Of([]byte("x")), may.Without(evidence.Missing, "nobody uploaded it")
	for name, c := range map[string]struct {
		items []evidence.Item
		says  string
	}{
		"optional and missing": {items: []evidence.Item{there, gone}},
		"required and missing": {items: []evidence.Item{must.Without(evidence.Missing, "nobody uploaded it"), gone}, says: "nobody uploaded it"},
		"too large":            {items: []evidence.Item{must.Of(make([]byte, evidence.MaxSize+1))}, says: "too large"},
		"not looked for":       {items: []evidence.Item{gone}, says: "missing"},
	} {
		if got := evidence.Lacks([]evidence.Wanted{must, may}, c.items); (got == "") != (c.says == "") || !strings.Contains(got, c.says) {
			t.Errorf("%s: got %q, want it to say %q", name, got, c.says)
		}
	}
}

// TestCheck: other bytes than those that were bound are told from them.
func TestCheck(t *testing.T) {
	t.Parallel()
	w := evidence.Wanted{Name: "plan", Kind: evidence.Upload}
	bound := w.Of([]byte("destroy nothing"))
	for name, c := range map[string]struct {
		item evidence.Item
		data string
		want evidence.State
	}{
		"the same":    {bound, "destroy nothing", evidence.Present},
		"as long":     {bound, "destroy it all!", evidence.Changed},
		"longer":      {bound, "destroy nothing!", evidence.Changed},
		"none":        {bound, "", evidence.Changed},
		"was missing": {w.Without(evidence.Missing, "not there"), "destroy nothing", evidence.Missing},
	} {
		got, why := c.item.Check([]byte(c.data))
		if got != c.want || (why == "") != (got == evidence.Present) {
			t.Errorf("%s: got %s (%q), want %s", name, got, why, c.want)
		}
	}
}

// TestBoundOf: all that approvers see of an item is part of what they approve; where the bytes
// are kept is not.
func TestBoundOf(t *testing.T) {
	t.Parallel()
	item := evidence.Wanted{Name: "plan", Kind: evidence.Upload}.Of([]byte("x"))
	moved := item
	moved.Object, moved.Message = "elsewhere", "a note"
	if a, b := evidence.BoundOf([]evidence.Item{item})[0], evidence.BoundOf([]evidence.Item{moved})[0]; a != b {
		t.Errorf("where it is kept, and a note, are part of it:\n%s", cmp.Diff(a, b))
	}
	other := evidence.Wanted{Name: "plan", Kind: evidence.Upload}.Of([]byte("y"))
	if a, b := evidence.BoundOf([]evidence.Item{item})[0], evidence.BoundOf([]evidence.Item{other})[0]; a == b {
		t.Error("other bytes are bound alike")
	}
}

func TestBytes(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{0: "0 bytes", 1: "1 byte", 1023: "1023 bytes", 41_000: "40 KiB", 5 << 20: "5 MiB"} {
		if got := evidence.Bytes(n); got != want {
			t.Errorf("%d: got %q, want %q", n, got, want)
		}
	}
}
