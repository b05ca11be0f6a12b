package cli

import (
	"bytes"
	"testing"
	"testing/synctest"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/internal/golden"
)

// TestWait: whatever becomes of a Vote, a person is told, and not kept for ever.
func TestWait(t *testing.T) {
	t.Parallel()
	sentences := golden.Open(t)
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	vote := func(state v1alpha1.VoteState, message string) *v1alpha1.Vote {
		return &v1alpha1.Vote{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "approve-1"}, Spec: v1alpha1.VoteSpec{Approval: "deploy"},
			Status: v1alpha1.VoteStatus{State: state, Message: message},
		}
	}
	for name, c := range map[string]struct {
		there      *v1alpha1.Vote
		said, note string
	}{
		"recorded": {there: vote(v1alpha1.VoteRecorded, "recorded; 1 more to come"), said: "1 more to come"},
		"refused":  {there: vote(v1alpha1.VoteRefused, "not for you")},
		"gone":     {},
		"nobody": {
			there: vote("", ""), note: "deploy: vote approve-1 created; waiting for the service to count it ...\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var there []client.Object
			if c.there != nil {
				there = append(there, c.there)
			}
			api := fake.NewClientBuilder().WithScheme(scheme).WithObjects(there...).Build()
			synctest.Test(t, func(t *testing.T) {
				var notes bytes.Buffer
				said, err := (&command{Options: Options{Err: &notes}}).wait(t.Context(), &session{client: api}, vote("", ""))
				if said != c.said || (err == nil) != (c.said != "") || notes.String() != c.note {
					t.Errorf("%q, %v, %q", said, err, &notes)
				}
				if err != nil {
					sentences.Check(t, name, err.Error())
				}
			})
		})
	}
}
