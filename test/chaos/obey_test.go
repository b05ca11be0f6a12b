//go:build chaos

package chaos

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/test/chaos/history"
)

var runIn = regexp.MustCompile(`PipelineRun ([a-z0-9][a-z0-9.-]*[a-z0-9])`)

// obey is an operator who does what an Approval or an Event tells people to do, at once and
// without a thought: what is to be deleted is deleted, what is to be asked again is asked
// again. What comes of that is for the checker.
func (l *load) obey(ctx context.Context) {
	done := map[string]bool{}
	once := func(name, reason, message string) {
		if key := name + " " + reason; !done[key] {
			if did := l.obeyed(ctx, name, reason, message); did != "" {
				done[key] = true
				say("%s says %s: %s; so somebody %s", name, reason, message, did)
				l.o.Add(history.ObeyedFile, history.Obeyed{Approval: name, Reason: reason, Message: message, Did: did, At: time.Now()})
			}
		}
	}
	for n := 0; ctx.Err() == nil; n++ {
		for _, m := range messages(l.approvals, "status", "conditions") {
			once(m.of, m.reason, m.text)
		}
		if n%10 == 0 {
			events, err := l.w.clientset.CoreV1().Events(l.w.ns).List(ctx, metav1.ListOptions{FieldSelector: "involvedObject.kind=Approval"})
			if err == nil {
				for _, e := range events.Items {
					once(e.InvolvedObject.Name, e.Reason, e.Message)
				}
			}
		}
		wait(ctx, 200*time.Millisecond)
	}
}

type message struct{ of, reason, text string }

// messages returns the messages of all conditions that are False.
func messages(f *follower, path ...string) (out []message) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for name, u := range f.latest {
		all, _, _ := unstructured.NestedSlice(u.Object, path...)
		for _, c := range all {
			m, _ := c.(map[string]any)
			if m["status"] == "False" {
				out = append(out, message{name, fmt.Sprint(m["reason"]), fmt.Sprint(m["message"])})
			}
		}
	}
	return out
}

// obeyed does what a message tells people to do, and returns what that was; "" for nothing.
func (l *load) obeyed(ctx context.Context, name, reason, text string) string {
	run := runIn.FindStringSubmatch(text)
	switch {
	case run != nil && strings.Contains(text, "delete"):
		return fmt.Sprintf("deleted PipelineRun %s (%v)", run[1], l.deleteRun(ctx, run[1]))
	case strings.Contains(text, "Delete it") && reason == "SignatureInvalid":
		err := persist(ctx, func() error {
			return client.IgnoreNotFound(l.approvals.res.Delete(ctx, name, metav1.DeleteOptions{}))
		})
		return fmt.Sprintf("deleted Approval %s (%v)", name, err)
	case reason == "ContentChanged":
		status, answer := post(ctx, web, l.w.url+"/api/v1/namespaces/"+l.w.ns+"/approvals/"+name+"/again", asJSON(l.w.tokens["op"]), []byte(`{}`))
		return fmt.Sprintf("asked again (%d %.200s)", status, answer)
	}
	return ""
}
