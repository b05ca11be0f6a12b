// Command testsum reads what go test -json (or test2json) prints and tells a
// person the result: one line for a package, the whole output of what failed, and
// no more. It ends with an error when something failed, when a package gave no
// result, and when there was no test at all: silence is not success.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

// event is a line of test2json (go doc test2json).
type event struct {
	Action     string
	Package    string
	ImportPath string // of build-output and build-fail
	Test       string
	Output     string
	Elapsed    float64
}

// pkg is what is known of one package.
type pkg struct {
	passed, failed, skipped int
	done                    bool
	output                  map[string]*strings.Builder // by test; "" is the package's own
	running                 map[string]bool
}

type summary struct {
	out      io.Writer
	strip    string // prefix of package names that nobody needs to read
	verbose  bool   // a line for each top-level test too
	packages map[string]*pkg
	passed   int
	failed   int
	skipped  int
}

func main() { os.Exit(run()) }

func run() int {
	s := &summary{out: os.Stdout, packages: map[string]*pkg{}}
	counts := flag.String("counts", "", "append \"passed failed skipped\" to this `file`")
	flag.StringVar(&s.strip, "strip", "", "`prefix` of packages not to print")
	flag.BoolVar(&s.verbose, "v", false, "print each top-level test when it ends")
	flag.Parse()
	err := s.read(os.Stdin)
	if err == nil {
		err = s.finish()
	}
	if *counts != "" {
		err = firstOf(err, appendLine(*counts, fmt.Sprintln(s.passed, s.failed, s.skipped)))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "testsum:", err)
		return 1
	}
	if s.failed > 0 {
		return 1
	}
	return 0
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func appendLine(name, line string) error {
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(line)
	return firstOf(err, f.Close())
}

func (s *summary) read(r io.Reader) error {
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			if line[0] != '{' || json.Unmarshal(line, &e) != nil {
				fmt.Fprintf(s.out, "%s", line) // a warning of the go command, say
			} else {
				s.add(e)
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (s *summary) add(e event) {
	switch e.Action {
	case "build-output":
		fmt.Fprint(s.out, e.Output)
		return
	case "build-fail":
		return // the package's own "fail" follows
	}
	p := s.packages[e.Package]
	if p == nil {
		p = &pkg{output: map[string]*strings.Builder{}, running: map[string]bool{}}
		s.packages[e.Package] = p
	}
	switch e.Action {
	case "run":
		p.running[e.Test] = true
	case "output":
		if strings.HasPrefix(e.Output, "bench:") { // a figure is what such a test is run for
			fmt.Fprint(s.out, e.Output)
		}
		if p.output[e.Test] == nil {
			p.output[e.Test] = &strings.Builder{}
		}
		p.output[e.Test].WriteString(e.Output)
	case "pass", "fail", "skip":
		if e.Test == "" {
			s.endPackage(e, p)
		} else {
			s.endTest(e, p)
		}
	}
}

func (s *summary) endTest(e event, p *pkg) {
	delete(p.running, e.Test)
	switch e.Action {
	case "pass":
		p.passed++
	case "skip":
		p.skipped++
		fmt.Fprintf(s.out, "SKIP %s.%s\n%s", s.short(e.Package), e.Test, p.said(e.Test))
	case "fail":
		p.failed++
		fmt.Fprintf(s.out, "FAIL %s.%s (%.1fs)\n%s", s.short(e.Package), e.Test, e.Elapsed, p.said(e.Test))
	}
	if s.verbose && e.Action == "pass" && !strings.Contains(e.Test, "/") {
		fmt.Fprintf(s.out, "     %7.1fs  %s\n", e.Elapsed, e.Test)
	}
	delete(p.output, e.Test)
}

func (s *summary) endPackage(e event, p *pkg) {
	p.done = true
	if e.Action == "fail" && p.failed == 0 {
		s.explain(p) // it panicked, ran out of time or did not compile
		p.failed = 1
	}
	s.passed, s.failed, s.skipped = s.passed+p.passed, s.failed+p.failed, s.skipped+p.skipped
	switch {
	case p.failed > 0:
		fmt.Fprintf(s.out, "FAIL %7.1fs  %s: %d of %d failed\n", e.Elapsed, s.short(e.Package), p.failed, p.passed+p.failed)
	case p.passed+p.skipped > 0:
		fmt.Fprintf(s.out, "ok   %7.1fs  %s: %d\n", e.Elapsed, s.short(e.Package), p.passed)
	}
}

// explain prints what is known when a package fails and none of its tests says so.
func (s *summary) explain(p *pkg) {
	for test := range p.running {
		fmt.Fprintf(s.out, "was running: %s\n%s", test, p.said(test))
	}
	fmt.Fprint(s.out, p.said(""))
}

// finish accounts for what never ended.
func (s *summary) finish() error {
	for name, p := range s.packages {
		if !p.done {
			s.explain(p)
			fmt.Fprintf(s.out, "FAIL           %s: ended without a result\n", s.short(name))
			s.passed, s.failed = s.passed+p.passed, s.failed+p.failed+1
		}
	}
	if s.passed+s.failed == 0 {
		s.failed++
		return fmt.Errorf("no test was run")
	}
	return nil
}

func (s *summary) short(name string) string {
	if name == strings.TrimSuffix(s.strip, "/") {
		return "."
	}
	return strings.TrimPrefix(name, s.strip)
}

// said is a test's output without the frame that repeats its name.
func (p *pkg) said(test string) string {
	b := p.output[test]
	if b == nil {
		return ""
	}
	var kept strings.Builder
	for line := range strings.Lines(b.String()) {
		if !strings.HasPrefix(line, "=== ") && line != "FAIL\n" && line != "PASS\n" {
			kept.WriteString(line)
		}
	}
	return kept.String()
}
