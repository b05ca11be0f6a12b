package check

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/test/chaos/history"
)

func stamp(t time.Time) string { return t.UTC().Format("15:04:05.000") }

func at(t *metav1.MicroTime) string {
	if t == nil {
		return "never"
	}
	return stamp(t.Time)
}

// text is v as JSON, to be compared and shown.
func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func conditions(a v1alpha1.Approval) string {
	var out []string
	for _, c := range a.Status.Conditions {
		out = append(out, c.Type+"="+string(c.Status)+" "+c.Reason+": "+c.Message)
	}
	return strings.Join(out, "; ")
}

func uids(l []history.RunObserved) []string {
	var out []string
	for _, r := range l {
		out = append(out, r.Run.Name+" "+r.UID+" at "+stamp(r.Seen))
	}
	return out
}

func times(l []history.Mail) string {
	var out []string
	for _, m := range l {
		out = append(out, stamp(m.Received))
	}
	return strings.Join(out, ", ")
}

func statusText(o *history.Op) string {
	s := strconv.Itoa(o.Status)
	if o.Unknown() {
		s += ", and that it is not known whether it was recorded"
	}
	return s
}
