package approvals

import (
	"fmt"
	"slices"
	"strings"
)

// Person lists the names, addresses and logins of one person, as an administrator configured
// them.
type Person struct {
	Names  []string // user names here, as authentication proves them; the first is what they are called
	Emails []string // mailboxes that nobody else reads
	Logins []string // what they are called elsewhere, such as at GitHub: for who asked
	// DisplayName is what people call them, and TimeZone where they are, "" where that is not known.
	// Language is the tag of the one that they are told in, "" where that is not known.
	DisplayName, TimeZone, Language string
}

// Directory says whose an address is. Anyone who writes a Gate says where people are told;
// that the mailbox is theirs is for the directory to say, or for the login provider.
// A nil Directory knows nobody.
type Directory struct {
	people []Person
	byName map[string]int // names and addresses, folded
	// loginPrefix is what the login provider's people have before their verified address,
	// nil when their names are not addresses that the provider has verified.
	loginPrefix *string
}

// Limits of a directory.
const (
	MaxPeople     = 10_000
	maxIdentities = 32 // of one person, of each kind
)

// NewDirectory makes a Directory. loginPrefix is what stands before the verified address
// in the names that the login provider proves, nil where those are other names. The error
// says which entry is wrong: an identity is one person's.
func NewDirectory(people []Person, loginPrefix *string) (*Directory, error) {
	if len(people) > MaxPeople {
		return nil, fmt.Errorf("it has %d people and the limit is %d", len(people), MaxPeople)
	}
	d := &Directory{people: people, byName: map[string]int{}, loginPrefix: loginPrefix}
	logins := map[string]int{}
	for i, p := range people {
		if err := p.validate(); err != nil {
			return nil, fmt.Errorf("entry %d: %w", i+1, err)
		}
		for _, list := range []struct {
			in    map[string]int
			words []string
		}{{d.byName, slices.Concat(p.Names, p.Emails)}, {logins, p.Logins}} {
			for _, w := range list.words {
				if other, taken := list.in[strings.ToLower(w)]; taken && other != i {
					return nil, fmt.Errorf("entry %d: %q is also in entry %d, and it can belong to one person only", i+1, w, other+1)
				}
				list.in[strings.ToLower(w)] = i
			}
		}
	}
	return d, nil
}

func (p Person) validate() error {
	if len(p.Names) == 0 {
		return fmt.Errorf("it has no name: give the name that Gates use for this person")
	}
	for _, n := range slices.Concat(p.Names, p.Logins) {
		if err := CheckName(n); err != nil {
			return fmt.Errorf("it has %s", Message(err))
		}
	}
	for _, e := range p.Emails {
		if !IsAddress(e) {
			return fmt.Errorf("%q is not an e-mail address", e)
		}
	}
	if p.DisplayName != "" && DisplayName(p.DisplayName) != p.DisplayName {
		return fmt.Errorf("displayName %q is too long, or has characters that a name has not", Cut(p.DisplayName, MaxQuoted))
	}
	if _, err := Zone(p.TimeZone); err != nil {
		return fmt.Errorf("its %s", Message(err))
	}
	if err := CheckLanguage(p.Language); err != nil {
		return fmt.Errorf("its %s", Message(err))
	}
	if max(len(p.Names), len(p.Emails), len(p.Logins)) > maxIdentities {
		return fmt.Errorf("%s has more than %d names, emails or logins", p.Names[0], maxIdentities)
	}
	return nil
}

// Know is id with what is known of the person: their other names here, their addresses
// and their logins elsewhere. It gives no right: names are only ever excluded or counted
// once by them, and addresses are what a mailed link proves.
func (d *Directory) Know(id Identity) Identity {
	id.Names, id.Emails, id.Logins = nil, nil, nil
	if id.Name == "" {
		return id
	}
	if IsAddress(id.Name) {
		id.Emails = append(id.Emails, id.Name)
	}
	if d == nil {
		return id
	}
	if d.loginPrefix != nil && *d.loginPrefix != "" {
		if address, ok := strings.CutPrefix(id.Name, *d.loginPrefix); ok && IsAddress(address) {
			id.Emails = append(id.Emails, address)
		}
	}
	p, ok := d.find(id.Name)
	if !ok && id.AuthMethod == AuthLogin { // by another name, with an address that the provider has verified
		p, ok = d.find(id.Address)
	}
	if ok {
		id.Names, id.Logins, id.Emails = p.Names, p.Logins, append(id.Emails, p.Emails...)
	}
	return id
}

// Owns reports whether an address is known to be name's.
func (d *Directory) Owns(name, address string) bool {
	return d.Know(Identity{Name: name}).owns(address)
}

// Same reports whether two user names are known to be one person's.
func (d *Directory) Same(a, b string) bool {
	if SamePerson(a, b) {
		return true
	}
	if d == nil {
		return false
	}
	i, known := d.byName[strings.ToLower(a)]
	j, too := d.byName[strings.ToLower(b)]
	return known && too && i == j
}

// Identities are all that is known of whom a name, an address or a login may mean.
func (d *Directory) Identities(of string) []string {
	if d == nil || of == "" {
		return nil
	}
	var out []string
	for _, p := range d.people {
		all := slices.Concat(p.Names, p.Emails, p.Logins)
		if !slices.ContainsFunc(all, func(x string) bool { return SamePerson(x, of) }) {
			continue
		}
		for _, x := range all {
			if x != of && !slices.Contains(out, x) {
				out = append(out, x)
			}
		}
	}
	return out
}

// person is whom a name or an address is of.
func (d *Directory) person(of string) (Person, bool) {
	if d == nil {
		return Person{}, false
	}
	return d.find(of)
}

func (d *Directory) find(name string) (Person, bool) {
	if name == "" {
		return Person{}, false
	}
	i, ok := d.byName[strings.ToLower(name)]
	if !ok {
		return Person{}, false
	}
	// A name that is no address is somebody's exactly, as on a Gate.
	p := d.people[i]
	return p, slices.ContainsFunc(slices.Concat(p.Names, p.Emails), func(x string) bool { return SameName(x, name) })
}
