package report

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/countersign-dev/countersign/approvals/evidence"
)

// The sections of a plan's text. Lines at the left edge begin them: all of a resource is
// indented, so nothing that a resource has in it can.
type section int

const (
	before  section = iota // and there may be resources in it, when the beginning was cut off
	actions                // and what changed outside, which its headings tell
	outputs
	after
)

// planText is a plan's text while it is read.
type planText struct {
	Report
	at      section
	open    int // where the current part's text begins, -1: none is open
	part    Part
	remarks int              // below the heading of the current part
	sum     evidence.Summary // of the resources
	said    evidence.Summary // of the lines that begin with Plan:
	sums    int
	nothing bool // it says that there are no changes
	failed  bool // it says that it is not whole
	invoked int  // how many actions of providers it says that it invokes
	other   strings.Builder
	spans   [][2]int // where the text of each part is
}

// parsePlan reads what terraform plan, terraform show and OpenTofu's write.
func parsePlan(text string) (Report, bool) {
	p := readPlan(text)
	if p.sums == 0 && len(p.Parts) == 0 && !p.nothing {
		return Report{}, false
	}
	if s := strings.Trim(p.other.String(), "\n"); s != "" {
		p.Parts = append(p.Parts, Part{Text: s, paint: paintPlain})
	}
	p.compare()
	return p.Report, true
}

func readPlan(text string) *planText {
	p := &planText{open: -1}
	p.Format = Plan
	for at := 0; at < len(text); {
		end := strings.IndexByte(text[at:], '\n')
		next := at + end + 1
		if end < 0 {
			next = len(text)
		}
		p.line(text, at, strings.TrimSuffix(text[at:next], "\n"), next)
		at = next
	}
	p.close(text, len(text))
	return p
}

// line reads one line; at is where it begins and next where the next one does.
func (p *planText) line(text string, at int, l string, next int) {
	if part, ok := heading(l); ok && p.at != outputs && p.at != after {
		p.close(text, at)
		p.open, p.part, p.remarks = next, part, 0
		return
	}
	if p.open == at && p.part.Action != Outputs && p.remarks < maxRemarks {
		if aside, ok := remark(l); ok { // of the heading
			p.aside(aside)
			p.open = next
			return
		}
	}
	if !atEdge(l) {
		if p.open < 0 {
			p.other.WriteString(l + "\n")
		}
		return
	}
	p.close(text, at)
	switch {
	case strings.HasSuffix(l, "will perform the following actions:"):
		p.at = actions
	case strings.HasSuffix(l, "planned the following actions, but then encountered a problem:"):
		p.at, p.failed = actions, true
	case strings.HasPrefix(l, "Plan: ") && p.says(l):
		p.at = after
	case l == "Changes to Outputs:":
		p.at, p.open, p.part = outputs, next, Part{Action: Outputs, Title: "Outputs", Note: "change"}
		return
	case strings.HasPrefix(l, "No changes. "):
		p.nothing = true
	case p.at == outputs:
		p.at = after
	}
	p.other.WriteString(l + "\n")
}

// atEdge reports whether a line is at the left edge.
func atEdge(l string) bool {
	return l != "" && l[0] != ' ' && l[0] != '\t' && !strings.HasPrefix(l, "-/+ ") && !strings.HasPrefix(l, "+/- ")
}

// close ends the current part.
func (p *planText) close(text string, at int) {
	if p.open < 0 {
		return
	}
	p.part.Text = strings.TrimRight(strings.TrimLeft(text[p.open:at], "\n"), "\n ")
	p.part.paint = paintPlan
	p.spans = append(p.spans, [2]int{p.open, at})
	p.count(p.part)
	p.Parts = append(p.Parts, p.part)
	p.open = -1
}

func (p *planText) count(x Part) {
	s := &p.sum
	switch x.Action {
	case Destroy:
		s.Destroy++
	case Replace:
		s.Add++
		s.Replace++
		if strings.Contains(x.Note, "will not be destroyed") {
			s.Forget++
		} else {
			s.Destroy++
		}
	case Change:
		s.Change++
	case Add:
		s.Add++
	case Import:
		s.Import++
	case Forget:
		s.Forget++
	case Move:
		s.Move++
	case Drift:
		s.Drift++
	case Read, Outputs, Failed, Found, Skipped, Other:
	}
}

// aside is a remark below a heading.
func (p *planText) aside(s string) {
	switch {
	case strings.HasPrefix(s, "(imported from"), strings.HasPrefix(s, "(will be imported"), strings.HasPrefix(s, "imported using"):
		if p.part.Action != Import {
			p.sum.Import++
		}
	case strings.HasPrefix(s, "(moved from"):
		p.sum.Move++
	}
	p.part.Note += " " + s
	p.remarks++
}

