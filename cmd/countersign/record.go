package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/record"
	"github.com/countersign-dev/countersign/internal/app"
	"github.com/countersign-dev/countersign/internal/config"
)

const verifyUsage = `countersign verify: find a changed or missing line of the audit log.

Usage: countersign verify [--file FILE|-] [flags]

Every line has the hash of the line before it, so a line that is changed, removed, moved or
repeated breaks the chain there. verify reads the log from the configured store, or from a
file or standard input, and prints

  ok: 4711 lines, head 5e6d70dd…        exit code 0
  line 17: its hash does not match …    exit code 1, the first problem
                                        exit code 2: the log could not be read

With each append, the service signs the head of the chain, with an Ed25519 key that is
derived from its own keys. The last line must have a signed head, so people who can write to
the store can't add lines, and can't rewrite the log. Give --key a public key that you saved
elsewhere (from countersign keys, or GET /api/v1/record/keys). Keys rotate and sign each
other: one that you saved earlier, or a current one, is enough for all heads. Without --key,
verify trusts the key that signed last.

Signatures can't show that the log was set back to an earlier signed head. Check the time of
the last head, or save the hash of a head now and then, somewhere else, and give it to
--head: verify fails if no line has it.

  countersign verify --config /etc/countersign/config.yaml --key IHnx0…=
  countersign export --format jsonl >history.jsonl; countersign verify --file history.jsonl
  kubectl -n countersign logs deploy/countersign | countersign verify --logs --file -

To check a line by hand: its hash is the SHA-256 of the line without its last field,
  line=$(sed -n 17p history.jsonl); printf '%s}' "${line%,\"hash\":*}" | sha256sum

Flags:
`

const exportUsage = `countersign export: print the audit log as JSON lines or CSV.

Usage: countersign export [--format jsonl|csv] [filters]

Lines must match all filters. Without a filter, JSON lines are the whole log with its keys
and signed heads, which verify accepts. With a filter, signed heads and the lines between
are missing, so verify reports a fault.

  countersign export --format csv --gate production --outcome Rejected --from 2026-01-01
  countersign export --person alice@example.com --kind voted

Flags:
`

// verify is countersign verify.
func verify(args []string) int {
	f := flags("verify", verifyUsage)
	path := f.String("config", defaultConfig, "the configuration `file` that names the store")
	file := f.String("file", "", "a `file` of JSON lines instead of the store; - is standard input")
	var v record.Verifier
	f.BoolVar(&v.Logs, "logs", false, "read a process's output: skip lines that are not audit log entries, and accept several chains")
	unsigned := f.Bool("unsigned", false, "accept a last line without a signed head: the log is older than signatures, or was exported without them")
	f.Func("key", "a public `key` that you saved earlier, which signed the heads or the keys that did; can be repeated", func(s string) error {
		k, err := record.ParseKey(s)
		v.Keys = append(v.Keys, k)
		return err
	})
	f.StringVar(&v.Noted, "head", "", "the `hash` of a head that you saved earlier, which one of the lines must have")
	if code, done := parse(f, args); done {
		return code
	}
	v.Signed = !*unsigned
	err := read(*path, *file, &v)
	if err == nil && v.Noted != "" && !v.Found {
		err = &record.Fault{Line: v.Lines, What: "the log ends here, and no line has the head that was given: lines were cut off, or the whole log was rewritten"}
	}
	if fault, ok := errors.AsType[*record.Fault](err); ok {
		fmt.Println(fault) //nolint:forbidigo // the answer
		return 1
	}
	if err != nil {
		return failed(err)
	}
	chains := ""
	if v.Chains > 1 {
		chains = fmt.Sprintf(" in %d chains", v.Chains)
	}
	fmt.Printf("ok: %d lines%s, head %s\n", v.Lines, chains, v.Head.Hash) //nolint:forbidigo // the answer
	for _, s := range v.Signers() {
		fmt.Printf("signed by key %s: %d heads, of numbers %d to %d, from %s to %s\n", s.Key, s.Heads, s.First.Seq, s.Last.Seq, s.First.At, s.Last.At) //nolint:forbidigo // the answer
	}
	if v.Signed && v.Lines > 0 && len(v.Keys) == 0 {
		fmt.Fprintf(os.Stderr, "countersign: only the log itself vouches for key %s: compare it with GET /api/v1/record/keys of the service, save it, and give it to --key\n", v.SignedHead().Key)
	}
	return 0
}

func read(path, file string, v *record.Verifier) error {
	switch file {
	case "":
		c, err := config.Load(path)
		if err != nil {
			return err
		}
		ctx, stop := interruptible()
		defer stop()
		return app.Verify(ctx, c.Record, v)
	case "-":
		return v.Verify(os.Stdin)
	default:
		in, err := os.Open(file) //nolint:gosec // anyone who starts the command names it
		if err != nil {
			return err
		}
		defer in.Close()
		return v.Verify(in)
	}
}

// export is countersign export.
func export(args []string) int {
	f := flags("export", exportUsage)
	path := f.String("config", defaultConfig, "the configuration `file` that names the store")
	format := f.String("format", record.JSONL, "jsonl or csv")
	var q record.Query
	for name, p := range map[string]*string{
		"namespace": &q.Namespace, "approval": &q.Approval, "pipeline": &q.Pipeline, "gate": &q.Gate, "person": &q.Person,
		"kind": (*string)(&q.Kind), "outcome": (*string)(&q.Outcome),
	} {
		f.StringVar(p, name, "", "only lines of this `"+name+"`")
	}
	for name, p := range map[string]*time.Time{"from": &q.From, "to": &q.To} {
		f.Func(name, "a date such as 2026-03-01, or a time such as 2026-03-01T09:00:00Z", func(s string) (err error) {
			*p, err = record.ParseTime(s)
			return err
		})
	}
	if code, done := parse(f, args); done {
		return code
	}
	c, err := config.Load(*path)
	if err != nil {
		return failed(err)
	}
	ctx, stop := interruptible()
	defer stop()
	out := bufio.NewWriter(os.Stdout)
	if err := errors.Join(app.Export(ctx, c.Record, q, *format, out), out.Flush()); err != nil {
		return failed(err)
	}
	return 0
}

func flags(name, usage string) *flag.FlagSet {
	f := flag.NewFlagSet("countersign "+name, flag.ContinueOnError)
	f.Usage = func() { fmt.Fprint(f.Output(), usage); f.PrintDefaults() }
	return f
}

// parse reports whether there is nothing more to do, and with which exit code.
func parse(f *flag.FlagSet, args []string) (code int, done bool) {
	err := f.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0, true
	case err != nil:
		return 2, true
	case f.NArg() > 0:
		fmt.Fprintf(os.Stderr, "%s: %q is not a flag: see --help\n", f.Name(), f.Arg(0))
		return 2, true
	}
	return 0, false
}

func failed(err error) int {
	if errors.Is(err, io.ErrClosedPipe) || errors.Is(err, syscall.EPIPE) {
		return 2 // head(1) has seen enough
	}
	text := err.Error()
	if approvals.CodeOf(err) == approvals.CodeInvalid {
		text = approvals.Message(err)
	}
	fmt.Fprintln(os.Stderr, "countersign:", text)
	return 2
}

func interruptible() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
}
