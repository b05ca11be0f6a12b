package cli

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/countersign-dev/countersign/api/v1alpha1"
)

// envURL is the variable with the service's address, for clusters whose Approvals have none.
const envURL = "COUNTERSIGN_URL"

func (c *command) openCommand() *cobra.Command {
	var service string
	var printOnly bool
	cmd := &cobra.Command{
		Use: "open [NAME]", Short: "Open an approval's page in the browser",
		Long: `Open an approval's page in the browser: $BROWSER, or xdg-open, or open. Without a display,
the address is printed. The address is stored in the Approval; for one without, use --url
or $COUNTERSIGN_URL.`,
		Example: examples(`
			tkn approval open deploy-abcdefghijkl
			tkn approval open --print deploy-abcdefghijkl`),
		Args:              atMostOneApproval,
		ValidArgsFunction: c.completeNames(listing{}, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o, err := c.named(cmd.Context(), "open", args)
			if err != nil {
				return err
			}
			page, err := pageOf(o, service)
			if err != nil {
				return err
			}
			return c.open(cmd.Context(), page, printOnly)
		},
	}
	cmd.Flags().StringVar(&service, "url", os.Getenv(envURL), "the service's address, for example https://approve.example.com")
	cmd.Flags().BoolVar(&printOnly, "print", false, "only print the address")
	return cmd
}

// named is the Approval that the arguments name, or that a person chooses.
func (c *command) named(ctx context.Context, verb string, args []string) (*v1alpha1.Approval, error) {
	s, err := c.connect()
	if err != nil {
		return nil, err
	}
	if len(args) == 1 {
		return s.approval(ctx, args[0])
	}
	return c.choose(ctx, s, verb, listing{})
}

// pageOf is the address of o's page. What is not plainly a page of the web is not opened:
// a browser's command line takes more than addresses.
func pageOf(o *v1alpha1.Approval, service string) (string, error) {
	page := o.Spec.Page
	if service != "" {
		page = strings.TrimRight(service, "/") + "/approvals/" + url.PathEscape(o.Namespace) + "/" + url.PathEscape(o.Name)
	}
	if page == "" {
		return "", fmt.Errorf("%s has no web page, because sign-in isn't configured (or wasn't when it was opened). Use --url or %s, or run: tkn approval approve %s", o.Name, envURL, o.Name)
	}
	u, err := url.Parse(page)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.User != nil ||
		strings.ContainsFunc(page, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }) {
		return "", fmt.Errorf("%q is not a web address: start with https:// or http:// and a host", page)
	}
	return u.String(), nil
}

// open shows page in a browser, or prints it where there is none.
func (c *command) open(ctx context.Context, page string, printOnly bool) error {
	run, err := browser()
	if printOnly || errors.Is(err, errNoDisplay) {
		fmt.Fprintln(c.Out, page)
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w; the page is %s", err, page)
	}
	c.note("opening %s", page)
	if err := start(ctx, run, page); err != nil {
		return fmt.Errorf("%s: %w; the page is %s", run[0], err, page)
	}
	return nil
}
