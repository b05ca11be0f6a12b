// Command tkn-approval is tkn approval: tkn runs it as a plugin.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"golang.org/x/term"

	"github.com/countersign-dev/countersign/internal/cli"
)

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	terminal := func(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }
	return cli.Run(ctx, cli.Options{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
		Interactive: terminal(os.Stdin) && terminal(os.Stderr),
		Colour:      terminal(os.Stdout) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb",
		Now:         time.Now, Version: version(),
	}, os.Args[1:])
}

func version() string {
	if b, ok := debug.ReadBuildInfo(); ok && b.Main.Version != "" {
		return b.Main.Version
	}
	return "(devel)"
}
