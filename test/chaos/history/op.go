package history

import (
	"strings"
	"time"
)

// Op is one request that somebody made, and what came of it.
type Op struct {
	ID       int       `json:"id"`
	Plan     int       `json:"plan"`
	Approval string    `json:"approval"`
	Kind     string    `json:"kind"` // vote, cancel
	Voter    string    `json:"voter"`
	Allowed  bool      `json:"allowed"`
	Way      string    `json:"way"` // Token, Object, Link
	Verdict  string    `json:"verdict,omitempty"`
	Comment  string    `json:"comment,omitempty"`
	Object   string    `json:"object,omitempty"` // the Vote's name
	Start    time.Time `json:"start"`
	End      time.Time `json:"end"`
	Status   int       `json:"status"` // HTTP; 0: no answer
	Text     string    `json:"text,omitempty"`
	Try      int       `json:"try"`
	Via      string    `json:"via,omitempty"` // the replica that was asked, or a Vote's message
}

// The ways in which people vote here.
const (
	Token  = "Token"
	Object = "Object"
	Link   = "Link"
)

// IsVote reports whether o is a vote, and not an operator's request.
func (o *Op) IsVote() bool { return o.Kind == "vote" }

// Acked reports whether the answer promises that the vote is recorded.
func (o *Op) Acked() bool {
	if !o.IsVote() {
		return false
	}
	switch o.Way {
	case Token:
		return o.Status == 201 || o.Status == 200
	case Link:
		return o.Status == 200
	case Object:
		return o.Status == 201 && o.Text == "Recorded"
	}
	return false
}

// Definite reports whether the answer tells what came of it.
func (o *Op) Definite() bool {
	if o.Way == Object {
		return o.Status/100 == 4 || o.Status == 201 && (o.Text == "Recorded" || o.Text == "Refused")
	}
	// A person who reads "try again" tries again, whatever the number is.
	return o.Status != 0 && o.Status < 500 && o.Status != 429 && !strings.Contains(o.Text, "try again in a moment")
}

// Unknown reports whether the answer itself says that nobody knows what came of it: the answer
// to the write was lost, and could not be read back.
func (o *Op) Unknown() bool {
	return o.Way != Object && o.Status >= 500 && strings.Contains(o.Text, "not known whether")
}
