package approvals

import (
	"regexp"
	"time"

	// The zones are part of the program: it knows the same ones wherever it runs.
	_ "time/tzdata"
)

// zoneName matches the form of IANA's names. It keeps paths such as "../x" from LoadLocation, and
// matches "Local", which Zone refuses: it would be the process's own zone.
var zoneName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$`)

// maxZone is the longest name of a zone; the CRD schema has it too.
const maxZone = 64

// Zone is the time zone of that name, UTC for "".
//
// Errors: CodeInvalid for what is no zone.
func Zone(name string) (*time.Location, error) {
	if name == "" {
		return time.UTC, nil
	}
	if len(name) <= maxZone && name != "Local" && zoneName.MatchString(name) {
		if z, err := time.LoadLocation(name); err == nil {
			return z, nil
		}
	}
	return nil, Errorf(CodeInvalid, "time zone %q is unknown: use an IANA name such as Europe/Berlin, Asia/Seoul or UTC", Cut(name, MaxQuoted))
}

// ZoneFor is the time zone in which a person is told about a: theirs by the directory, else that
// of a's Gate, else UTC. A channel has no name and no address, and no zone of its own.
func (d *Directory) ZoneFor(a Approval, name, address string) *time.Location {
	for _, of := range []string{name, address} {
		if p, ok := d.person(of); ok && p.TimeZone != "" {
			if z, err := Zone(p.TimeZone); err == nil {
				return z
			}
		}
	}
	if a.Resolved != nil {
		if z, err := Zone(a.Resolved.Policy.TimeZone); err == nil {
			return z
		}
	}
	return time.UTC
}
