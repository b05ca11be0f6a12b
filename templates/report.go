package templates

import (
	"fmt"
	"strings"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/evidence"
	"github.com/countersign-dev/countersign/approvals/evidence/report"
)

// Bounds of what a page shows of texts that people decide on: the page tells what is beyond, at the
// top and beside the button.
const (
	maxOutput  = 64 << 10 // of one without parts
	maxPart    = 64 << 10 // of one resource, file or test
	maxOpen    = 60       // parts that are open at once
	maxLines   = 2000     // of a text without parts
	foldOver   = 40
	headLines  = 28
	tailLines  = 6
	maxColumns = 160 // of one line in a mail
)

// Line is one line of output. Kind is "", or the meaning of the line in the text's own grammar:
// "add", "del", "mod", "rep" (destroyed and created again), "head", "note"; "gap" is ours.
type Line struct {
	Kind  string
	Spans []Span
}

// Text is the line without its style.
func (l Line) Text() string {
	var b strings.Builder
	for _, s := range l.Spans {
		b.WriteString(s.Text)
	}
	return b.String()
}

// Output is a text that people decide on, as a page or message shows it.
type Output struct {
	Name, Format string
	Sum          SumView
	Warnings     []string
	Parts        []PartView
	Around       *PartView // text that belongs to no part
	Lines        []Line    // of a text without parts
	Hidden       int       // parts beyond those that are read
	Shown, Size  int       // bytes
	More         int       // bytes that are not shown at all
	Link         string    // of the whole text, "" for none
	in           *printer
}

// PartView is one resource, object, file, test or finding.
type PartView struct {
	ID, Action, Word string
	Title, Note      string
	Alarming, Open   bool
	Lines            []Line
	More             int
}

// SumView has the counts of one text, or of several together, in words.
type SumView struct {
	Line       string // "1 import · 9 add · 5 change · 5 destroy", "" when nothing is counted
	Chips      []evidence.Chip
	Alarming   bool
	Alarm      string // of Line what is alarming
	Incomplete bool
}

// Parts are those of Line, each of which stays on one line: "5 destroy" is not read as 5 of what stands before it.
func (v SumView) Parts() []string { return strings.Split(v.Line, " · ") }

// newOutput reads a text. What is alarming comes first and has the room first.
func newOutput(p approvals.Param, format report.Format, who reader, room *room) (Output, evidence.Summary) {
	r := report.Parse(format, p.Name, p.Value)
	o := Output{Name: line(p.Name), Format: string(r.Format), Sum: who.newSum(r.Summary), in: who.printer, Warnings: r.Warnings, Hidden: r.Hidden, Size: len(p.Value)}
	for i := range o.Warnings {
		o.Warnings[i] = text(who.told(o.Warnings[i]))
	}
	if r.Format == report.Text || r.Format == report.Markdown || r.Format == report.JSON {
		o.plain(r, room)
		return o, r.Summary
	}
	all := 0
	for i, part := range r.Parts {
		v, shown := newPart(part, who, room)
		room.parts++
		v.ID = fmt.Sprintf("part-%d", room.parts)
		o.Shown, o.More = o.Shown+shown, o.More+v.More
		if part.Title == "" {
			o.Around = &v
			continue
		}
		all += len(v.Lines)
		v.Open = v.Alarming && i < maxOpen
		o.Parts = append(o.Parts, v)
	}
	for i := range o.Parts {
		o.Parts[i].Open = o.Parts[i].Open || all <= foldOver
	}
	return o, r.Summary
}

// plain takes up a text without parts. Of one that is too long the end is shown too.
func (o *Output) plain(r report.Report, room *room) {
	if len(r.Parts) == 0 {
		return
	}
	whole := r.Parts[0]
	read := func(s string) []Line {
		if r.Format == report.Text {
			return parseANSI(s)
		}
		whole.Text = s
		lines, _ := whole.Lines(len(s))
		return linesOf(lines)
	}
	most := room.take(len(whole.Text), maxOutput)
	start, more := cutLines(whole.Text, most, maxLines)
	if more == 0 {
		o.Lines, o.Shown = read(start), len(start)
		return
	}
	start, _ = cutLines(whole.Text, most*2/3, maxLines*2/3)
	end := lastLines(whole.Text[len(start):], most/3, maxLines/3)
	o.More = len(whole.Text) - len(start) - len(end)
	o.Shown = len(start) + len(end)
	o.Lines = append(read(start), Line{Kind: "gap", Spans: []Span{{Text: o.in.t("… %s are not shown here …", o.in.size(o.More))}}})
	o.Lines = append(o.Lines, read(end)...)
}

