package approvals

import "time"

// MaxReferences bounds the objects that one run may refer to by name where they are compared.
// The CRD schema has it too.
const MaxReferences = 256

// Reference is something of the cluster that a run refers to by name, as it was when the
// Approval was resolved. UID and Generation are the API server's: nobody can give another
// object, or another content, the same two. Digest is for people, who can compare it.
type Reference struct {
	Kind, Name string
	UID        string
	Generation int64
	Digest     string // of its spec
}

func (r Reference) String() string { return r.Kind + " " + r.Name }

// ReasonRunDiffers is the reason of a run that was cancelled because it, or what it refers
// to, is not what was approved.
const ReasonRunDiffers = "RunDiffers"

// Withhold ends the attempts to start a's run: one was made, and was cancelled because of
// p before any of it executed. The outcome stands.
func Withhold(a Approval, p Problem, now time.Time) (Approval, Change) {
	if !a.ToRelease() {
		return a, NoChange
	}
	a.Cancellation = &Cancellation{Reason: p.Message, At: now}
	a.Unreleased = &p
	return a, Stopped
}

// Accuse notes that the run that a started turned out to be not what was approved.
func Accuse(a Approval, p Problem) (Approval, Change) {
	if a.SecondRun == nil || a.Unreleased != nil {
		return a, NoChange
	}
	a.Unreleased = &p
	return a, Blocking
}
