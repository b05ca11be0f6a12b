package templates

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/evidence/report"
)

func TestVisible(t *testing.T) {
	for in, want := range map[string]string{
		"plain\n\ttext":            "plain\n\ttext",
		"a\r\nb":                   "a\nb",
		"a\rb":                     "a[U+000D]b",
		"\u202eabc\u2069":          "[U+202E]abc[U+2069]",
		"\u200e\u061c\ufeff\u00ad": "[U+200E][U+061C][U+FEFF][U+00AD]",
		"\U000e0041":               "[U+E0041]",
		"nul\x00 esc\x1b":          "nul[U+0000] esc[U+001B]",
		"bad\xff":                  "bad\ufffd",
		"family 👨‍👩‍👧, Ä, \u200cनी": "family 👨‍👩‍👧, Ä, \u200cनी",
		"مرحبا": "مرحبا",
	} {
		if got := visible(in); got != want {
			t.Errorf("visible(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestCut(t *testing.T) {
	if got, more := cut("aä", 2); got != "a" || more != 2 {
		t.Errorf("cut inside a character: %q, %d", got, more)
	}
	if got, more := cutLines("a\r\nb\rc\nd", 99, 3); got != "a\r\nb\rc\n" || more != 1 {
		t.Errorf("cutLines: %q, %d", got, more)
	}
	if got := line(strings.Repeat("x", maxLine+5)); !strings.HasSuffix(got, "x… (5 more bytes)") {
		t.Errorf("line: %q", got)
	}
	if got := brief("one\r\ntwo  three", 9); got != "one two…" {
		t.Errorf("brief: %q", got)
	}
}

func TestRelative(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                               "just now",
		-40 * time.Second:               "just now",
		30 * time.Second:                "in less than a minute",
		time.Minute:                     "in 1 minute",
		-59 * time.Minute:               "59 minutes ago",
		59*time.Minute + 40*time.Second: "in 1 hour",
		-90 * time.Minute:               "1 hour 30 minutes ago",
		3 * time.Hour:                   "in 3 hours",
		23*time.Hour + 48*time.Minute:   "in 23 hours",
		-26 * time.Hour:                 "26 hours ago",
		7 * 24 * time.Hour:              "in 7 days",
	} {
		if got := printerOf(English).relative(d); got != want {
			t.Errorf("relative(%s) = %q, want %q", d, got, want)
		}
	}
}

func TestPretty(t *testing.T) {
	for _, c := range []struct {
		name, in, want string
		isJSON         bool
	}{
		{"object", `{"a":[1,"x"]}`, "{\n  \"a\": [\n    1,\n    \"x\"\n  ]\n}", true},
		{"numbers keep their digits", `[1.0e400,12345678901234567890]`, "[\n  1.0e400,\n  12345678901234567890\n]", true},
		{"form", "payload=%7B%7D", "payload=%7B%7D", false},
		{"brackets in strings", `{"a":"` + strings.Repeat("[", 99) + `\""}`, "{\n  \"a\": \"" + strings.Repeat("[", 99) + "\\\"\"\n}", true},
		{"too deep", strings.Repeat("[", 50) + strings.Repeat("]", 50), strings.Repeat("[", 50) + strings.Repeat("]", 50), true},
		{"too deep behind brackets in a string", `["` + strings.Repeat("]", 50) + `",` + strings.Repeat("[", 50) + strings.Repeat("]", 51), `["` + strings.Repeat("]", 50) + `",` + strings.Repeat("[", 50) + strings.Repeat("]", 51), true},
	} {
		if got, isJSON := pretty(c.in); got != c.want || isJSON != c.isJSON {
			t.Errorf("%s: %q, %v", c.name, got, isJSON)
		}
	}
}

// TestRoom: however many large values there are, of each something is shown and
// the plan has its place.
func TestRoom(t *testing.T) {
	d := preview(t, "pending")
	big := strings.Repeat("v", maxValue)
	for range 150 {
		d.Approval.Resolved.Params = append(d.Approval.Resolved.Params, approvals.Param{Name: "p", Value: big})
	}
	v := newView(d, maxPage)
	if o := v.Evidence.Outputs[0]; o.More > 0 || len(o.Parts) != 3 || o.Percent() != 100 {
		t.Errorf("the plan was cut: %d parts, %d bytes missing", len(o.Parts), o.More)
	}
	shown := 0
	for _, f := range v.Content.Params.Rows {
		if f.Value == "" {
			t.Fatal("a value is not shown at all")
		}
		shown += len(f.Value)
	}
	if shown > maxPage/2 {
		t.Errorf("%d bytes of params are shown", shown)
	}
}

func TestOutputFolds(t *testing.T) {
	for _, c := range []struct{ lines, head, fold, tail int }{{0, 0, 0, 0}, {40, 40, 0, 0}, {41, 28, 7, 6}, {500, 28, 466, 6}} {
		o, _ := newOutput(approvals.Param{Value: strings.Repeat("x\n", c.lines)}, report.Auto, newReader(previewNow, English), &room{left: maxPage})
		if len(o.Head()) != c.head || len(o.Fold()) != c.fold || len(o.Tail()) != c.tail {
			t.Errorf("%d lines: %d, %d, %d", c.lines, len(o.Head()), len(o.Fold()), len(o.Tail()))
		}
	}
	// Of a long text the middle is left out, and said.
	long := "first\n" + strings.Repeat("x\n", maxLines) + "last\n"
	o, _ := newOutput(approvals.Param{Name: "log", Value: long}, report.Auto, newReader(previewNow, English), &room{left: maxPage})
	if first, last := o.Lines[0].Text(), o.Lines[len(o.Lines)-1].Text(); first != "first" || last != "last" || len(o.Lines) > maxLines+1 || o.Shown+o.More != len(long) {
		t.Errorf("%d lines from %q to %q, %d bytes shown and %d not, of %d", len(o.Lines), first, last, o.Shown, o.More, len(long))
	}
	if got := o.Unseen(); len(got) != 1 || got[0] != "You see 99 % of this text (log)." {
		t.Errorf("unseen: %q", got)
	}
	if n := len(slices.DeleteFunc(o.Lines, func(l Line) bool { return l.Kind != "gap" })); n != 1 {
		t.Errorf("%d lines say what is left out", n)
	}
}

func TestOthers(t *testing.T) {
	d := preview(t, "pending")
	p := d.Approval.Resolved.Policy
	p.Approvers = append(p.Approvers, approvals.Approver{Name: "Alice@example.com"}, p.Approvers[0])
	if v := newView(d, maxPage); strings.Join(v.People.Others, " ") != "carol@example.com" {
		t.Errorf("others: %v", v.People.Others)
	}
	p.Requester = approvals.RequesterAllow
	if v := newView(d, maxPage); strings.Join(v.People.Others, " ") != "carol@example.com Alice@example.com" {
		t.Errorf("others, with the requester: %v", v.People.Others)
	}
}
