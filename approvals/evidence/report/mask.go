package report

import (
	"encoding/json"
	"strings"
)

// Mask returns the text for a reader who gets all of it. From a plan, as text or as JSON, it
// leaves out the values that terraform marks as sensitive and those with the name of a secret,
// because the Report does not have them either. Every other byte stays as it is. n is the number
// of values that it leaves out.
func Mask(format Format, text string) (masked string, n int) {
	if MasksNothing(format, text) {
		return text, 0
	}
	plain, isJSON := Strip(text), json.Valid([]byte(text))
	if format != PlanJSON || !isJSON { // a text that the Gate calls a plan, in a form that is too new, is one too
		r, _ := understand(format, text, plain)
		format = r.Format
	}
	switch {
	case format == Plan:
		return maskLines(text, plain)
	case format == PlanJSON && isJSON:
		return maskJSON(text)
	case format == PlanJSON && json.Valid([]byte(plain)): // as the page reads it
		if masked, n = maskJSON(plain); n > 0 {
			return masked, n
		}
	}
	return text, 0
}

// MasksNothing reports whether Mask surely leaves nothing out. It costs little, because it does not
// read the text as a plan; false means only that Mask has to look.
func MasksNothing(format Format, text string) bool {
	return format == Text || format == Markdown || format == JSON && json.Valid([]byte(text)) // and shown as that
}

// maskLines leaves out of text what the page does that is made of plain, its Strip. A line
// that it changes loses its colours.
func maskLines(text, plain string) (string, int) {
	begins, ends := map[int]bool{}, map[int]bool{} // where the resources do
	for _, s := range readPlan(plain).spans {
		begins[s[0]], ends[s[1]] = true, true
	}
	var b strings.Builder
	var state planLines
	n, at := 0, 0
	for len(text) > 0 {
		raw, lines := rawLine(text)
		text = text[len(raw):]
		var kept []string
		changed, first := false, true
		for whole := range strings.Lines(lines) {
			l := strings.TrimRight(whole, "\r\n")
			// What comes after a lone carriage return may be of the text before it.
			if inside := !first && atEdge(l); begins[at] || (ends[at] || atEdge(l)) && !inside {
				state = planLines{}
			}
			at, first = at+len(whole), false
			s := state.next(l)
			if s.secret {
				n++
			}
			changed = changed || s.secret || s.hidden
			if !s.hidden {
				kept = append(kept, s.Text)
			}
		}
		switch {
		case !changed:
			b.WriteString(raw)
		case len(kept) > 0:
			b.WriteString(strings.Join(kept, "\n") + raw[len(strings.TrimRight(raw, "\r\n")):])
		}
	}
	return b.String(), n
}

// rawLine returns the first line of text, and its Strip. Strip may make several lines of one, at
// carriage returns, and one of several, where a newline is the end of a sequence.
func rawLine(text string) (raw, plain string) {
	for end, begin := 0, 0; end < len(text); begin = end {
		if n := strings.IndexByte(text[end:], '\n'); n >= 0 {
			end += n + 1
		} else {
			end = len(text)
		}
		raw, plain = text[:end], Strip(text[begin:end])
		if strings.HasSuffix(plain, "\n") || end == len(text) {
			if begin > 0 {
				plain = Strip(raw)
			}
			break
		}
	}
	return raw, plain
}
