package report

import (
	"strings"

	"github.com/countersign-dev/countersign/approvals"
)

// planLines goes over the lines of one resource and decides which part of each is shown. The page
// and Mask both use it, so that neither shows a value that the other leaves out.
type planLines struct {
	heredoc bool // within a text of several lines
	column  int  // of the sign of what that is the value of
	updated bool // that changes
	secret  bool // that is a secret
}

// seen has the parts of a line of a plan that matter.
type seen struct {
	Line
	secret bool // its value is left out
	hidden bool // all of it is, since it belongs to a secret's value
}

// next takes a line without its end.
func (p *planLines) next(l string) seen {
	col, sign := signOf(l)
	if p.heredoc {
		hidden, kind := p.secret, ""
		switch {
		case indent(l) == p.column+2 && strings.HasPrefix(l[p.column+2:], "EOT"):
			*p = planLines{}
		case p.updated && col == p.column+4:
			kind = kinds[sign]
		}
		return seen{Line: Line{kind, l}, hidden: hidden}
	}
	begins := strings.Contains(l, "EOT") && heredoc.MatchString(l)
	if m := attributeOf(l); m != nil && approvals.SecretName(l[m[2]:m[3]]) {
		if begins {
			*p = planLines{heredoc: true, column: signColumn(l, col), secret: true}
		}
		return seen{Line: Line{kindAt(col, sign), l[:m[4]] + concealed}, secret: true}
	}
	if begins {
		*p = planLines{heredoc: true, column: signColumn(l, col), updated: sign == "~"}
	}
	kind := kindAt(col, sign)
	if kind == "" && strings.HasPrefix(strings.TrimLeft(l, " "), "# ") {
		kind = LineNote
	}
	return seen{Line: Line{kind, l}}
}

// attributeOf returns the offsets of an attribute's parts in a line, nil for a line without
// one.
func attributeOf(l string) []int {
	if !strings.Contains(l, "=") {
		return nil
	}
	return attribute.FindStringSubmatchIndex(l)
}
