package report

import (
	"encoding/json"
	"strings"

	"github.com/countersign-dev/countersign/approvals"
)

// Mask is text as somebody reads it whole: of a plan, as text or as JSON, without the values
// that terraform marks as sensitive and those whose names say that they are secrets, as its
// Report has none of them. All else stays as it is, to the byte. n is how many it leaves out.
func Mask(format Format, text string) (masked string, n int) {
	if format == Text || format == Markdown || format == JSON { // and shown as that
		return text, 0
	}
	isJSON := json.Valid([]byte(text))
	if format != PlanJSON || !isJSON {
		format = detect(Strip(text))[0]
	}
	switch {
	case format == Plan:
		return maskLines(text)
	case format == PlanJSON && isJSON:
		return maskJSON(text)
	default:
		return text, 0
	}
}

// maskLines leaves out what paintPlan leaves out. A line that it changes loses its colours.
func maskLines(text string) (string, int) {
	var b strings.Builder
	n, within := 0, -1 // the column of the sign of the secret whose lines these are
	for raw := range strings.Lines(text) {
		l := strings.TrimRight(Strip(raw), "\r\n")
		if within >= 0 {
			if strings.TrimSpace(l) == "" || strings.HasPrefix(l, strings.Repeat(" ", within+3)) {
				continue
			}
			end := strings.HasPrefix(l, strings.Repeat(" ", within+2)+"EOT")
			within = -1
			if end {
				continue
			} // else the text was cut, and what follows is something else
		}
		m := attribute.FindStringSubmatchIndex(l)
		if m == nil || !approvals.SecretName(l[m[2]:m[3]]) {
			b.WriteString(raw)
			continue
		}
		if heredoc.MatchString(l) {
			col, _ := signOf(l)
			within = signColumn(l, col)
		}
		n++
		b.WriteString(l[:m[4]] + concealed + raw[len(strings.TrimRight(raw, "\r\n")):])
	}
	return b.String(), n
}
