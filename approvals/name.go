package approvals

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"encoding/json"
	"strings"
)

// maxName is the longest name that Tekton takes for a PipelineRun.
const maxName = 63

const (
	// nameHash has 60 bits: enough that two subjects of one namespace do not meet.
	nameHash = 12
	// runHash has 80: enough that nobody meets it by trying.
	runHash = 16
)

// Name derives the name of the Approval for one subject under one Trigger. It
// is the key that makes opening idempotent: the same subject gives the same
// name, and the API server refuses the second object.
//
// subject is a PipelineRun's UID, or an event's digest and repetition. User text
// never becomes part of the name: trigger is a Kubernetes object name.
func Name(trigger, subject string) string {
	sum := sha256.Sum256([]byte(trigger + "\n" + subject))
	return named(trigger, sum[:], nameHash)
}

// NameOfRun is the name of the run that an Approval of trigger starts. mac is the
// service's own, of the Approval's UID (internal/kube/store/runname.go): nobody without the
// service's key can tell the name before the run is there. It is the key that makes the
// start idempotent: the same Approval gives the same name, and the API server refuses
// the second run.
func NameOfRun(trigger string, mac []byte) Unsaid {
	return Unsaid(named(trigger, mac, runHash))
}

// named is prefix and the first characters of sum in base32. The prefix is the name of a
// Trigger, or of an inline trigger, which may be any label's value: capitals, dots and
// underscores are no part of an object's name here. That two triggers then begin alike does
// no harm, since the sum is of the name as it is.
func named(prefix string, sum []byte, hash int) string {
	text := strings.ToLower(base32.StdEncoding.EncodeToString(sum))[:hash]
	prefix = strings.Map(inName, prefix)
	if most := maxName - hash - 1; len(prefix) > most {
		prefix = strings.TrimRight(prefix[:most], "-")
	}
	return prefix + "-" + text
}

func inName(r rune) rune {
	switch {
	case 'A' <= r && r <= 'Z':
		return r - 'A' + 'a'
	case 'a' <= r && r <= 'z', '0' <= r && r <= '9':
		return r
	}
	return '-'
}

// Digest is the SHA-256, in hex, of parts in a form in which no two different
// lists of parts look the same, given that their text is UTF-8, as all that came
// through an API server or as JSON is.
func Digest(parts ...any) string {
	// JSON of our own plain types cannot fail and orders map keys.
	b, err := json.Marshal(parts)
	if err != nil {
		panic("approvals: digest of a type that JSON does not know: " + err.Error())
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// ContentDigest is the digest of what a asks to approve. The policy is not part
// of it: it says who must agree, not what to.
func ContentDigest(namespace, trigger, template string, s Source, params []Param, target *Target, refs ...Reference) string {
	parts := []any{"countersign/v1", namespace, trigger, template, s, params}
	if target != nil {
		parts = append(parts, target)
	}
	if len(refs) > 0 {
		parts = append(parts, refs)
	}
	return Digest(parts...)
}