// maxRemarks are read below one heading. Terraform writes two at most; more are text of the
// resource.
const maxRemarks = 8

// remark returns the reason for an action, which terraform and OpenTofu write in a line below the
// heading. ok is false for another line.
func remark(l string) (string, bool) {
	if s, ok := strings.CutPrefix(strings.TrimLeft(l, " "), "#"); ok && len(l)-len(s) <= 3 {
		return strings.TrimSpace(s), true
	}
	if strings.HasPrefix(l, " (because ") { // as OpenTofu has it
		return strings.TrimSpace(l), true
	}
	return "", false
}

// says reads the line that begins with "Plan:", as in "1 to import, 2 to add, 0 to change.",
// after which Terraform 1.14 may have another sentence, "Actions: 1 to invoke". It returns false
// for a line that does not have that form.
func (p *planText) says(l string) bool {
	var s evidence.Summary
	l, more, _ := strings.Cut(strings.TrimSpace(strings.TrimPrefix(l, "Plan: ")), ". ")
	l = strings.TrimSuffix(l, ".")
	for item := range strings.SplitSeq(l, ", ") {
		number, what, ok := strings.Cut(item, " to ")
		n, err := strconv.Atoi(number)
		if !ok || err != nil || n < 0 || n > 1e9 {
			return false
		}
		switch what {
		case "add":
			s.Add = n
		case "change":
			s.Change = n
		case "destroy":
			s.Destroy = n
		case "import":
			s.Import = n
		case "forget":
			s.Forget = n
		}
	}
	p.sums++
	if number, ok := strings.CutPrefix(more, "Actions: "); ok {
		number, _, _ = strings.Cut(number, " to invoke")
		if n, err := strconv.Atoi(number); err == nil && n > 0 && n <= 1e9 {
			p.invoked += n
		}
	}
	p.said.Add, p.said.Change, p.said.Destroy = p.said.Add+s.Add, p.said.Change+s.Change, p.said.Destroy+s.Destroy
	p.said.Import, p.said.Forget = p.said.Import+s.Import, p.said.Forget+s.Forget
	return true
}

// compare takes the larger number where the resources and the plan's own sum differ, and adds a
// warning: either of them may have been cut or forged.
func (p *planText) compare() {
	sum, resources := p.sum, 0
	for _, x := range p.Parts {
		if x.Title != "" && x.Action != Drift && x.Action != Outputs {
			resources++
		}
	}
	if p.invoked > 0 {
		p.warn(invokes, someActions(p.invoked))
	}
	if p.failed {
		p.warn("Planning failed, so this shows only some of the changes.")
		sum.Incomplete = true
	}
	if p.sums == 0 && resources > 0 {
		p.warn("The summary line of the plan is missing, so the text was cut: there may be more changes than are shown.")
		sum.Incomplete = true
	}
	if p.sums > 0 {
		fewer, more := false, false
		for _, x := range []struct {
			of   *int
			said int
			what string
		}{{&sum.Destroy, p.said.Destroy, "destroy"}, {&sum.Add, p.said.Add, "add"}, {&sum.Change, p.said.Change, "change"}, {&sum.Import, p.said.Import, "import"}} {
			switch {
			case *x.of < x.said && !fewer:
				p.warn("The plan says %d to %s, and only %d of them are in this text, so it was cut: the others are not shown.", x.said, x.what, *x.of)
				fewer = true
			case *x.of > x.said && !more:
				p.warn("The plan says %d to %s, but this text has %d: its summary is wrong.", x.said, x.what, *x.of)
				more = true
			}
			*x.of = max(*x.of, x.said)
		}
		sum.Forget = max(sum.Forget, p.said.Forget)
		sum.Incomplete = sum.Incomplete || fewer
	}
	p.Summary = sum
}

// phrases are the ends of headings, with their actions. Only the end of a heading is compared,
// because addresses may have any text in their quoted keys.
var phrases = []struct {
	end    string
	action Action
}{
	{" will be created", Add},
	{" will be updated in-place", Change},
	{" will be destroyed", Destroy},
	{" must be replaced", Replace},
	{" is tainted, so it must be replaced", Replace},
	{" is tainted, so must be replaced", Replace},
	{" will be replaced, as requested", Replace},
	{" will be replaced due to changes in replace_triggered_by", Replace},
	{" will be read during apply", Read},
	{" will be imported", Import},
	{" will no longer be managed by Terraform, but will not be destroyed", Forget},
	{" will be removed from the OpenTofu state but will not be destroyed", Forget},
	{" has changed", Drift},
	{" has been deleted", Drift},
}

