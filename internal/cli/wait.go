package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
)

const (
	waitAtMost = 30 * time.Second
	waitQuiet  = 2 * time.Second // before a person is told that it takes a while
	waitEvery  = 250 * time.Millisecond
)

// wait waits until the service has said what became of v. It reads again and
// again instead of watching: that needs one right less.
func (c *command) wait(ctx context.Context, s *session, v *v1alpha1.Vote) (string, error) {
	waiting, cancel := context.WithTimeout(ctx, waitAtMost)
	defer cancel()
	quiet := time.NewTimer(waitQuiet)
	defer quiet.Stop()
	every := time.NewTicker(waitEvery)
	defer every.Stop()
	for {
		err := s.client.Get(waiting, client.ObjectKeyFromObject(v), v)
		switch {
		case err == nil && v.Status.State == v1alpha1.VoteRecorded:
			return outcome(v.Status.Message), nil
		case err == nil && v.Status.State == v1alpha1.VoteRefused:
			return "", fmt.Errorf("Refused: %s", v.Status.Message) //nolint:staticcheck // the state's name
		case apierrors.IsForbidden(err):
			return "", fmt.Errorf("vote %s was created, but you may not read its result: %w", v.Name, err)
		case apierrors.IsNotFound(err):
			return "", fmt.Errorf("vote %s was deleted before the service counted it; kubectl get approval %s shows whether it counts", v.Name, v.Spec.Approval)
		}
		select {
		case <-quiet.C:
			c.note("%s: vote %s created; waiting for the service to count it ...", v.Spec.Approval, v.Name)
		case <-every.C:
		case <-waiting.Done():
			if ctx.Err() != nil {
				return "", errors.New("interrupted, but vote " + v.Name + " was created; kubectl get vote " + v.Name + " shows its result")
			}
			return "", fmt.Errorf("vote %s was created, but the service has not counted it within %s. It will when it is back: kubectl get vote %s shows the result. Is Countersign running?",
				v.Name, waitAtMost, v.Name)
		}
	}
}

// outcome shortens the service's message on a counted vote to what the reader does not know.
func outcome(message string) string {
	message = strings.TrimPrefix(strings.TrimPrefix(message, "recorded; "), "the approval is ")
	return strings.ToUpper(message[:min(1, len(message))]) + message[min(1, len(message)):]
}
