package recordtest

import (
	"bufio"
	"os"
	"os/exec"
	"testing"
)

// KillInTheMiddle starts the test program again with variable=value in its environment, waits
// until it prints the line "in the middle", as it must do within a transaction, and kills it as
// kill -9 does.
func KillInTheMiddle(t *testing.T, variable, value string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), variable+"="+value)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "in the middle\n" {
		t.Fatalf("%q, %v", line, err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
}
