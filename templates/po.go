package templates

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// entry is one message of a PO file: the English sentence, and the same in another language.
type entry struct {
	id, many string   // the singular and the plural in English; many is "" where nothing is counted
	forms    []string // one, or one for each plural form of the language
	line     int      // of the file
}

// parsePO reads the format of GNU gettext, as far as the files in locales use it: comments, msgid,
// msgid_plural, msgstr, and strings that go on in the next line. The entry with the empty id, which
// has the headers, is left out. An empty translation is an error, and so is one that is marked as
// fuzzy: nobody has approved it.
func parsePO(text string) ([]entry, error) {
	var all []entry
	var now entry
	var into *string
	done := func() error {
		switch {
		case len(now.forms) == 0:
			return nil
		case now.id != "":
			if slices.Contains(now.forms, "") {
				return fmt.Errorf("line %d: %q has an empty translation", now.line, now.id)
			}
			all = append(all, now)
		}
		now, into = entry{}, nil
		return nil
	}
	n := 0
	for raw := range strings.Lines(text) {
		n++
		l := strings.TrimSpace(raw)
		if strings.HasPrefix(l, "#,") && strings.Contains(l, "fuzzy") {
			return nil, fmt.Errorf("line %d: a translation is marked as fuzzy: read it, and remove the mark", n)
		}
		if l == "" || strings.HasPrefix(l, "#") {
			continue
		}
		word, quoted := "", l
		if !strings.HasPrefix(l, `"`) {
			word, quoted, _ = strings.Cut(l, " ")
		}
		s, err := strconv.Unquote(strings.TrimSpace(quoted))
		if err != nil {
			return nil, fmt.Errorf("line %d is neither a comment nor a string of a message", n)
		}
		switch {
		case word == "" && into != nil:
			*into += s
			continue
		case word == "msgid":
			if err := done(); err != nil {
				return nil, err
			}
			now.line, into = n, &now.id
		case word == "msgid_plural":
			into = &now.many
		case word == "msgstr" || word == fmt.Sprintf("msgstr[%d]", len(now.forms)):
			now.forms = append(now.forms, "")
			into = &now.forms[len(now.forms)-1]
		default:
			return nil, fmt.Errorf("line %d has %q, which is not expected there", n, word)
		}
		*into = s
	}
	return all, done()
}
