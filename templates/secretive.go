package templates

import (
	"github.com/countersign-dev/countersign/approvals"
)

// concealed is shown in the place of a value whose name says that it is a secret.
// People approve a digest of it, and need not read it.
const concealed = "(not shown: its name says that it is a secret)"

// shown is what may be shown of p's value.
func shown(p approvals.Param) string {
	if approvals.SecretName(p.Name) && p.Value != "" {
		return concealed
	}
	return p.Value
}

// pairs are what was filled in, bounded.
func pairs(inputs []approvals.Param) (out []Pair) {
	for _, in := range inputs {
		out = append(out, Pair{line(in.Name), line(shown(in))})
	}
	return out
}
