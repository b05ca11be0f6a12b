package check

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

type event struct {
	at   time.Time
	text string
}

// Evidence writes, for each violation, all that was seen of its Approval in the order of
// time, into the history's folder.
func (f *Findings) Evidence() error {
	dir := filepath.Join(f.Dir, "evidence")
	var all error
	for _, v := range f.Violations {
		if v.Approval == "" {
			continue
		}
		file := filepath.Join(dir, v.Approval+"."+strings.ReplaceAll(v.Invariant, " ", "-")+".txt")
		all = errors.Join(all, os.MkdirAll(dir, 0o755), os.WriteFile(file, []byte(f.story(v)), 0o644))
	}
	return all
}

func (f *Findings) story(v Violation) string {
	var all []event
	add := func(at time.Time, format string, args ...any) {
		all = append(all, event{at, fmt.Sprintf(format, args...)})
	}
	for _, x := range f.Versions[v.Approval] {
		add(x.Seen, "%s version %s outcome %s decided %s votes %s next %s conditions %s notifications %s", x.Type, x.ResourceVersion,
			x.Status.Outcome, at(x.Status.DecidedAt), text(x.Status.Votes), text(x.Status.SecondRun), conditions(x.Approval), text(x.Status.Notifications))
	}
	for _, o := range f.Ops[v.Approval] {
		add(o.Start, "op %d try %d begins: %s %s by %s (%s) %q", o.ID, o.Try, o.Kind, o.Verdict, o.Voter, o.Way, o.Comment)
		add(o.End, "op %d try %d ends: %d %s %s", o.ID, o.Try, o.Status, o.Text, o.Via)
	}
	for _, r := range f.Runs[v.Approval] {
		add(r.Seen, "run %s %s is seen, created %s", r.Run.Name, r.UID, stamp(r.Run.CreationTimestamp.Time))
	}
	for _, o := range f.Obeyed {
		if o.Approval == v.Approval {
			add(o.At, "somebody obeyed %s: %s: %s", o.Reason, o.Message, o.Did)
		}
	}
	for _, x := range f.Faults {
		add(x.Start, "FAULT %d %s begins: %s", x.ID, x.Kind, x.Detail)
		add(x.End, "FAULT %d %s ends", x.ID, x.Kind)
	}
	uid := string(f.Final[v.Approval].UID)
	for _, m := range f.Mails {
		ours := strings.Contains(m.Text, v.Approval)
		for _, to := range m.To {
			ours = ours || strings.HasPrefix(m.MessageID, messageID(uid, "opened", to)) || strings.HasPrefix(m.MessageID, messageID(uid, "decided", to))
		}
		if ours {
			add(m.Received, "mail %s to %v %q", m.MessageID, m.To, m.Subject)
		}
	}
	slices.SortStableFunc(all, func(a, b event) int { return a.at.Compare(b.at) })
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n\n", v.Invariant, v.Text)
	for _, e := range all {
		fmt.Fprintf(&b, "%s  %s\n", stamp(e.at), e.text)
	}
	for title, x := range map[string]any{"plan": f.Of[v.Approval], "final": f.Final[v.Approval]} {
		if j, err := json.MarshalIndent(x, "", " "); err == nil {
			fmt.Fprintf(&b, "\n%s: %s\n", title, j)
		}
	}
	return b.String()
}
