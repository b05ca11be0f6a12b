package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// pusher is who asks. They are not an approver.
const (
	pusherName  = "Carol"
	pusherEmail = "carol@example.com"
	inCluster   = "git://git." + namespace + ".svc.cluster.local/infra.git"
)

// none is the commit before the first, as GitHub tells it.
const none = "0000000000000000000000000000000000000000"

// commit has the hashes and the message of a push.
type commit struct{ before, after, message string }

// push puts the next release into the demo's repository, with git, from a clone.
func push(ctx context.Context, c *cluster, infra string) (commit, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return commit{}, err
	}
	failed := make(chan error, 16)
	go c.serve(ctx, l, target{namespace, "app=git", 9418}, func(err error) {
		select {
		case failed <- err:
		default:
		}
	})
	dir, err := os.MkdirTemp("", "countersign-demo-")
	if err != nil {
		return commit{}, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	git := func(args ...string) (string, error) {
		out, err := gitIn(ctx, dir, args...)
		select {
		case ferr := <-failed:
			return "", fmt.Errorf("the git server: %w", ferr)
		default:
			return out, err
		}
	}
	url := "git://" + l.Addr().String() + "/infra.git"
	if _, err := git("clone", "--quiet", url, "."); err != nil {
		return commit{}, err
	}
	before, err := git("rev-parse", "--verify", "--quiet", "HEAD")
	if err != nil {
		before = none
	}
	if _, err := git("checkout", "--quiet", "-B", "main"); err != nil {
		return commit{}, err
	}
	if err := copyFiles(dir, infra); err != nil {
		return commit{}, err
	}
	commits := 0
	if before != none {
		n, err := git("rev-list", "--count", "HEAD")
		if err != nil {
			return commit{}, err
		}
		if commits, err = strconv.Atoi(n); err != nil {
			return commit{}, fmt.Errorf("git rev-list: %w", err)
		}
	}
	release := fmt.Sprintf("1.0.%d", commits+1)
	if err := os.WriteFile(filepath.Join(dir, "release.auto.tfvars"), fmt.Appendf(nil, "release = %q\n", release), 0o600); err != nil {
		return commit{}, err
	}
	message := "Release " + release + " of the shop"
	for _, args := range [][]string{{"add", "--all"}, {"commit", "--quiet", "-m", message}, {"push", "--quiet", "origin", "main"}} {
		if _, err := git(args...); err != nil {
			return commit{}, err
		}
	}
	after, err := git("rev-parse", "HEAD")
	return commit{before, after, message}, err
}

func copyFiles(to, from string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(from, e.Name()))
		if err == nil {
			err = os.WriteFile(filepath.Join(to, e.Name()), b, 0o600)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// gitIn runs git without the settings of anyone who runs the demo.
func gitIn(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME="+pusherName, "GIT_AUTHOR_EMAIL="+pusherEmail, "GIT_COMMITTER_NAME="+pusherName, "GIT_COMMITTER_EMAIL="+pusherEmail)
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(errs.String()))
	}
	return strings.TrimSpace(out.String()), nil
}
