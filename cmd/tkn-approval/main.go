// Command tkn-approval is tkn approval: tkn runs it as a plugin.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/term"

	"github.com/countersign-dev/countersign/internal/cli"
	"github.com/countersign-dev/countersign/internal/version"
)

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	terminal := func(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }
	width, _, err := term.GetSize(int(os.Stdout.Fd()))
	if err != nil {
		width = 0 // it is no terminal
	}
	return cli.Run(ctx, cli.Options{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
		Interactive: terminal(os.Stdin) && terminal(os.Stderr),
		Colour:      terminal(os.Stdout) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb",
		Width:       width,
		Now:         time.Now, Version: version.String(),
	}, os.Args[1:])
}
