package templates

import (
	"github.com/countersign-dev/countersign/approvals"
)

// concealed replaces a value with the name of a secret, such as db-password. People approve a digest
// of the value, and need not read it.
func concealed(p *printer) string { return p.t("(not shown: its name says that it is a secret)") }

// shown returns p's value, or concealed where p has the name of a secret and is not empty.
func shown(p approvals.Param, r reader) string {
	if approvals.SecretName(p.Name) && p.Value != "" {
		return concealed(r.printer)
	}
	return p.Value
}

// pairs returns inputs for display: each name and value on one bounded line, secrets concealed.
func pairs(inputs []approvals.Param, r reader) (out []Pair) {
	for _, in := range inputs {
		out = append(out, Pair{line(in.Name), line(shown(in, r))})
	}
	return out
}
