package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/countersign-dev/countersign/approvals/evidence"
)

// Format is the kind of text of a report.
type Format string

// The formats. Auto is found out by the text.
const (
	Auto        Format = ""
	Plan        Format = "terraform-plan"      // terraform plan, terraform show, and OpenTofu's
	PlanJSON    Format = "terraform-plan-json" // terraform show -json
	Diff        Format = "diff"                // unified, of files
	KubectlDiff Format = "kubectl-diff"
	HelmDiff    Format = "helm-diff"
	JUnit       Format = "junit"
	SARIF       Format = "sarif"
	Markdown    Format = "markdown"
	JSON        Format = "json"
	Text        Format = "text"
)

// Bounds of one text.
const (
	MaxText  = 5 << 20
	MaxParts = 2000
	maxDepth = 64  // of JSON and XML
	maxTitle = 512 // bytes
)

// Report is a text that was understood.
type Report struct {
	Format  Format
	Summary evidence.Summary
	// Parts are all of the text, what destroys first. One without a Title is text that
	// belongs to nothing in particular.
	Parts []Part
	// Hidden counts the parts beyond MaxParts, which Parts does not have.
	Hidden int
	// Warnings are sentences that the reader must not miss: the text is cut, or contradicts
	// itself.
	Warnings []string
}

// Action is the change of a Part's subject.
type Action string

// The actions, those first that are shown first.
const (
	Destroy Action = "destroy"
	Replace Action = "replace"
	Failed  Action = "failed"
	Found   Action = "found"
	Change  Action = "change"
	Add     Action = "add"
	Import  Action = "import"
	Forget  Action = "forget"
	Move    Action = "move"
	Read    Action = "read"
	Outputs Action = "outputs"
	Skipped Action = "skipped"
	Drift   Action = "drift"
	Other   Action = "" // text around the others
)

var order = []Action{Destroy, Replace, Failed, Found, Change, Add, Import, Forget, Move, Read, Outputs, Skipped, Drift, Other}

// Part is one resource, object, file, test or finding.
type Part struct {
	Action Action
	Title  string // aws_subnet.a, on one line
	Note   string // "must be replaced", in the words of the text
	// Level is the severity of a finding, "" for other parts.
	Level string
	// Text is the part's own text. Colours of a terminal are removed, but not in the
	// format Text.
	Text string

	paint func(text string) []Line
	// load makes the text when somebody reads it, nil when Text is it; size is about its length.
	load func() string
	size int
}

// Body returns the text. The first call makes it, so it is not safe for concurrent use.
func (p *Part) Body() string {
	if p.load != nil {
		p.Text, p.load = p.load(), nil
	}
	return p.Text
}

// Size returns about how many bytes the text has.
func (p *Part) Size() int {
	if p.load != nil {
		return p.size
	}
	return len(p.Text)
}

// Alarming parts are shown open, wherever there is room.
func (p *Part) Alarming() bool {
	return p.Action == Destroy || p.Action == Replace || p.Action == Failed || p.Action == Found && (p.Level == "critical" || p.Level == "high")
}

// Kinds of a Line.
const (
	LineAdd     = "add"
	LineDel     = "del"
	LineMod     = "mod"
	LineReplace = "rep"
	LineHead    = "head"
	LineNote    = "note" // a remark of the program
)

// Line is one line of a Part.
type Line struct{ Kind, Text string }

// Lines returns the lines in the first most bytes of p, cut at the end of a line if there is one, and
// the number of bytes that are left out.
func (p *Part) Lines(most int) (lines []Line, more int) {
	text := p.Body()
	if len(text) > most {
		cut := strings.LastIndexByte(text[:most], '\n') + 1
		if cut == 0 {
			for cut = most; cut > 0 && text[cut]&0xc0 == 0x80; cut-- {
			}
		}
		text, more = text[:cut], len(text)-cut
	}
	if p.paint != nil {
		return p.paint(text), more
	}
	for l := range strings.Lines(text) {
		lines = append(lines, Line{Text: strings.TrimRight(l, "\r\n")})
	}
	return lines, more
}

