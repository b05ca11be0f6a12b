package approvals

import (
	"encoding/json"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxComment is the most characters that a comment may have, in any script.
const MaxComment = 2048

// MaxComments is the most bytes that the comments of one Approval may have together: it is
// kept as one object, and so are the results that join them.
const MaxComments = MaxVotes * 2048

// CleanComment makes a comment safe to keep: control characters other than
// newline and tab are dropped (bidirectional overrides too, which could make
// text read as something else), line ends are \n, and the ends are trimmed. A
// comment that is too long after that is refused, CodeInvalid, never cut: forms
// send each line end as two bytes, which their writer can't see.
func CleanComment(s string) (string, error) {
	s = strings.TrimSpace(Printable(s))
	if n := utf8.RuneCountInString(s); n > MaxComment {
		return "", Errorf(CodeInvalid, "the comment is too long (%d of %d characters): shorten it and try again", n, MaxComment)
	}
	return s, nil
}

// Printable drops the control characters that CleanComment drops.
func Printable(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.ReplaceAll(s, "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r == '\r':
			return '\n'
		case unicode.IsControl(r), unicode.In(r, unicode.Bidi_Control), r == '\u2028', r == '\u2029', r == '\uFEFF':
			return -1
		}
		return r
	}, s)
}

// Cut is s, or as much of it as fits most bytes with the mark that it was cut: whole
// characters, and never invalid ones.
func Cut(s string, most int) string {
	const mark = "…"
	s = strings.ToValidUTF8(s, "")
	switch {
	case len(s) <= most:
		return s
	case most < len(mark):
		return ""
	}
	return strings.ToValidUTF8(s[:most-len(mark)], "") + mark
}

// MaxQuoted bounds the part of a request that an error repeats, in bytes.
const MaxQuoted = 40

// address is the schema's pattern of an e-mail address. A domain has one spelling, the ASCII
// one (xn--…): of two spellings a Gate could make two people of one mailbox.
var address = regexp.MustCompile(`^[^@\s<>,;"]+@[!#-+\--:=?A-~]+$`)

// IsAddress reports whether s looks like an e-mail address that mail can be sent to.
func IsAddress(s string) bool { return address.MatchString(s) }

// Neutral makes text harmless on its way through Tekton: "$(" becomes "$ (". Tekton has no
// escape. Its webhook refuses a run whose param holds $(tasks.a.results.b), Triggers expands
// $(uid) and $(tt.params.x), the kubelet expands $(ENV). Nothing else is changed: a JSON
// array or object stays one.
func Neutral(s string) string { return strings.ReplaceAll(s, "$(", "$ (") }

// TaskResult is s as the result of a CustomRun, which stays a string: Tekton makes an array
// param of the result of a CustomRun that reads as a JSON array of strings, and that fits no
// string. It gets a zero-width space in front. No other text is expanded, and none in the
// param of a run.
func TaskResult(s string) string {
	var array []string // what Tekton reads it into
	if json.Unmarshal([]byte(s), &array) == nil && len(array) > 0 {
		return "\u200b" + s
	}
	return s
}
