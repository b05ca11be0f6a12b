package approvals

import (
	"regexp"
	"time"
)

// TargetKind is the kind of object that an outcome is written to.
type TargetKind string

// The kinds of targets.
const (
	// TargetConfigMap is a ConfigMap that a waiting Task polls, for "success" or
	// "refused".
	TargetConfigMap TargetKind = "ConfigMap"
	// TargetPendingRun is a PipelineRun that was made pending, and is started or
	// cancelled.
	TargetPendingRun TargetKind = "PendingRun"
)

// Release chooses an object that outcomes are written to. The zero value means a signed event
// instead.
type Release struct {
	Kind TargetKind
	Name string // a plain name (IsPlainName), or a CEL expression, which is opaque here
	Key  string // of the ConfigMap
}

// Target is the one object that a Release meant when the Approval was resolved. It is
// part of what is approved.
type Target struct {
	Kind TargetKind
	Name string // in the Approval's namespace
	Key  string // of the ConfigMap
	// UID and Pipeline are the pending run's: another one of its name is not meant.
	UID      string
	Pipeline string
}

// The values that a waiting Task polls for.
const (
	StatusSuccess = "success"
	StatusRefused = "refused"
)

// Status returns the value that the ConfigMap of a decided Approval has to get.
func (a Approval) Status() string {
	if a.Outcome == Approved {
		return StatusSuccess
	}
	return StatusRefused
}

// Effect describes the change of a target, as it was read back.
type Effect struct {
	What string // "ConfigMap approve-cm: status=success"
	At   time.Time
}

// String says, for people, which object it is.
func (t Target) String() string {
	if t.Kind == TargetPendingRun {
		return "PipelineRun " + t.Name
	}
	return string(t.Kind) + " " + t.Name
}

// Does says, for people, what the target is told: "starts PipelineRun x".
func (t Target) Does(granted bool) string {
	switch {
	case t.Kind == TargetConfigMap && granted:
		return "sets " + t.Key + "=" + StatusSuccess + " in " + t.String()
	case t.Kind == TargetConfigMap:
		return "sets " + t.Key + "=" + StatusRefused + " in " + t.String()
	case granted && t.Pipeline != "":
		return "starts " + t.String() + " of Pipeline " + t.Pipeline
	case granted:
		return "starts " + t.String()
	default:
		return "cancels " + t.String()
	}
}

var (
	plainName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`)
	dnsName   = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)
	keyName   = regexp.MustCompile(`^[-._a-zA-Z0-9]{1,253}$`)
)

// IsPlainName reports whether a Release's name is a name. No expression that could give one is
// only letters, digits and dashes, so nothing is taken for the other.
func IsPlainName(s string) bool { return len(s) <= 63 && plainName.MatchString(s) }

// Validate says why t can't be an object's.
func (t Target) Validate() error {
	if len(t.Name) > 253 || !dnsName.MatchString(t.Name) {
		return Errorf(CodeInvalid, "release: %q can't be the name of a %s: lowercase letters, digits, '-' and '.', at most 253", Cut(t.Name, MaxQuoted), t.Kind)
	}
	return nil
}

func (r Release) validate(gate string) error {
	switch {
	case r.Kind == "":
		return nil
	case r.Kind != TargetConfigMap && r.Kind != TargetPendingRun:
		return Errorf(CodeInvalid, "%s has a release with neither or both of configMap and pendingRun: set one of them", gate)
	case r.Name == "":
		return Errorf(CodeInvalid, "%s has a release without a name: name the object, or give a CEL expression for its name", gate)
	case r.Kind == TargetConfigMap && !keyName.MatchString(r.Key):
		return Errorf(CodeInvalid, "%s has release.configMap.key %q, which no ConfigMap can have: use letters, digits, '-', '_' and '.'", gate, Cut(r.Key, MaxQuoted))
	}
	return nil
}
