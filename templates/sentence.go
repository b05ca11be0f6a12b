package templates

import (
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// sentence is an error's message as a page shows it: with a capital and a full
// stop, with times and service accounts as people write them. Errors are written
// for programs and logs too, where none of that belongs.
func (p *printer) sentence(s string) string { return p.sentenceOf(s, false) }

// sentenceOf is sentence, which names the caller where nothing else does.
func (p *printer) sentenceOf(s string, named bool) string {
	s = p.told(s)
	s = strings.TrimSpace(text(s))
	if s == "" {
		return ""
	}
	s = instants.ReplaceAllStringFunc(s, func(x string) string {
		t, err := time.Parse(time.RFC3339, x)
		if err != nil {
			return x
		}
		return t.UTC().Format(absolute)
	})
	s = accounts.ReplaceAllString(s, p.t("service account %s of namespace %s", "$2", "$1"))
	if !named {
		s = yourself.ReplaceAllString(s, "You")
	}
	// A name stays as it is: "alice@example.com" is no "Alice@example.com".
	if word, _, _ := strings.Cut(s, " "); !strings.ContainsAny(word, "@:/.-_0123456789") {
		r, n := utf8.DecodeRuneInString(s)
		s = string(unicode.ToUpper(r)) + s[n:]
	}
	return p.stopped(s)
}

// stopped is s with a full stop of its language, where it has no end of its own. What stayed English has that of English.
func (p *printer) stopped(s string) string {
	last, _ := utf8.DecodeLastRuneInString(s)
	switch {
	case strings.ContainsRune(".!?:…。！？：", last):
		return s
	case p.unspaced() && (last == '）' || last == '」' || unicode.In(last, unicode.Han, unicode.Hiragana, unicode.Katakana)):
		return s + "。"
	}
	return s + "."
}

// unspaced reports whether the language has no spaces between sentences.
func (p *printer) unspaced() bool { return p.t("%s; %s", "", "") == "" }

// sentence is the printer's. In a message its times are in the reader's zone and language; on a page
// they stay as pieces looks for them.
func (r reader) sentence(s string) string { return r.inZone(r.printer.sentence(s)) }

// inZone has the times of a sentence in the reader's zone and language, where the zone is known.
func (r reader) inZone(s string) string {
	if r.zone == nil {
		return s
	}
	return absolutes.ReplaceAllStringFunc(s, func(x string) string {
		t, err := time.Parse(absolute, x)
		if err != nil {
			return x // no such day
		}
		return r.absolute(t.In(r.zone))
	})
}

// absolute is the layout of times, in UTC, in a text whose reader's zone is not known.
const absolute = "Mon 2 Jan 2006, 15:04 UTC"

// piece is a part of a sentence. ISO is the time in Text as RFC 3339, "" when Text is no time.
type piece struct{ Text, ISO string }

// pieces are s with its times apart, which a page shows in the reader's own zone.
func (p *printer) pieces(s string) []piece {
	var out []piece
	end := 0
	for _, at := range absolutes.FindAllStringIndex(s, -1) {
		t, err := time.Parse(absolute, s[at[0]:at[1]])
		if err != nil {
			continue // no such day
		}
		if at[0] > end {
			out = append(out, piece{Text: s[end:at[0]]})
		}
		out, end = append(out, piece{p.absolute(t), t.Format(time.RFC3339)}), at[1]
	}
	if end < len(s) {
		out = append(out, piece{Text: s[end:]})
	}
	return out
}

var (
	absolutes = regexp.MustCompile(`\b[A-Z][a-z]{2} \d{1,2} [A-Z][a-z]{2} \d{4}, \d\d:\d\d UTC\b`)
	// An API names the caller; the top of a page has done that.
	yourself = regexp.MustCompile(`^you \([^()]*\)`)
	instants = regexp.MustCompile(`\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)`)
	accounts = regexp.MustCompile(`\bsystem:serviceaccount:([a-z0-9-]+):([a-z0-9.-]*[a-z0-9])`)
)
