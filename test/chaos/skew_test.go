//go:build chaos

package chaos

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"
)

// clockEnv has this program, started again, tell the time until it is ended.
const clockEnv = "COUNTERSIGN_CHAOS_TELL_THE_TIME"

func tellTheTime() {
	for tick := time.NewTicker(5 * time.Millisecond); ; <-tick.C {
		if _, err := os.Stdout.WriteString(strconv.FormatInt(time.Now().Unix(), 10) + "\n"); err != nil {
			return
		}
	}
}

// TestSkew: the clock of another process jumps, and back, and that of no other.
func TestSkew(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), clockEnv+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	told := bufio.NewScanner(out)
	off := func() time.Duration {
		sec, err := strconv.ParseInt(told.Text(), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return time.Until(time.Unix(sec, 0)).Round(time.Minute)
	}
	reaches := func(want time.Duration) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); told.Scan(); {
			if off() == want {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("its clock is off by %s, want %s", off(), want)
			}
		}
		t.Fatal("it has ended")
	}
	reaches(0)
	for range 2 { // the second time it is patched already
		s, err := skew(cmd.Process.Pid)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range []time.Duration{time.Hour, -3 * time.Hour} {
			if err := s.set(d); err != nil {
				t.Fatal(err)
			}
			reaches(d)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if b, err := exec.CommandContext(ctx, "bash", "-c", "set -eu\n"+s.right()).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, b)
		}
		if err := s.mem.Close(); err != nil {
			t.Fatal(err)
		}
		reaches(0)
	}
}
