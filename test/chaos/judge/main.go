// Command judge holds stored histories of the harness to the invariants again, and prints
// what it finds, with the recovery times of all of them together.
package main

import (
	"fmt"
	"os"

	"github.com/countersign-dev/countersign/test/chaos/check"
	"github.com/countersign-dev/countersign/test/chaos/history"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: judge HISTORY...")
		os.Exit(2)
	}
	var all []*check.Findings
	bad := 0
	for _, dir := range os.Args[1:] {
		h, err := history.Read(dir)
		if err != nil {
			fmt.Fprintf(os.Stderr, "judge: the history in %s can't be read: %v\n", dir, err)
			os.Exit(2)
		}
		f := check.Judge(h)
		f.Report(os.Stdout)
		if err := f.Evidence(); err != nil {
			fmt.Fprintln(os.Stderr, "judge: the evidence can't be written:", err)
			bad++
		}
		all = append(all, f)
		bad += len(f.Violations)
	}
	check.Recovery(os.Stdout, all)
	if bad > 0 {
		os.Exit(1)
	}
}
