// Package version says which release a program is, and how far two of them may be apart.
package version

import (
	"fmt"
	"runtime/debug"

	"k8s.io/apimachinery/pkg/util/version"
)

// Annotation of ClusterInterceptor countersign: the version of the service that leads.
const Annotation = "countersign.dev/version"

// Devel is the version of what was built from a tree and is no release.
const Devel = "devel"

// stamped is set by the linker alone, by -X PACKAGE.stamped=v0.1.0.
var stamped string

// String is this program's version, such as v0.1.0.
func String() string {
	if stamped != "" {
		return stamped
	}
	// go install …@v0.1.0 writes it here.
	if b, ok := debug.ReadBuildInfo(); ok && b.Main.Version != "" && b.Main.Version != "(devel)" {
		return b.Main.Version
	}
	return Devel
}

// Skew says why a command line and a service of these versions may misunderstand each other;
// "": they work together, or one of them is no release.
func Skew(client, server string) string {
	c, err := version.ParseSemantic(client)
	if err != nil {
		return ""
	}
	s, err := version.ParseSemantic(server)
	if err != nil {
		return ""
	}
	apart := int(c.Minor()) - int(s.Minor())
	if c.Major() == s.Major() && apart >= -1 && apart <= 1 {
		return ""
	}
	return fmt.Sprintf("tkn-approval %s and the service %s are too far apart: one minor version is what works; use tkn-approval %s", client, server, server)
}
