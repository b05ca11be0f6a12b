// Command release makes what a release of Countersign consists of, into one folder: manifests, the Helm chart, the image,
// the command line, checksums, SBOMs, provenance and notes. The same tree gives the same bytes.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
)

const usage = `release: makes what a release consists of.

Usage: release [flags] all     everything, which compiles for six platforms
       release [flags] chart   the chart alone, as a folder
       release [flags] push    pushes the image of a release that was made to its repository

Flags:
`

func main() {
	if err := run(os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	var r release
	f := flag.NewFlagSet("release", flag.ContinueOnError)
	f.Usage = func() { fmt.Fprint(f.Output(), usage); f.PrintDefaults() }
	f.StringVar(&r.Version, "version", "", "such as v0.1.0")
	f.StringVar(&r.Root, "root", ".", "the source's `folder`")
	f.StringVar(&r.Out, "out", "dist", "the `folder` to write to")
	f.StringVar(&r.Repository, "repository", "ghcr.io/countersign-dev/countersign", "where the image will be")
	f.StringVar(&r.Key, "key", os.Getenv("RELEASE_KEY"), "a `file` with an ECDSA P-256 or Ed25519 key in PEM, which signs ($RELEASE_KEY); without it nothing is signed")
	f.StringVar(&r.Builder, "builder", os.Getenv("RELEASE_BUILDER"), "the builder's `URI` in the provenance ($RELEASE_BUILDER)")
	f.StringVar(&r.Platforms, "platforms", "", "only these, such as linux/amd64, to try it out")
	f.BoolVar(&r.Insecure, "insecure", false, "push by plain http")
	if err := f.Parse(args); err != nil {
		return err
	}
	if err := r.check(); err != nil {
		return err
	}
	switch f.Arg(0) {
	case "all":
		return r.all()
	case "chart":
		return r.assemble(r.Out)
	case "push":
		return r.push()
	}
	f.Usage()
	return fmt.Errorf("%q is none of all, chart and push", f.Arg(0))
}
