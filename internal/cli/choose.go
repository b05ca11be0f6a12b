package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/internal/kube/convert"
)

// choose has a person choose one of what l wants.
func (c *command) choose(ctx context.Context, s *session, verb string, l listing) (*v1alpha1.Approval, error) {
	if !c.Interactive {
		return nil, fmt.Errorf("give a name: tkn approval %s NAME (tkn approval list shows the names)", verb)
	}
	items, err := c.pick(ctx, s, l, s.namespace)
	if err != nil {
		return nil, err
	}
	if len(items) == 0 {
		return nil, errors.New(l.nothing(s.namespace))
	}
	for i := range items {
		a := convert.Unverified(&items[i])
		changes := ""
		if sum := a.Resolved.Sum(); sum.Counted() {
			changes = ", " + sum.Line()
		}
		c.note("%3d  %s   %s, gate %s, requested by %s, %s%s", i+1, a.Name, a.Subject(), cmp.Or(gateOf(a), "-"), cmp.Or(requesterOf(a), "unknown"), c.age(a.OpenedAt), changes)
	}
	for {
		answer, err := c.ask(fmt.Sprintf("Which one to %s? [1-%d, empty for none] ", verb, len(items)))
		if err != nil || answer == "" {
			return nil, errors.New("nothing chosen")
		}
		if n, err := strconv.Atoi(answer); err == nil && n >= 1 && n <= len(items) {
			return &items[n-1], nil
		}
		c.note("%q is not a number from 1 to %d", answer, len(items))
	}
}

// ask reads one line. Its error is the end of input.
func (c *command) ask(question string) (string, error) {
	fmt.Fprint(c.Err, clean(question))
	answer, err := c.in.ReadString('\n')
	if answer = strings.TrimSpace(answer); answer != "" {
		return answer, nil
	}
	return "", err
}

// yes asks question, and reports whether the answer is y or yes: a failure to read one is a no.
func (c *command) yes(question string) bool {
	answer, _ := c.ask(question + " [y/N] ")
	return strings.EqualFold(answer, "y") || strings.EqualFold(answer, "yes")
}

// completeWithin bounds the time for which a shell waits for names.
const completeWithin = 3 * time.Second

// completeNames completes up to most names of Approvals; most 0 is no bound. What
// goes wrong is no completion: a shell has nowhere to say it.
func (c *command) completeNames(l listing, most int) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if most > 0 && len(args) >= most {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), completeWithin)
		defer cancel()
		s, err := c.connect()
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		items, err := c.pick(ctx, s, l, s.namespace)
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		var names []cobra.Completion
		for i := range items {
			if a := convert.Unverified(&items[i]); !slices.Contains(args, a.Name) {
				names = append(names, cobra.CompletionWithDesc(a.Name, line(a.Subject())+", "+string(a.Outcome)))
			}
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}
