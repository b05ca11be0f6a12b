package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
)

// errNoDisplay means that nobody would see a browser.
var errNoDisplay = errors.New("no display found")

// browser is the command that opens a page: of $BROWSER, which is a list of commands
// with ':' in between, the first that is there; else the desktop's own.
func browser() ([]string, error) {
	if list := os.Getenv("BROWSER"); list != "" {
		for command := range strings.SplitSeq(list, ":") {
			words := strings.Fields(command)
			if len(words) == 0 {
				continue
			}
			if _, err := exec.LookPath(words[0]); err == nil {
				return words, nil
			}
		}
		return nil, fmt.Errorf("none of the commands in BROWSER=%s was found", list)
	}
	opener := "xdg-open"
	switch {
	case runtime.GOOS == "darwin":
		opener = "open"
	case os.Getenv("DISPLAY") == "" && os.Getenv("WAYLAND_DISPLAY") == "":
		return nil, errNoDisplay
	}
	if _, err := exec.LookPath(opener); err != nil {
		return nil, errNoDisplay // a display, and nothing that opens pages on it
	}
	return []string{opener}, nil
}

// start runs a browser's command, with page in the place of %s, or at the end. No shell
// sees it.
func start(ctx context.Context, run []string, page string) error {
	words := slices.Clone(run)
	if i := slices.Index(words, "%s"); i > 0 {
		words[i] = page
	} else {
		words = append(words, page)
	}
	cmd := exec.CommandContext(ctx, words[0], words[1:]...) //nolint:gosec // the command is the person's own, and pageOf has checked the address
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stderr, os.Stderr
	return cmd.Run()
}
