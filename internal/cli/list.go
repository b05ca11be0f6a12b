package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	rules "github.com/countersign-dev/countersign/approvals/evidence"
	"github.com/countersign-dev/countersign/internal/kube/convert"
)

// listing has the flags of a list: which Approvals it has, and in which format.
type listing struct {
	all, everywhere, mine, watch bool
	decided                      bool // history
	voted                        bool // with mine: those that I have voted on
	changes                      bool // something is counted of what would change
	output                       string
	formats                      []string // what output may be
}

func (c *command) listCommand() *cobra.Command {
	var l listing
	cmd := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List pending approvals",
		Long: "List the pending approvals of a namespace, newest first; with --all, decided ones too.",
		Example: examples(`
			tkn approval list
			tkn approval list --mine -A
			tkn approval list --all -o wide
			tkn approval list -w
			tkn approval list --mine -o name`),
		Args:              none,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, _ []string) error { return c.list(cmd.Context(), l) },
	}
	f := cmd.Flags()
	f.BoolVar(&l.all, "all", false, "every outcome, not only pending")
	f.BoolVar(&l.mine, "mine", false, "only those that I can vote on now")
	f.BoolVarP(&l.watch, "watch", "w", false, "keep watching for changes until interrupted")
	c.listFlags(cmd, &l, outputs)
	return cmd
}

func (c *command) historyCommand() *cobra.Command {
	l := listing{decided: true}
	cmd := &cobra.Command{
		Use: "history", Short: "List decided approvals: by whom, when, and the result",
		Long: "List the decided Approvals that are still in the cluster, latest decision first: by whom, when, and the result.",
		Example: examples(`
			tkn approval history
			tkn approval history -A -o wide
			tkn approval history -o csv >history.csv`),
		Args:              none,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, _ []string) error { return c.list(cmd.Context(), l) },
	}
	c.listFlags(cmd, &l, slices.Concat(outputs, exports))
	return cmd
}

var outputs = []string{"table", "wide", "json", "yaml", "name"}

// listFlags adds the flags that every list has. formats are the values that -o takes; the first is
// the default.
func (c *command) listFlags(cmd *cobra.Command, l *listing, formats []string) {
	l.formats = formats
	cmd.Flags().BoolVarP(&l.everywhere, "all-namespaces", "A", false, "all namespaces")
	cmd.Flags().StringVarP(&l.output, "output", "o", formats[0], inWords(formats))
	// It fails for a flag that is not there.
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp))
}

func inWords(formats []string) string {
	last := len(formats) - 1
	return strings.Join(formats[:last], ", ") + " or " + formats[last]
}

func (l listing) wants(o *v1alpha1.Approval) bool {
	decided := convert.Unverified(o).Decided()
	return l.all || decided == l.decided
}

func (c *command) list(ctx context.Context, l listing) error {
	if !slices.Contains(l.formats, l.output) {
		return fmt.Errorf("-o %s is unknown: use %s", l.output, inWords(l.formats))
	}
	s, err := c.connect()
	if err != nil {
		return err
	}
	namespace := s.namespace
	if l.everywhere {
		namespace = ""
	}
	items, err := c.pick(ctx, s, l, namespace)
	if err != nil {
		return err
	}
	if slices.Contains(exports, l.output) {
		return c.export(items, l.output)
	}
	l.changes = slices.ContainsFunc(items, func(o v1alpha1.Approval) bool { return convert.Unverified(&o).Resolved.Sum().Counted() })
	show := c.shower(s, l)
	if l.watch {
		return c.watch(ctx, s, l, namespace, items, show)
	}
	if l.output == "table" || l.output == "wide" {
		if len(items) == 0 {
			c.note("%s", l.nothing(namespace))
			return nil
		}
	}
	return show(items, false)
}

func (c *command) pick(ctx context.Context, s *session, l listing, namespace string) ([]v1alpha1.Approval, error) {
	items, err := s.approvals(ctx, namespace)
	if err != nil {
		return nil, err
	}
	items = slices.DeleteFunc(items, func(o v1alpha1.Approval) bool { return !l.wants(&o) })
	if l.decided {
		slices.SortStableFunc(items, func(a, b v1alpha1.Approval) int {
			return convert.Unverified(&b).DecidedAt.Compare(convert.Unverified(&a).DecidedAt)
		})
	}
	if l.mine {
		return c.forMe(ctx, s, items, l.voted)
	}
	return items, nil
}

