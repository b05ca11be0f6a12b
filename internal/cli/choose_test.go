package cli

import (
	"bufio"
	"bytes"
	"strings"
	"testing"
)

func TestAsk(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]bool{"y\n": true, "YES\n": true, "yes": true, "n\n": false, "\n": false, "": false, "yo\n": false} {
		c := &command{Options: Options{Err: &bytes.Buffer{}}, in: bufio.NewReader(strings.NewReader(in))}
		if got := c.yes("approve it?"); got != want {
			t.Errorf("%q: %t", in, got)
		}
	}
}