const notDestroyed = " - older instance will not be destroyed (lifecycle.destroy = false)"

// heading reads the comment above a resource: "  # aws_subnet.a must be replaced".
func heading(l string) (Part, bool) {
	s, ok := strings.CutPrefix(l, "  # ")
	if !ok {
		if s, ok = strings.CutPrefix(l, " # "); !ok {
			return Part{}, false
		}
	}
	s = strings.TrimRight(s, " ")
	if s == "" || s[0] == '(' {
		return Part{}, false
	}
	s, kept := strings.CutSuffix(s, notDestroyed)
	for _, ph := range slices.Backward(phrases[:]) { // the longer ones of those with one end first
		if title, ok := strings.CutSuffix(s, ph.end); ok && title != "" {
			if ph.action == Replace && strings.HasSuffix(title, " is tainted, so it") {
				continue
			}
			note := strings.TrimSpace(ph.end)
			if kept {
				note += notDestroyed
			}
			return Part{Action: ph.action, Title: title, Note: note}, true
		}
	}
	if from, to, ok := strings.Cut(s, " has moved to "); ok {
		return Part{Action: Move, Title: to, Note: "has moved from " + from}, true
	}
	return Part{}, false
}

var (
	heredoc = regexp.MustCompile(`<<-?EOT(?: # forces replacement)?$`)
	// attribute is one with a literal value.
	attribute = regexp.MustCompile(`^[-+~./<= ]*"?([A-Za-z0-9_.-]+)"? *= ("|<<-?EOT)`)
)

// concealed stands in the place of a value whose name says that it is a secret.
const concealed = "(not shown: its name says that it is a secret)"

// paintPlan gives each line of a resource its kind. A line is a change when its sign stands at the
// indentation of its block: in a value of several lines, other signs are text. Hidden lines are left
// out.
func paintPlan(text string) []Line {
	var out []Line
	var p planLines
	for l := range strings.Lines(text) {
		if s := p.next(strings.TrimRight(l, "\r\n")); !s.hidden {
			out = append(out, s.Line)
		}
	}
	return out
}

var kinds = map[string]string{"+": LineAdd, "-": LineDel, "~": LineMod, "-/+": LineReplace, "+/-": LineReplace}

// kindAt returns the action that a sign means at a column: blocks are indented by four.
func kindAt(col int, sign string) string {
	if col%4 != 2 && (col != 0 || len(sign) != 3) {
		return ""
	}
	return kinds[sign]
}

// signOf returns the sign at the beginning of a line and its column, -1 for a line without one.
func signOf(l string) (col int, sign string) {
	t := strings.TrimLeft(l, " ")
	sign, _, found := strings.Cut(t, " ")
	if _, ok := kinds[sign]; !ok || !found && len(t) != len(sign) {
		return -1, ""
	}
	return len(l) - len(t), sign
}

// signColumn returns the column of an attribute's sign, or the column that it would have when
// nothing changes.
func signColumn(l string, col int) int {
	if col >= 0 {
		return col
	}
	return max(0, indent(l)-2)
}

// indent returns the number of spaces at the beginning of l.
func indent(l string) int { return len(l) - len(strings.TrimLeft(l, " ")) }

// invokes warns of a plan that runs actions of providers, which Terraform has since 1.14.
const invokes = "The plan also invokes %s of a provider, and what that does is in none of the numbers."

// someActions is what plural makes, in texts that can be looked up to be translated.
func someActions(n int) string {
	if n == 1 {
		return "1 action"
	}
	return fmt.Sprintf("%d actions", n)
}

func paintPlain(text string) []Line {
	var out []Line
	for l := range strings.Lines(text) {
		out = append(out, Line{Text: strings.TrimRight(l, "\r\n")})
	}
	return out
}

// paintMarkdown tells headings, outside of code.
func paintMarkdown(text string) []Line {
	var out []Line
	code := false
	for _, l := range paintPlain(text) {
		t := strings.TrimLeft(l.Text, " ")
		if strings.HasPrefix(t, "```") || strings.HasPrefix(t, "~~~") {
			code = !code
		}
		if hashes := len(t) - len(strings.TrimLeft(t, "#")); !code && hashes > 0 && hashes <= 6 && strings.HasPrefix(t[hashes:], " ") {
			l.Kind = LineHead
		}
		out = append(out, l)
	}
	return out
}