func (l listing) nothing(namespace string) string {
	what, where := "no pending approvals", "in namespace "+namespace
	switch {
	case l.decided:
		what = "no decided approvals"
	case l.voted:
		what = "you have no vote to withdraw"
	case l.mine:
		what = "no approvals are waiting for you"
	case l.all:
		what = "no approvals"
	}
	if namespace == "" {
		return what + " in any namespace"
	}
	return what + " " + where + " (use -A for all namespaces)"
}

// watch shows items, and then each change. When the API server ends the watch, as
// it does now and then, it lists again and shows what it missed.
func (c *command) watch(ctx context.Context, s *session, l listing, namespace string, items []v1alpha1.Approval, show shower) error {
	shown := map[types.UID]string{}
	tell := func(items []v1alpha1.Approval) error {
		news := slices.DeleteFunc(items, func(o v1alpha1.Approval) bool { return shown[o.UID] == o.ResourceVersion })
		for i := range news {
			shown[news[i].UID] = news[i].ResourceVersion
		}
		if len(news) == 0 {
			return nil
		}
		return show(news, true)
	}
	if len(items) == 0 {
		c.note("%s; watching", l.nothing(namespace))
	}
	for {
		if err := tell(items); err != nil {
			return err
		}
		// From no version: what is there comes first, so that nothing falls between.
		w, err := s.client.Watch(ctx, &v1alpha1.ApprovalList{}, client.InNamespace(namespace))
		if err != nil {
			return interrupted(ctx, err)
		}
		for e := range w.ResultChan() {
			o, ok := e.Object.(*v1alpha1.Approval)
			if !ok || e.Type == watch.Deleted {
				continue
			}
			_, before := shown[o.UID]
			one := []v1alpha1.Approval{*o}
			if !before { // what was shown is followed to its end
				if one = nil; l.wants(o) {
					one = []v1alpha1.Approval{*o}
				}
				if l.mine && one != nil {
					if one, err = c.forMe(ctx, s, one, false); err != nil {
						break
					}
				}
			}
			if err = tell(one); err != nil {
				break
			}
		}
		w.Stop()
		if err != nil || ctx.Err() != nil {
			return interrupted(ctx, err)
		}
		if items, err = c.pick(ctx, s, l, namespace); err != nil {
			return interrupted(ctx, err)
		}
	}
}

// interrupted is nil when a person ended it.
func interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (l listing) columns() []string {
	var head []string
	if l.everywhere {
		head = append(head, "NAMESPACE")
	}
	head = append(head, "NAME", "WHAT", "GATE", "REQUESTER", "STATE")
	if l.decided {
		head = append(head, "BY", "DECIDED", "NEXT")
	} else {
		head = append(head, "APPROVED", "EXPIRES", "AGE")
	}
	if l.changes {
		head = append(head, "CHANGES")
	}
	if l.output == "wide" {
		head = append(head, "DIGEST", "COMMENTS")
		if !l.decided {
			head = append(head, "NEXT")
		}
	}
	return head
}

func paintOfSum(s rules.Summary) paint {
	switch {
	case s.Alarming():
		return red
	case s.Incomplete:
		return yellow
	}
	return ""
}

func (c *command) cells(l listing, o *v1alpha1.Approval) []cell {
	a := convert.Unverified(o)
	var row []cell
	add := func(texts ...string) {
		for _, t := range texts {
			row = append(row, cell{text: t})
		}
	}
	if l.everywhere {
		add(a.Namespace)
	}
	add(a.Name, a.Subject(), gateOf(a), requesterOf(a))
	row = append(row, stateOf(a))
	next := ""
	switch {
	case a.SecondRun != nil:
		if next = a.SecondRun.Name; a.RunEnd != nil {
			next += " (" + string(a.RunEnd.Outcome) + ")"
		}
	case a.Effect != nil:
		next = a.Effect.What
	}
	if l.decided {
		add(deciders(a), c.when(a.DecidedAt), next)
	} else {
		add(progress(a), c.deadline(a), c.age(a.OpenedAt))
	}
	if l.changes {
		sum := a.Resolved.Sum()
		row = append(row, cell{sum.Line(), paintOfSum(sum)})
	}
	if l.output == "wide" {
		digest, said := "", ""
		if a.Resolved != nil {
			digest = short(a.Resolved.Digest, 13)
		}
		for _, v := range a.Votes {
			if v.Comment != "" {
				said += fmt.Sprintf("%s: %s ", v.Voter, strconv.Quote(short(v.Comment, 60)))
			}
		}
		add(digest, said)
		if !l.decided {
			add(next)
		}
	}
	return row
}
