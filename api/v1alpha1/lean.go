package v1alpha1

import (
	"encoding/json"
	"errors"
)

// Lean says what the service left out of an Approval that it keeps in memory, of which there
// are thousands. It is never part of what the API server has.
type Lean struct {
	// SignedContent is what the signature is over, made while the spec was whole.
	SignedContent string
	// Event is how many bytes the event has.
	Event int64
	// Values are the params, results, inputs, labels, annotations and references, and the
	// event with its headers; Words the comments and inputs of votes; Claims those of part 1.
	Values, Words, Claims bool
}

// MarshalJSON refuses a spec that is not whole. Whatever would write it to the API server, or
// make a digest or a signature of it, fails.
func (s ApprovalSpec) MarshalJSON() ([]byte, error) {
	if s.Lean != nil {
		return nil, errors.New("this Approval was read without all of its values and must not be written: read it from the API server first")
	}
	type whole ApprovalSpec
	return json.Marshal(whole(s))
}
