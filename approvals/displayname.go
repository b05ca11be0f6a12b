package approvals

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxDisplayName is the most characters that a display name may have; the CRD schema has it too.
const MaxDisplayName = 64

// DisplayName returns s as a display name, with white space reduced to single spaces. It returns ""
// when s is too long, or has characters that are invisible, change the direction of text or pile up
// marks: such a name is left out and never cut.
//
// It proves nothing: pages and mails show the proved name first.
func DisplayName(s string) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "\uFFFD")), " ")
	hides := func(r rune) bool {
		return !unicode.IsPrint(r) || unicode.In(r, unicode.Bidi_Control, unicode.Cf, unicode.Variation_Selector) || r == utf8.RuneError
	}
	if utf8.RuneCountInString(s) > MaxDisplayName || strings.ContainsFunc(s, hides) || stacks(s) {
		return ""
	}
	return s
}

// stacks reports whether s has more than three marks in a row, which run into the lines above and
// below.
func stacks(s string) bool {
	n := 0
	for _, r := range s {
		if n++; !unicode.Is(unicode.M, r) {
			n = 0
		}
		if n > 3 {
			return true
		}
	}
	return false
}

// DisplayNameOf returns the display name of the person with the verified name: the directory's,
// else own, which came with the credential. It returns "" instead of an own name that repeats
// name, has an "@", or can be read as the name, address or display name of somebody else whom a
// names: nobody is shown as another person.
func (d *Directory) DisplayNameOf(a Approval, name, own string) string {
	p, known := d.person(name)
	if known && p.DisplayName != "" {
		return p.DisplayName
	}
	own = DisplayName(own)
	if own == "" || SamePerson(own, name) || strings.ContainsAny(own, "@＠﹫") {
		return ""
	}
	others := []string{}
	if a.Resolved != nil {
		others = append(others, a.Resolved.Requester)
		for _, x := range a.Resolved.Policy.People() {
			others = append(others, x.Name, x.Email)
		}
	}
	for _, v := range a.Votes {
		others = append(others, v.Voter)
	}
	for _, c := range a.Discussion {
		others = append(others, c.By)
	}
	mine := skeleton(own)
	for _, o := range others {
		if o == "" || d.Same(o, name) {
			continue
		}
		x, _ := d.person(o)
		if mine == skeleton(o) || x.DisplayName != "" && mine == skeleton(x.DisplayName) {
			return ""
		}
	}
	return own
}

// skeleton returns the letters and digits of a name in lower case, each replaced by the one that
// it looks like: a Cyrillic а by the Latin one, for example. Two names with the same skeleton
// look alike. It is for comparison and is never shown.
func skeleton(s string) string {
	return drawnLikeL.Replace(strings.Map(func(r rune) rune {
		r = unicode.ToLower(r)
		if i := slices.Index(drawnAlike, r); i >= 0 {
			return rune(drawnAs[i])
		}
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return -1
		}
		return r
	}, s))
}

// drawnLikeL replaces characters that look like an l, such as the capital I, and rn, which looks like
// an m.
var drawnLikeL = strings.NewReplacer("i", "l", "1", "l", "rn", "m")

// drawnAlike are the Cyrillic, Greek and other letters that fonts draw as the Latin ones of
// drawnAs, in their order: the ones that names are forged with, and not all of Unicode's.
var drawnAlike = []rune("аеорсухіјѕԁԛԝһвкмнтгαορντικυχγ0|ıł")

const drawnAs = "aeopcyxijsdqwhbkmhtraopvtikyxyolil"