// Parse reads text. A format that was given and that text is not written in is found out, and
// said.
func Parse(format Format, name, text string) Report {
	var cut int
	if len(text) > MaxText {
		text, cut = text[:MaxText], len(text)-MaxText
	}
	plain := Strip(text)
	r, as := understand(format, text, plain)
	if !as && format != Auto {
		r.warn("This should be %s, but it can't be read as one.", format.words())
	}
	if cut > 0 {
		r.Summary.Incomplete = true
		r.warn("The text has %d MiB and the limit is %d: the rest is not read.", (len(text)+cut)>>20, MaxText>>20)
	}
	r.Summary.Name, r.Summary.Format = name, string(r.Format)
	r.arrange()
	return r
}

// Summarize is Parse for its sum, in numbers that an Approval has room for.
func Summarize(format Format, name, text string) evidence.Summary {
	return Parse(format, name, text).Summary.Bounded()
}

// understand reads text, of which plain is the Strip, in the given format, or else in the first
// detected one that fits. as reports whether it is the given one.
func understand(format Format, text, plain string) (r Report, as bool) {
	if r, as = read(format, text, plain); as {
		return r, true
	}
	for _, found := range detect(plain) {
		if r, ok := read(found, text, plain); ok {
			return r, false
		}
	}
	return r, false
}

func read(format Format, text, plain string) (Report, bool) {
	switch format {
	case Plan:
		return parsePlan(plain)
	case PlanJSON:
		return parsePlanJSON(plain)
	case Diff, KubectlDiff:
		return parseDiff(plain, format)
	case HelmDiff:
		return parseHelm(plain)
	case JUnit:
		return parseJUnit(plain)
	case SARIF:
		return parseSARIF(plain)
	case JSON:
		return parseJSON(plain)
	case Markdown:
		return Report{Format: Markdown, Parts: []Part{{Text: plain, paint: paintMarkdown}}}, true
	case Text:
		return Report{Format: Text, Parts: []Part{{Text: text}}}, true
	case Auto:
	}
	return Report{}, false
}

func (f Format) words() string {
	switch f {
	case Plan:
		return "a plan of Terraform or OpenTofu"
	case PlanJSON:
		return "a plan as JSON"
	case Diff:
		return "a unified diff"
	case KubectlDiff:
		return "output of kubectl diff"
	case HelmDiff:
		return "output of helm diff"
	case JUnit:
		return "JUnit XML"
	case SARIF:
		return "SARIF"
	case JSON:
		return "JSON"
	case Markdown, Text, Auto:
	}
	return string(f)
}

func (r *Report) warn(format string, args ...any) {
	r.Warnings = append(r.Warnings, fmt.Sprintf(format, args...))
}

// arrange puts what destroys first, and bounds the parts; the text of those beyond stays out.
func (r *Report) arrange() {
	rank := map[Action]int{}
	for i, a := range order {
		rank[a] = i
	}
	levels := []string{"critical", "high", "medium", "low", "note"}
	slices.SortStableFunc(r.Parts, func(a, b Part) int {
		if d := rank[a.Action] - rank[b.Action]; d != 0 {
			return d
		}
		return slices.Index(levels, a.Level) - slices.Index(levels, b.Level)
	})
	if n := len(r.Parts); n > MaxParts {
		r.Hidden, r.Parts = n-MaxParts, r.Parts[:MaxParts]
	}
	for i := range r.Parts {
		p := &r.Parts[i]
		p.Title, p.Note = short(p.Title), short(p.Note)
	}
}

// short is s on one line of bounded length.
func short(s string) string {
	if len(s) > maxTitle {
		s = strings.ToValidUTF8(s[:maxTitle], "") + "…"
	}
	return strings.Join(strings.Fields(s), " ")
}
