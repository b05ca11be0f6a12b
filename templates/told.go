package templates

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/evidence"
	"github.com/countersign-dev/countersign/approvals/forge"
)

// does says what a target is told, as approvals.Target does in English: "starts PipelineRun x".
func (p *printer) does(t approvals.Target, granted bool) string {
	status := approvals.StatusRefused
	if granted {
		status = approvals.StatusSuccess
	}
	switch {
	case t.Kind == approvals.TargetConfigMap:
		return p.t("sets %s=%s in %s", t.Key, status, t.String())
	case granted && t.Pipeline != "":
		return p.t("starts %s of Pipeline %s", t.String(), t.Pipeline)
	case granted:
		return p.t("starts %s", t.String())
	default:
		return p.t("cancels %s", t.String())
	}
}

// ended says how a run ended, as approvals.RunEnd does in English: "failed after 3 min 5 s".
func (p *printer) ended(e approvals.RunEnd) string {
	took := p.lasted(e.Took())
	switch {
	case e.Outcome == approvals.RunSucceeded && took != "":
		return p.t("succeeded in %s", took)
	case e.Outcome == approvals.RunSucceeded:
		return p.t("succeeded")
	case e.Outcome == approvals.RunFailed && took != "":
		return p.t("failed after %s", took)
	case e.Outcome == approvals.RunFailed:
		return p.t("failed")
	case e.Outcome == approvals.RunCancelled && took != "":
		return p.t("was cancelled after %s", took)
	case e.Outcome == approvals.RunCancelled:
		return p.t("was cancelled")
	}
	return p.t("was deleted before its end was seen")
}

// lasted returns a duration to the second, in short units; "" for none.
func (p *printer) lasted(d time.Duration) string {
	d = d.Round(time.Second)
	h, m, s := int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60
	switch {
	case h > 0 && m > 0:
		return p.t("%d h %d min", h, m)
	case h > 0:
		return p.t("%d h", h)
	case m > 0 && s > 0:
		return p.t("%d min %d s", m, s)
	case m > 0:
		return p.t("%d min", m)
	case s > 0:
		return p.t("%d s", s)
	}
	return ""
}

// event names a held event, as forge.Event does in English: "A push to main".
func (p *printer) event(e forge.Event) string {
	switch {
	case e.Kind == forge.PullRequest && e.Number > 0:
		return p.t("Pull request #%d", e.Number)
	case e.Kind == forge.PullRequest:
		return p.t("A pull request")
	case e.Kind == forge.TagPush && e.Gone:
		return p.t("The deletion of tag %s", e.Tag)
	case e.Kind == forge.TagPush:
		return p.t("A push of tag %s", e.Tag)
	case e.Kind == forge.Push && e.Gone:
		return p.t("The deletion of branch %s", e.Branch)
	case e.Kind == forge.Push && e.Branch != "":
		return p.t("A push to %s", e.Branch)
	}
	return p.t("An event")
}

// counts says who counts for a rule. who is a list of names and groups in English.
func (p *printer) counts(who string) string {
	if p.english {
		return who
	}
	all := strings.Split(who, ", ")
	for i, x := range all {
		group, ok := strings.CutPrefix(x, "group ")
		switch {
		case ok:
			all[i] = p.t("group %s", group)
		case x == "anyone with the approve permission on the gate":
			all[i] = p.t("anyone with the approve permission on the gate")
		}
	}
	return strings.Join(all, p.t("%s, %s", "", ""))
}

// sum says a summary's counts, which package evidence has in English: "5 destroy (2 replaced)".
func (p *printer) sum(s string) string {
	if p.english || s == "" {
		return s
	}
	all := strings.Split(s, " · ")
	for i, x := range all {
		var numbers []any
		key := numerals.ReplaceAllStringFunc(x, func(n string) string {
			v, _ := strconv.Atoi(n) // of whole numbers that fmt wrote
			numbers = append(numbers, v)
			return "%d"
		})
		all[i] = p.t(key, numbers...)
	}
	return strings.Join(all, " · ")
}

var others = regexp.MustCompile(`(?s)^(.+); ([^;]+) can decide$`)

var numerals = regexp.MustCompile(`\d+`)

// sums are the messages that sum looks up. A test compares them with those of package evidence.
func sums(p *printer) []string {
	return []string{
		p.t("%d import"), p.t("%d add"), p.t("%d change"), p.t("%d destroy"), p.t("%d destroy (%d replaced)"), p.t("%d replace"), p.t("%d forget"), p.t("%d move"),
		p.t("%d changed outside"), p.t("%d new"), p.t("%d changed"), p.t("%d deleted"), p.t("%d deleted (%d replaced)"),
		p.t("%d failed"), p.t("%d skipped"), p.t("%d passed"), p.t("%d critical"), p.t("%d high"), p.t("%d medium"), p.t("%d low"), p.t("%d notes"),
		p.t("no tests"), p.t("no findings"), p.t("no changes"), p.t("incomplete"),
	}
}

