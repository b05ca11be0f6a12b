package approvals

import "regexp"

// languageTag matches the form of BCP 47's tags, such as "de" and "zh-Hans". The CRD schema has it too.
var languageTag = regexp.MustCompile(`^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$`)

// maxLanguage is the longest tag of a language; the CRD schema has it too.
const maxLanguage = 35

// CheckLanguage refuses what is no language's tag. Which languages there are is not known here: people
// are told in English where theirs is not among them.
//
// Errors: CodeInvalid.
func CheckLanguage(tag string) error {
	if tag == "" || len(tag) <= maxLanguage && languageTag.MatchString(tag) {
		return nil
	}
	return Errorf(CodeInvalid, "language %q is no language tag: use one such as en, de, ja, ko or zh-Hans", Cut(tag, MaxQuoted))
}

// LanguageFor is the language in which a person is told about a: theirs by the directory, else that
// of a's Gate, else "".
func (d *Directory) LanguageFor(a Approval, name, address string) string {
	for _, of := range []string{name, address} {
		if p, ok := d.person(of); ok && p.Language != "" {
			return p.Language
		}
	}
	if a.Resolved != nil {
		return a.Resolved.Policy.Language
	}
	return ""
}
