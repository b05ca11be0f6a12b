package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/term"
)

// teller prints what happens: numbered steps and details under them, each with the
// time since the demo began. On a terminal one line below them is rewritten while
// something is waited for.
type teller struct {
	out   *os.File
	live  bool // may a line be rewritten
	color bool
	began time.Time
	steps int
}

// newTeller goes on where run.sh stopped counting.
func newTeller(out *os.File) *teller {
	t := &teller{out: out, live: isTerminal(out) && os.Getenv("TERM") != "dumb", began: time.Now()}
	t.color = t.live && os.Getenv("NO_COLOR") == ""
	if ms, err := strconv.ParseInt(os.Getenv("DEMO_BEGAN_MS"), 10, 64); err == nil {
		t.began = time.UnixMilli(ms)
	}
	t.steps, _ = strconv.Atoi(os.Getenv("DEMO_STEPS")) // absent: 0
	return t
}

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

func (t *teller) paint(code, s string) string {
	if !t.color || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (t *teller) bold(s string) string { return t.paint("1", s) }
func (t *teller) dim(s string) string  { return t.paint("2", s) }

func (t *teller) elapsed() string {
	d := time.Since(t.began)
	if d >= 10*time.Minute {
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%.1fs", d.Seconds())
}

// print writes to the terminal or pipe; when that is gone nobody reads on.
func (t *teller) print(format string, args ...any) { _, _ = fmt.Fprintf(t.out, format, args...) }

func (t *teller) step(format string, args ...any) {
	t.steps++
	t.print("%8s  %s\n", t.elapsed(), t.bold(fmt.Sprintf("%d. ", t.steps)+fmt.Sprintf(format, args...)))
}

func (t *teller) say(format string, args ...any) {
	t.print("%8s     %s\n", t.elapsed(), fmt.Sprintf(format, args...))
}

// block prints lines without a time, to be read or copied as they are.
func (t *teller) block(lines ...string) {
	for _, l := range lines {
		t.print("%s\n", l)
	}
}

// quote prints a program's output, or its last lines.
func (t *teller) quote(text string, most int) {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if over := len(lines) - most; over > 0 {
		lines = append([]string{fmt.Sprintf("(%d lines before)", over)}, lines[over:]...)
	}
	for _, l := range lines {
		t.print("  %s %s\n", t.dim("|"), printable(l))
	}
}

// printable drops what would move the cursor: logs hold what people typed.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return -1
		}
		return r
	}, s)
}

// forgiven bounds the time for which the cluster may fail to answer before that is an error.
const forgiven = 5 * time.Second

// await polls until check says that it is done; what it waits for is said every few
// seconds. within is 0 for as long as it takes.
func (t *teller) await(ctx context.Context, within time.Duration, check func(context.Context) (doing string, done bool, err error)) error {
	start, told, last, well := time.Now(), time.Now(), "", time.Now()
	defer t.erase()
	for {
		doing, done, err := check(ctx)
		switch {
		case err == nil && done:
			return nil
		case err == nil:
			well = time.Now()
		case ctx.Err() != nil || errors.Is(err, errFinal) || time.Since(well) > forgiven:
			return err
		default:
			doing = err.Error()
		}
		switch waited := time.Since(start); {
		case within > 0 && waited > within:
			return fmt.Errorf("not after %s: %s", within, doing)
		case t.live && waited > time.Second:
			t.print("\r\x1b[K%8s     %s", t.elapsed(), t.dim(t.fit(doing)))
		case !t.live && waited > 2*time.Second && (doing != last || time.Since(told) > 10*time.Second):
			t.say("%s …", doing)
			told, last = time.Now(), doing
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// errFinal marks an error that another attempt does not fix.
var errFinal = errors.New("final")

type finalError struct{ error }

func (finalError) Is(target error) bool { return target == errFinal }

func (e finalError) Unwrap() error { return e.error }

// final is an error that ends await at once.
func final(format string, args ...any) error { return finalError{fmt.Errorf(format, args...)} }

// fit cuts a line that is rewritten to the terminal's width: one that wraps is not.
func (t *teller) fit(s string) string {
	width, _, err := term.GetSize(int(t.out.Fd()))
	if err != nil {
		width = 80
	}
	s += " …"
	if most := max(width-14, 10); utf8.RuneCountInString(s) > most {
		s = string([]rune(s)[:most-1]) + "…"
	}
	return s
}

func (t *teller) erase() {
	if t.live {
		t.print("\r\x1b[K")
	}
}
