package app

import (
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// Election times: another replica leads at most leaseDuration + retryPeriod after
// a leader was killed.
const (
	leaseDuration = 8 * time.Second
	renewDeadline = 6 * time.Second
	retryPeriod   = 2 * time.Second
	leaseName     = "countersign"
)

// electionLock identifies a process by its pod alone: a container that was killed
// and started again in the same pod is the same leader and goes on at once,
// instead of waiting for its own lease to run out. Two containers of one pod never
// run at once.
func electionLock(o Options) (resourcelock.Interface, error) {
	if !o.LeaderElection {
		return nil, nil
	}
	return resourcelock.NewFromKubeconfig(resourcelock.LeasesResourceLock, o.Namespace, leaseName,
		resourcelock.ResourceLockConfig{Identity: o.Pod}, rest.CopyConfig(o.Rest), renewDeadline)
}