// lastLines are the last lines of s, at most most, in at most that many bytes.
func lastLines(s string, bytes, most int) string {
	at := len(s)
	for i := len(s) - 1; i >= max(0, len(s)-bytes); i-- {
		if i == 0 || s[i-1] == '\n' || s[i-1] == '\r' && s[i] != '\n' {
			at, most = i, most-1
			if most == 0 {
				break
			}
		}
	}
	if at == len(s) && s != "" { // one long line
		for at = max(0, len(s)-bytes); at < len(s) && s[at]&0xc0 == 0x80; at++ {
		}
	}
	return s[at:]
}

func newPart(p report.Part, who reader, room *room) (v PartView, shown int) {
	v = PartView{Action: string(p.Action), Title: visible(p.Title), Note: visible(p.Note), Alarming: p.Alarming(), Word: who.act(p.Action)}
	if p.Action == report.Found {
		v.Action, v.Word = p.Level, who.level(p.Level)
		v.Note = strings.TrimPrefix(strings.TrimPrefix(v.Note, p.Level), ", ")
	}
	if room.left <= 0 {
		v.More = p.Size()
		return v, 0
	}
	body := p.Body()
	lines, more := p.Lines(room.take(len(body), maxPart))
	v.Lines, v.More = linesOf(lines), more
	return v, len(body) - more
}

func (p *printer) act(a report.Action) string {
	switch a {
	case report.Destroy:
		return p.t("destroy")
	case report.Replace:
		return p.t("replace")
	case report.Failed:
		return p.t("failed")
	case report.Change:
		return p.t("change")
	case report.Add:
		return p.t("add")
	case report.Import:
		return p.t("import")
	case report.Forget:
		return p.t("forget")
	case report.Move:
		return p.t("move")
	case report.Read:
		return p.t("read")
	case report.Outputs:
		return p.t("outputs")
	case report.Skipped:
		return p.t("skipped")
	case report.Drift:
		return p.t("drift")
	default:
		return ""
	}
}

// level is how bad a finding is.
func (p *printer) level(s string) string {
	switch s {
	case "critical":
		return p.t("critical")
	case "high":
		return p.t("high")
	case "medium":
		return p.t("medium")
	case "low":
		return p.t("low")
	case "note":
		return p.t("note")
	}
	return s
}

func linesOf(lines []report.Line) []Line {
	out := make([]Line, 0, len(lines))
	for _, l := range lines {
		x := Line{Kind: l.Kind}
		if before, ok := strings.CutSuffix(l.Text, "# forces replacement"); ok {
			x.Spans = []Span{{Text: visible(before)}, {"forces", "# forces replacement"}}
		} else if l.Text != "" {
			x.Spans = []Span{{Text: visible(l.Text)}}
		}
		out = append(out, x)
	}
	return out
}

// Percent returns the part of the text that is shown, by bytes. It is at most 99 when anything is left
// out.
func (o Output) Percent() int {
	if o.More == 0 && o.Hidden == 0 {
		return 100
	}
	return min(99, o.Shown*100/max(1, o.Shown+o.More))
}

// Unit returns the singular noun for one of the text's parts, in English, which more and plural take.
func (o Output) Unit() string {
	switch report.Format(o.Format) {
	case report.Plan, report.PlanJSON:
		return "resource"
	case report.Diff:
		return "file"
	case report.KubectlDiff, report.HelmDiff:
		return "object"
	case report.JUnit:
		return "test"
	case report.SARIF:
		return "finding"
	default:
		return "part"
	}
}

// units are the messages for each Unit.
func units(p *printer, n int) []string {
	return []string{
		p.n(n, "%d resource", "%d resources"), p.n(n, "%d more resource", "%d more resources"), p.n(n, "%d file", "%d files"), p.n(n, "%d more file", "%d more files"),
		p.n(n, "%d object", "%d objects"), p.n(n, "%d more object", "%d more objects"), p.n(n, "%d test", "%d tests"), p.n(n, "%d more test", "%d more tests"),
		p.n(n, "%d finding", "%d findings"), p.n(n, "%d more finding", "%d more findings"), p.n(n, "%d part", "%d parts"), p.n(n, "%d more part", "%d more parts"),
	}
}

