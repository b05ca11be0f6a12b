// Command demo is the program of `make demo`: it plays GitHub and, when nobody is
// there, the approver, and it is the demo's mail server. demo/run.sh builds it and
// sets the cluster up before.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/countersign-dev/countersign/demo/mailbox"
)

const usage = `usage:
  demo mail                     the mail server, in its pod: SMTP on :2525, HTTP on :8025
  demo publish -state DIR       forward ports of this machine to the cluster, in the background; prints them
  demo run -state DIR -infra DIR [-decide approve|reject] [-tamper] [-by push|curl]
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := command(ctx, os.Args[1:])
	interrupted := ctx.Err() != nil
	stop()
	if errors.Is(err, errUsage) {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	if err != nil && interrupted {
		fmt.Fprintln(os.Stderr, "demo: interrupted. The cluster stays up, and an approval that is open goes on waiting.")
		os.Exit(130)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

var errUsage = errors.New("usage")

func command(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errUsage
	}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	state := flags.String("state", "", "folder for what outlives a run")
	infra := flags.String("infra", "", "folder of the terraform configuration")
	decide := flags.String("decide", "", "approve or reject by itself; empty: wait for a person, if there is a terminal")
	tamper := flags.Bool("tamper", false, "change the plan file while it waits")
	by := flags.String("by", "push", "what starts part 1: push or curl")
	ports := flags.String("ports", "", "serve: what publish started")
	if err := flags.Parse(args[1:]); err != nil || flags.NArg() > 0 {
		return errUsage
	}
	switch args[0] {
	case "mail":
		s := mailbox.Server{Log: slog.New(slog.NewTextHandler(os.Stdout, nil))}
		return s.Run(ctx, ":2525", ":8025")
	case "publish":
		return publish(ctx, *state)
	case "serve":
		return serve(ctx, *state, *ports)
	case "run":
		o := options{state: *state, infra: *infra, decide: *decide, tamper: *tamper, by: *by}
		return run(ctx, o)
	}
	return errUsage
}
