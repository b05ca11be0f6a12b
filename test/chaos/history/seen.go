package history

import (
	"strconv"
	"strings"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"

	"github.com/countersign-dev/countersign/api/v1alpha1"
)

// Meta has what the checker needs to know of the run of the harness itself.
type Meta struct {
	NS        string    `json:"ns"`
	Seed      uint64    `json:"seed"`
	Began     time.Time `json:"began"`
	LoadEnd   time.Time `json:"loadEnd"`
	LastFault time.Time `json:"lastFault"`
	Settled   time.Time `json:"settled"`
	Ended     time.Time `json:"ended"`
	Unsettled []string  `json:"unsettled"` // what was still to come when the harness gave up
	Gaps      int       `json:"gaps"`      // times that a watch may have missed versions
	Written   float64   `json:"written"`   // writes of our kinds that the API server took
	Refused   float64   `json:"refused"`   // and refused
	Probe     string    `json:"probe"`     // the Approval that is only looked at
	Least     int       `json:"least"`     // how many faults were to be made
}

// Fault is one disturbance.
type Fault struct {
	ID     int       `json:"id"`
	Kind   string    `json:"kind"`
	Start  time.Time `json:"start"`
	End    time.Time `json:"end"` // what was done is undone
	Detail string    `json:"detail,omitempty"`
	Err    string    `json:"err,omitempty"`
}

// Look is one look from outside at the Approval that is only looked at.
type Look struct {
	Kind   string    `json:"kind"` // get, vote
	Start  time.Time `json:"start"`
	Took   float64   `json:"ms"`
	Status int       `json:"status"`
	Err    string    `json:"err,omitempty"`
}

// Failed reports whether the look did not succeed within a second.
func (l Look) Failed() bool { return l.Status/100 != 2 || l.Took > 1000 }

// Version is one version of an object, as a watch told it.
type Version struct {
	Seen   time.Time      `json:"seen"`
	Type   string         `json:"type"` // ADDED, MODIFIED, DELETED, LIST
	Object map[string]any `json:"object"`
}

// Mail is one mail that the mail server took.
type Mail struct {
	ID        int       `json:"id"`
	MessageID string    `json:"messageID"`
	To        []string  `json:"to"`
	Subject   string    `json:"subject"`
	Text      string    `json:"text"`
	Received  time.Time `json:"received"`
}

// Sample is one reading of a replica's metrics.
type Sample struct {
	At         time.Time `json:"at"`
	Pod        string    `json:"pod"`
	Started    float64   `json:"started"`
	Goroutines float64   `json:"goroutines"`
	RSS        float64   `json:"rss"`
	Heap       float64   `json:"heap"`
	FDs        float64   `json:"fds"`
}

// Pruned is a second run that was deleted once it was recorded.
type Pruned struct {
	Approval string    `json:"approval"`
	At       time.Time `json:"at"`
}

// Obeyed is a message of the product that was done as it said.
type Obeyed struct {
	Approval string    `json:"approval"`
	Reason   string    `json:"reason"`
	Message  string    `json:"message"`
	Did      string    `json:"did"`
	At       time.Time `json:"at"`
}

// ApprovalSeen is a version of an Approval, and when it was seen.
type ApprovalSeen struct {
	Seen time.Time
	Type string
	v1alpha1.Approval
}

// RunObserved is a second run, by its UID, and when it was seen first.
type RunObserved struct {
	UID  string
	Seen time.Time
	Run  pipelinev1.PipelineRun
}

// How names the way in which a look failed: a status, a slow answer, or none.
func (l Look) How() string {
	switch {
	case l.Status/100 == 2:
		return "2xx after 1 to 10 s"
	case l.Status != 0:
		return strconv.Itoa(l.Status)
	case strings.Contains(l.Err, "refused"):
		return "refused"
	case strings.Contains(l.Err, "EOF"), strings.Contains(l.Err, "reset"):
		return "cut"
	}
	return "no answer in 10 s"
}
