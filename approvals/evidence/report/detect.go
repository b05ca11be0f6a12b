package report

import (
	"regexp"
	"strings"
)

// sniffed is the number of bytes at the beginning of a text by which its format is detected.
const sniffed = 64 << 10

// detect returns the formats that text may have, the most likely first, of a text without
// escape sequences (Strip). The last is Text, which fits any.
func detect(text string) []Format {
	start := strings.TrimSpace(text[:min(len(text), sniffed)])
	switch {
	case strings.HasPrefix(start, "{"):
		var all []Format
		if strings.Contains(start, `"format_version"`) {
			all = append(all, PlanJSON)
		}
		if strings.Contains(text, `"runs"`) && (strings.Contains(text, `"2.1.0"`) || strings.Contains(start, "sarif")) {
			all = append(all, SARIF)
		}
		return append(all, JSON, Text)
	case strings.HasPrefix(start, "["):
		return []Format{JSON, Text}
	case strings.HasPrefix(start, "<") && strings.Contains(start, "<testsuite"):
		return []Format{JUnit, Text}
	}
	if f := byLines(text); f != Text {
		return []Format{f, Text}
	}
	if markdownHead.MatchString(start) {
		return []Format{Markdown}
	}
	return []Format{Text}
}

var markdownHead = regexp.MustCompile(`^#{1,3} \S[^\n]*\n`)

// byLines looks for a line that only one format has. It goes by each line's beginning: a text
// has a hundred thousand of them, and nearly all are nothing.
func byLines(text string) Format {
	for at := 0; at < len(text); {
		end := strings.IndexByte(text[at:], '\n')
		if end < 0 {
			end = len(text) - at
		}
		l := text[at : at+end]
		next := min(at+end+1, len(text))
		if f := byLine(l, text[next:]); f != Text {
			return f
		}
		at = next
	}
	return Text
}

func byLine(l, rest string) Format {
	if len(l) < 4 {
		return Text
	}
	switch l[0] {
	case 'T', 'O':
		if perform.MatchString(l) {
			return Plan
		}
	case 'P':
		if strings.HasPrefix(l, "Plan: ") && (&planText{}).says(l) {
			return Plan
		}
	case 'N':
		if strings.HasPrefix(l, "No changes. Your infrastructure") || strings.HasPrefix(l, "No changes. No objects") {
			return Plan
		}
	case 'C':
		if l == "Changes to Outputs:" {
			return Plan
		}
	case ' ':
		if _, ok := heading(l); ok {
			// What follows is a resource, below a few remarks. A heading can be a remark as well,
			// so to look past all of them, from each heading, would take the square.
			remarks := 0
			for next := range strings.Lines(rest) {
				if _, ok := remark(strings.TrimRight(next, "\n")); ok && remarks < maxRemarks {
					remarks++
					continue
				}
				if strings.Contains(next, `resource "`) || strings.Contains(next, `data "`) {
					return Plan
				}
				break
			}
		}
	case 'd', '-':
		switch {
		case kubectlHead.MatchString(l):
			return KubectlDiff
		case strings.HasPrefix(l, "diff --git "):
			return Diff
		case strings.HasPrefix(l, "--- ") && strings.HasPrefix(rest, "+++ "):
			if _, hunk, _ := strings.Cut(rest, "\n"); strings.HasPrefix(hunk, "@@ -") {
				return Diff
			}
		}
	}
	if (l[len(l)-1] == ':' || l[len(l)-1] == '.') && l[0] != ' ' && helmHead.MatchString(l) {
		return HelmDiff
	}
	return Text
}

var (
	perform     = regexp.MustCompile(`^(?:Terraform|OpenTofu) (?:will perform the following actions:|planned the following actions, but then encountered a problem:)$`)
	kubectlHead = regexp.MustCompile(`^(?:diff .*|--- )\S*LIVE-[0-9]+[/\\]`)
)
