package approvals

import (
	"regexp"
	"slices"
	"strings"
)

// Preflight is the result of checking whether an Approval's outcome could be started. It is
// repeated until the run has started.
type Preflight struct {
	State PreflightState
	// Problems each keep it from starting; all that were found, not only the first.
	// They say why it is not known where State is PreflightUnknown.
	Problems []Problem
	// Warnings keep nothing from starting.
	Warnings []Problem
}

// PreflightState sums up a Preflight.
type PreflightState string

// The states of a Preflight.
const (
	PreflightReady   PreflightState = "True"
	PreflightBlocked PreflightState = "False"
	PreflightUnknown PreflightState = "Unknown"
)

// ReasonContentChanged is the reason of what is not what people approved, or were asked to.
const ReasonContentChanged = "ContentChanged"

// ReasonWarned is the reason of a condition that is good, with warnings.
const ReasonWarned = "StartableWithWarnings"

// warnings are the reasons of what keeps nothing from starting. A Preflight is kept as one
// condition's text: the reason says which of its lines are warnings.
var warnings = map[string]bool{
	ReasonTextInScript: true, ReasonSubPath: true, ReasonElsewhere: true, ReasonResults: true, ReasonStaysPending: true,
}

// The reasons of warnings.
const (
	ReasonTextInScript = "ApproverTextInScript" // what an approver types becomes code
	ReasonSubPath      = "WorkspaceSubPath"     // part 2 mounts another directory than part 1 wrote to
	ReasonElsewhere    = "NotInThisCluster"     // who manages the run may have elsewhere what it refers to
	ReasonStaysPending = "RunStaysPending"      // the template makes the run pending, and nothing here starts it
	ReasonResults      = "ResultsTooCostly"     // the default results go in the place of the Gate's
)

// NewPreflight makes a Preflight of the problems that a check found. None means
// PreflightReady.
func NewPreflight(found []Problem) *Preflight {
	p := &Preflight{State: PreflightReady}
	for _, x := range found {
		x.Message = strings.Join(strings.Fields(x.Message), " ")
		list := &p.Problems
		if warnings[x.Reason] {
			list = &p.Warnings
		}
		if !slices.Contains(*list, x) {
			*list = append(*list, x)
		}
	}
	if len(p.Problems) > 0 {
		p.State = PreflightBlocked
	}
	return p
}

// UnknownPreflight is that it could not be found out.
func UnknownPreflight(why Problem) *Preflight {
	why.Message = strings.Join(strings.Fields(why.Message), " ")
	return &Preflight{State: PreflightUnknown, Problems: []Problem{why}}
}

// Same reports whether p and q say the same.
func (p *Preflight) Same(q *Preflight) bool {
	if p == nil || q == nil {
		return p == q
	}
	return p.State == q.State && slices.Equal(p.Problems, q.Problems) && slices.Equal(p.Warnings, q.Warnings)
}

// Has reports whether one of the problems has that reason.
func (p *Preflight) Has(reason string) bool {
	return p != nil && slices.ContainsFunc(p.Problems, func(x Problem) bool { return x.Reason == reason })
}

// Text is p as a condition has it: the first one's reason, and a line for each, which
// begins with its reason when there are several.
func (p *Preflight) Text() (reason, message string) {
	all := slices.Concat(p.Problems, p.Warnings)
	switch {
	case len(all) == 0:
		return "Startable", ""
	case p.State == PreflightReady:
		reason = ReasonWarned
	default:
		reason = all[0].Reason
	}
	if len(all) == 1 && p.State != PreflightReady {
		return reason, all[0].Message
	}
	var lines []string
	for _, x := range all {
		lines = append(lines, x.Reason+": "+x.Message)
	}
	return reason, strings.Join(lines, "\n")
}

var reasonedLine = regexp.MustCompile(`^([A-Z][A-Za-z]+): (.*)$`)

// ParsePreflight is the reverse of Text.
func ParsePreflight(state PreflightState, reason, message string) *Preflight {
	p := &Preflight{State: state}
	if state == PreflightReady && message == "" {
		return p
	}
	lines := strings.Split(message, "\n")
	for _, l := range lines {
		x := Problem{Reason: reason, Message: l}
		if m := reasonedLine.FindStringSubmatch(l); m != nil && (len(lines) > 1 || state == PreflightReady) {
			x = Problem{Reason: m[1], Message: m[2]}
		}
		if warnings[x.Reason] {
			p.Warnings = append(p.Warnings, x)
		} else {
			p.Problems = append(p.Problems, x)
		}
	}
	return p
}
