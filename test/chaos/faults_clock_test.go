//go:build chaos

package chaos

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// clockFaults have the clock of a replica jump, and jump back.
func (i *injector) clockFaults() map[string]fault {
	jump := func(who func() replica, sign time.Duration) fault {
		return func(ctx context.Context) (string, error) {
			// From more than a short deadline to more than a long one.
			return i.jump(ctx, who(), sign*i.seconds(100, 3*3600), i.seconds(8, 16))
		}
	}
	return map[string]fault{
		"clock-leader-ahead":    jump(i.leader, 1),
		"clock-leader-behind":   jump(i.leader, -1),
		"clock-follower-ahead":  jump(i.follower, 1),
		"clock-follower-behind": jump(i.follower, -1),
	}
}

func (i *injector) jump(ctx context.Context, r replica, off, d time.Duration) (string, error) {
	pid := pidOf(r.name)
	if pid == 0 {
		return "", fmt.Errorf("no process of %q", r.name)
	}
	s, err := skew(pid)
	if err != nil {
		return "", err
	}
	defer s.mem.Close()
	mend, err := i.undo.broken(fmt.Sprintf("clock %d", pid), s.right())
	if err != nil {
		return "", err
	}
	err = s.set(off)
	if err == nil {
		wait(ctx, d)
	}
	return fmt.Sprintf("%s (pid %d) %+.0f s for %.1f s", r.name, pid, off.Seconds(), d.Seconds()), errors.Join(err, mend(ctx))
}
