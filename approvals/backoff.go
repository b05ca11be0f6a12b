package approvals

import "time"

// Doubled returns the wait after an attempt: first after the first one, then twice as long
// each time, up to most.
func Doubled(first, most time.Duration, tried int) time.Duration {
	wait := first
	for range tried - 1 {
		if wait *= 2; wait >= most {
			return most
		}
	}
	return wait
}
