package approvals

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxDisplayName is the most characters that a display name may have; the CRD schema has it too.
const MaxDisplayName = 64

// DisplayName is s as what people call somebody: one line, of characters that show what they
// are. It is "" for what is none: a name is left out and never cut.
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

// stacks says whether s heaps marks on a character, which then run into the lines above and below.
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

// DisplayNameOf is what somebody whom name proves is called: by the directory, else as they came
// with it. It is "" where it says no more than name, or is the name, the address or the display
// name of somebody else whom a names: nobody is shown as another.
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
	for _, o := range others {
		if o == "" || d.Same(o, name) {
			continue
		}
		x, _ := d.person(o)
		if looksLike(own, o) || x.DisplayName != "" && looksLike(own, x.DisplayName) {
			return ""
		}
	}
	return own
}

// looksLike says whether two names are read as one: they have the same letters, whatever their
// case, their marks and what stands between them.
func looksLike(a, b string) bool { return skeleton(a) == skeleton(b) }

// skeleton is what a reader in a hurry sees of a name. Letters of other scripts that are drawn
// as Latin ones are those.
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

// drawnLikeL has what is taken for an l be one, such as the capital I, and rn an m.
var drawnLikeL = strings.NewReplacer("i", "l", "1", "l", "rn", "m")

// drawnAlike are the Cyrillic, Greek and other letters that fonts draw as the Latin ones of
// drawnAs, in their order: the ones that names are forged with, and not all of Unicode's.
var drawnAlike = []rune("аеорсухіјѕԁԛԝһвкмнтгαορντικυχγ0|ıł")

const drawnAs = "aeopcyxijsdqwhbkmhtraopvtikyxyolil"