func (p *printer) newSum(s evidence.Summary) SumView {
	v := SumView{Line: p.sum(s.Line()), Chips: s.Chips(), Alarming: s.Alarming(), Incomplete: s.Incomplete}
	var alarm []string
	for i, c := range v.Chips {
		v.Chips[i].Text = p.sum(c.Text)
		switch c.Kind {
		case "destroy", "replace", "failed", "critical", "high":
			alarm = append(alarm, v.Chips[i].Text)
		}
	}
	v.Alarm = strings.Join(alarm, " · ")
	return v
}

// told returns a sentence that another package made in English, where the catalogue has it with its
// values: refusals and notices of the pure middle, and titles of pages. Any other stays English,
// as does every error's detail.
func (p *printer) told(s string) string { return p.toldIn(s, maxWithin) }

const (
	// maxTold is longer than any sentence of ours with the values that are usual in it. A tenant's text
	// may be part of one and 32 KiB long, and patterns take the square of that.
	maxTold = 1024
	// maxWithin is how deep one sentence of ours stands in another: a refusal has what a policy says of a Gate, which
	// says how many approvals there are to be.
	maxWithin = 3
)

func (p *printer) toldIn(s string, within int) string {
	if p.english || s == "" || len(s) > maxTold || within < 0 {
		return s
	}
	if m := p.messages[s]; len(m) == 1 {
		return m[0]
	}
	if m := others.FindStringSubmatch(s); m != nil { // a refusal that says who else can
		return p.t("%s; %s", p.toldIn(m[1], within-1), p.t("%s can decide", p.counts(m[2])))
	}
	if head, more, ok := strings.Cut(s, "; "+policySays); ok && strings.HasPrefix(s, policySays) { // each says one thing
		return p.t("%s; %s", p.toldIn(head, within), p.toldIn(policySays+more, within))
	}
	for _, key := range tails { // a refusal that says what did not happen
		if head, ok := strings.CutSuffix(s, strings.TrimPrefix(key, "%s")); ok {
			said := p.toldIn(head, within-1)
			if said == head {
				return s // in English as a whole rather than in two languages
			}
			if p.unspaced() {
				said = p.stopped(said)
			}
			return p.t(key, said)
		}
	}
	for _, o := range p.patterns {
		if m := o.match.FindStringSubmatch(s); m != nil {
			args := make([]any, 0, len(m)-1)
			for i, x := range m[1:] {
				args = append(args, p.arg(o.verbs[i][0], x, within-1))
			}
			return p.t(o.key, args...)
		}
	}
	return s
}

// policySays begins what a GatePolicy says of a Gate.
const policySays = `GatePolicy "`

// arg is the value of a verb that made x.
func (p *printer) arg(verb, x string, within int) any {
	switch verb {
	case "%d":
		if n, err := strconv.Atoi(x); err == nil {
			return n
		}
	case "%q":
		if s, err := strconv.Unquote(x); err == nil {
			return s // it is quoted again
		}
	}
	return p.value(x, within)
}

// value is what stands in a sentence: a state, a sentence of ours, or as it is. One word is a name, also
// when the catalogue has that word: nobody is called otherwise in another language.
func (p *printer) value(x string, within int) string {
	if !strings.Contains(x, " ") {
		return p.was(x)
	}
	return p.toldIn(x, within)
}

// pattern is a message of another package, with what finds it.
type pattern struct {
	key   string
	verbs [][]string // "%s", "%d" or "%q", in order
	match *regexp.Regexp
}

var values = regexp.MustCompile(`%[sdq]`)

// patternsOf makes the patterns of those messages in p that have values in them.
func patternsOf(messages map[string][]string) []pattern {
	var out []pattern
	for _, key := range toldKeys {
		if messages[key] == nil || !strings.Contains(key, "%") {
			continue
		}
		x := regexp.QuoteMeta(key)
		// A time and a field have no spaces, and what follows them may have colons.
		x = strings.NewReplacer(" at %s", ` at (\S+)`, " field %s", ` field (\S+)`, "%s", "(.+)", "%d", `(\d+)`, "%q", `("(?:[^"\\]|\\.)*")`).Replace(x)
		out = append(out, pattern{key, values.FindAllStringSubmatch(key, -1), regexp.MustCompile("(?s)^" + x + "$")})
	}
	return out
}
