package templates

import (
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/countersign-dev/countersign/approvals"
)

// Block is a part of a small Markdown: a paragraph ("p"), a heading ("h"), a list ("ul",
// "ol") or code ("pre"). It holds text and no markup, so each template escapes it for its own
// format, and nothing that somebody writes can become more than these.
type Block struct {
	Kind  string
	Items []Words // one, but for a list
	Code  string
}

// Words are text in a row.
type Words []Word

// Word is text of one kind: "", "b", "i", "code" or "a", which leads to URL by https.
type Word struct{ Kind, Text, URL string }

// Bounds of what is read.
const (
	maxMarkdown = 16 << 10
	maxBlocks   = 200
)

var (
	bullets  = regexp.MustCompile(`^\s{0,3}[-*+]\s+(.*)$`)
	numbers  = regexp.MustCompile(`^\s{0,3}\d{1,3}[.)]\s+(.*)$`)
	headings = regexp.MustCompile(`^#{1,6}\s+(.*?)\s*#*$`)
	// phrases matches the marked text within a line. Code comes first, so that marks in code are
	// text.
	phrases = regexp.MustCompile("`([^`\n]+)`|\\*\\*([^*\n]+)\\*\\*|\\[([^\\]\n]+)\\]\\(([^()\\s]+)\\)|\\*([^*\\s][^*\n]*)\\*|\\b_([^_\\s][^_\n]*)_\\b|(https://[^\\s<>()\\[\\]\"'`]+)")
)

// parseMarkdown reads s. What it does not know is text as it stands: HTML too.
func parseMarkdown(s string) []Block {
	s = visible(first(s, maxMarkdown))
	var out []Block
	lines := strings.Split(strings.ReplaceAll(s, "\r\n", "\n"), "\n")
	for i := 0; i < len(lines) && len(out) < maxBlocks; i++ {
		l := lines[i]
		last := func() *Block {
			if i == 0 || len(out) == 0 || strings.TrimSpace(lines[i-1]) == "" {
				return nil
			}
			return &out[len(out)-1]
		}
		switch {
		case strings.HasPrefix(l, "```"):
			var code []string
			for i++; i < len(lines) && !strings.HasPrefix(lines[i], "```"); i++ {
				code = append(code, lines[i])
			}
			out = append(out, Block{Kind: "pre", Code: strings.Join(code, "\n")})
		case strings.TrimSpace(l) == "":
		case headings.MatchString(l):
			out = append(out, Block{Kind: "h", Items: []Words{words(headings.FindStringSubmatch(l)[1])}})
		case bullets.MatchString(l):
			out = listItem(out, "ul", bullets.FindStringSubmatch(l)[1], lines, i)
		case numbers.MatchString(l):
			out = listItem(out, "ol", numbers.FindStringSubmatch(l)[1], lines, i)
		default:
			if b := last(); b != nil && b.Kind != "h" && b.Kind != "pre" { // it goes on
				n := len(b.Items) - 1
				b.Items[n] = append(b.Items[n], append(Words{{Text: " "}}, words(strings.TrimSpace(l))...)...)
				continue
			}
			out = append(out, Block{Kind: "p", Items: []Words{words(strings.TrimSpace(l))}})
		}
	}
	return out
}

// listItem adds to the list before it, if that is of the same kind: a blank line between is part
// of one list.
func listItem(out []Block, kind, text string, lines []string, at int) []Block {
	for at--; at >= 0 && strings.TrimSpace(lines[at]) == ""; at-- {
	}
	if n := len(out); at >= 0 && n > 0 && out[n-1].Kind == kind {
		out[n-1].Items = append(out[n-1].Items, words(text))
		return out
	}
	return append(out, Block{Kind: kind, Items: []Words{words(text)}})
}

func words(s string) Words {
	var out Words
	add := func(w Word) {
		if w.Text != "" {
			out = append(out, w)
		}
	}
	for s != "" {
		m := phrases.FindStringSubmatchIndex(s)
		if m == nil {
			break
		}
		part := func(n int) string {
			if m[2*n] < 0 {
				return ""
			}
			return s[m[2*n]:m[2*n+1]]
		}
		add(Word{Text: s[:m[0]]})
		whole := s[m[0]:m[1]]
		switch {
		case part(1) != "":
			add(Word{Kind: "code", Text: part(1)})
		case part(2) != "":
			add(Word{Kind: "b", Text: part(2)})
		case part(3) != "":
			add(linkWord(part(3), part(4), whole))
		case part(5) != "":
			add(Word{Kind: "i", Text: part(5)})
		case part(6) != "":
			add(Word{Kind: "i", Text: part(6)})
		default:
			address := strings.TrimRight(whole, ".,;:!?")
			add(linkWord(address, address, address))
			add(Word{Text: whole[len(address):]})
		}
		s = s[m[1]:]
	}
	add(Word{Text: s})
	return out
}

// linkWord returns a link, or whole, the text as it was written, where the address is not valid or
// not https. A text that looks like an address must be the one that the link leads to.
func linkWord(text, address, whole string) Word {
	if approvals.CheckLink(approvals.Link{Name: text, URL: address}) != nil {
		return Word{Text: whole}
	}
	if strings.Contains(text, "://") && text != address {
		return Word{Text: whole}
	}
	return Word{Kind: "a", Text: text, URL: address}
}

// Plain is the block as text for a mail.
func (b Block) Plain() string {
	if b.Kind == "pre" {
		return indent(4, b.Code)
	}
	var out []string
	for _, item := range b.Items {
		var s strings.Builder
		for _, w := range item {
			s.WriteString(w.Text)
			if w.URL != "" && w.URL != w.Text {
				s.WriteString(" (" + w.URL + ")")
			}
		}
		switch b.Kind {
		case "ul", "ol":
			out = append(out, "- "+s.String())
		default:
			out = append(out, s.String())
		}
	}
	return strings.Join(out, "\n")
}

// AboutView has the Gate's own instructions and links for approvers.
type AboutView struct {
	Instructions []Block
	Links        []LinkView // what approvers need
}

// LinkView is a link of the approver's own, with the host that it leads to.
type LinkView struct{ Name, URL, Host string }

func linksOf(links []approvals.Link) []LinkView {
	var out []LinkView
	for _, l := range links {
		u, err := url.Parse(l.URL)
		if err != nil || approvals.CheckLink(l) != nil || !utf8.ValidString(l.URL) {
			continue
		}
		out = append(out, LinkView{Name: line(l.Name), URL: drop(l.URL), Host: line(u.Host)})
	}
	return out
}