// Many reports whether there are more than 100 parts. The style sheet then has a browser draw only
// those in view.
func (o Output) Many() bool { return len(o.Parts) > 100 }

// Quiet are the parts that are closed.
func (o Output) Quiet() int {
	n := 0
	for _, p := range o.Parts {
		if !p.Open && len(p.Lines) > 0 {
			n++
		}
	}
	return n
}

// Long reports whether the middle of a text without parts is folded: see Head, Fold and Tail.
func (o Output) Long() bool { return len(o.Lines) > foldOver }

// Head is the lines before the fold.
func (o Output) Head() []Line {
	if o.Long() {
		return o.Lines[:headLines]
	}
	return o.Lines
}

// Fold is the lines that are folded away.
func (o Output) Fold() []Line {
	if o.Long() {
		return o.Lines[headLines : len(o.Lines)-tailLines]
	}
	return nil
}

// Tail is the lines after the fold.
func (o Output) Tail() []Line {
	if o.Long() {
		return o.Lines[len(o.Lines)-tailLines:]
	}
	return nil
}

// Text is the lines without their style.
func (o Output) Text() string {
	var b strings.Builder
	for _, l := range o.Lines {
		b.WriteString(l.Text() + "\n")
	}
	return b.String()
}

// Brief returns at most n lines for a message: a line for each part, with the alarming ones first, or
// the first lines of a text without parts.
func (o Output) Brief(n int) []Line {
	var out []Line
	for _, p := range o.Parts[:min(len(o.Parts), n)] {
		kind := map[string]string{"destroy": "del", "replace": "del", "failed": "del", "critical": "del", "high": "del", "add": "add", "import": "add", "change": "mod", "medium": "mod"}[p.Action]
		out = append(out, Line{kind, []Span{{Text: brief(strings.TrimSpace(fmt.Sprintf("%-8s %s", p.Word, p.Title)), maxColumns)}}})
	}
	for _, l := range o.Lines[:min(len(o.Lines), n)] {
		s := l.Text()
		if short, more := cut(s, 4*maxColumns); more > 0 || len([]rune(short)) > maxColumns {
			s = string([]rune(short)[:min(maxColumns, len([]rune(short)))]) + "…"
		}
		out = append(out, Line{l.Kind, []Span{{Text: s}}})
	}
	return out
}

// Beyond returns a sentence about the text that Brief(n) leaves out, "" when it leaves out nothing.
func (o Output) Beyond(n int) string {
	switch {
	case len(o.Parts) > n || o.Hidden > 0:
		shown, all := min(n, len(o.Parts)), o.in.plural(len(o.Parts)+o.Hidden, o.Unit())
		switch report.Format(o.Format) {
		case report.Plan, report.PlanJSON:
			return o.in.t("Showing %d of %s. See the full plan on the page.", shown, all)
		case report.Diff, report.KubectlDiff, report.HelmDiff:
			return o.in.t("Showing %d of %s. See the full diff on the page.", shown, all)
		case report.JUnit, report.SARIF:
			return o.in.t("Showing %d of %s. See the full report on the page.", shown, all)
		default:
			return o.in.t("Showing %d of %s. See the full text on the page.", shown, all)
		}
	case len(o.Parts) > 0:
		return o.in.t("See what changes in each on the page.")
	case o.More > 0:
		return o.in.t("This is only the beginning. See the rest on the page.")
	case len(o.Lines) > n:
		return o.in.t("Showing %d of %s. See the full text on the page.", n, o.in.n(len(o.Lines), "%d line", "%d lines"))
	}
	return ""
}

// Unseen returns sentences about the text that is not shown, and the parser's warnings. Nil: people
// see all of it.
func (o Output) Unseen() []string {
	var out []string
	if n := o.Percent(); n < 100 {
		var key string
		switch report.Format(o.Format) {
		case report.Plan, report.PlanJSON:
			key = "You see %d %% of this plan (%s)."
		case report.Diff, report.KubectlDiff, report.HelmDiff:
			key = "You see %d %% of this diff (%s)."
		case report.JUnit, report.SARIF:
			key = "You see %d %% of this report (%s)."
		default:
			key = "You see %d %% of this text (%s)."
		}
		out = append(out, o.in.t(key, n, o.Name))
	}
	return append(out, o.Warnings...)
}
