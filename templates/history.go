package templates

import (
	"net/url"
	"strings"
	"time"

	"github.com/countersign-dev/countersign/approvals"
)

// History is the page that searches the audit log.
type History struct {
	Person string
	Search Search
	// Off: no store keeps the audit log. Own: only lines about Person are shown.
	Off, Own bool
	Lines    []HistoryLine
	// Paths of ours: the pages before and after, and the whole search as a file.
	First, Next, CSV, JSONL string
	Trouble, Base           string
	Query                   url.Values // of the page's address
	Language                string     // the reader's, "" for English
	Now                     time.Time
}

// Search has the fields of the search form, as the person typed them. None of them is checked.
type Search struct {
	Namespace, Approval, Pipeline, Gate, Person, Kind, Outcome, From, To string
}

// HistoryLine is one line of the audit log.
type HistoryLine struct {
	At                                                            time.Time
	Kind, Namespace, Approval, Trigger, Task, Pipeline, Run, Gate string
	Person, For, Comment, SupersededBy, Channel, Error, Next      string
	RunOutcome                                                    approvals.RunOutcome // how Next ended
	Verdict                                                       approvals.Verdict
	BreakGlass                                                    bool
	Inputs                                                        []approvals.Param
	Outcome                                                       approvals.Outcome
	People                                                        []string
}

type historyView struct {
	Page
	Title, Trouble          string
	Search                  Search
	Off, Own, Dates         bool
	Kinds, Outcomes         []choice
	Filtered                bool
	Groups                  []groupView
	Lines                   int
	First, Next, CSV, JSONL string
}

// choice is one option of a list.
type choice struct {
	Value, Text string
	Chosen      bool
}

// groupView has the lines of a page that are about one Approval.
type groupView struct {
	lineView // the first of them
	Lines    []lineView
}

type lineView struct {
	HistoryLine
	Path, State string
	When        Moment
	Said        Field
	Wrote       bool // Next says what was written to a target: names have no spaces
	Filled      []Pair
}

func newHistoryView(h History) historyView {
	r := newReader(h.Now, h.Language)
	v := historyView{
		Page:  Page{Recipient: line(h.Person), Session: true, Base: drop(h.Base), Here: "history", Now: stamp(h.Now), Kept: keptOf(h.Query)},
		Title: r.t("History"), Trouble: r.sentence(h.Trouble), Off: h.Off, Own: h.Own, Search: h.Search,
		First: drop(h.First), Next: drop(h.Next), CSV: drop(h.CSV), JSONL: drop(h.JSONL),
	}
	s := &v.Search
	for _, p := range []*string{&s.Namespace, &s.Approval, &s.Pipeline, &s.Gate, &s.Person, &s.Kind, &s.Outcome, &s.From, &s.To} {
		*p = drop(first(*p, maxLine))
	}
	v.Filtered = *s != Search{}
	v.Dates = isDate(s.From) && isDate(s.To)
	for _, k := range [][2]string{
		{"", r.t("Anything")},
		{"opened", r.t("Opened")},
		{"resolved", r.t("Requested")},
		{"notified", r.t("Notified")},
		{"voted", r.t("Voted")},
		{"commented", r.t("Commented")},
		{"decided", r.t("Decided")},
		{"notificationFailed", r.t("Notification failed")},
		{"released", r.t("Started")},
		{"run-ended", r.t("Run ended")},
		{"rerun", r.t("Run again")},
		{"removed", r.t("Cleaned up")},
	} {
		v.Kinds = append(v.Kinds, choice{k[0], k[1], s.Kind == k[0]})
	}
	v.Outcomes = []choice{{"", r.t("Any"), s.Outcome == ""}}
	for _, o := range []approvals.Outcome{approvals.Approved, approvals.Rejected, approvals.Expired, approvals.Cancelled, approvals.Superseded} {
		v.Outcomes = append(v.Outcomes, choice{string(o), r.word(strings.ToLower(string(o)), string(o)), s.Outcome == string(o)})
	}
	room := &room{left: maxPage / 4}
	for _, l := range h.Lines[:min(len(h.Lines), maxItems)] {
		v.add(newLine(l, v.Base, r, room))
	}
	return v
}

// add puts l with the others about its Approval, which stand where its latest does.
func (v *historyView) add(l lineView) {
	v.Lines++
	for i := range v.Groups {
		if g := &v.Groups[i]; g.Path == l.Path {
			g.Lines = append(g.Lines, l)
			return
		}
	}
	v.Groups = append(v.Groups, groupView{l, []lineView{l}})
}

// isDate reports whether a date field can show s: it is "" or a date without a time.
func isDate(s string) bool {
	_, err := time.Parse(time.DateOnly, s)
	return s == "" || err == nil
}

func newLine(l HistoryLine, base string, r reader, room *room) lineView {
	v := lineView{
		HistoryLine: l, Path: base + "/approvals/" + drop(l.Namespace) + "/" + drop(l.Approval), When: r.moment(l.At),
		Said: newField(approvals.Param{Value: l.Comment}, r, room), State: "pending",
	}
	v.Comment = ""
	switch {
	case l.Kind == "run-ended" && l.RunOutcome != approvals.RunSucceeded:
		v.State = "rejected" // in red
	case l.Outcome != "":
		v.State = strings.ToLower(string(l.Outcome))
	case l.Kind == "voted" && l.Verdict == approvals.Approve:
		v.State = "approved"
	case l.Kind == "voted" && l.Verdict == approvals.Reject:
		v.State = "rejected"
	case l.Kind == "notificationFailed":
		v.State = "blocked"
	}
	v.State = line(v.State)
	for _, p := range []*string{
		&v.Kind, &v.Namespace, &v.Approval, &v.Trigger, &v.Task, &v.Pipeline, &v.Run, &v.Gate, &v.Person, &v.For, &v.SupersededBy, &v.Channel, &v.Error, &v.Next,
	} {
		*p = line(*p)
	}
	v.Channel = r.channel(v.Channel)
	v.RunOutcome = approvals.RunOutcome(strings.ToLower(line(string(l.RunOutcome))))
	v.Wrote = strings.Contains(v.Next, " ")
	v.Verdict, v.Inputs, v.People = approvals.Verdict(line(string(l.Verdict))), nil, nil
	v.Filled = pairs(l.Inputs, r)
	for _, p := range l.People {
		v.People = append(v.People, line(p))
	}
	return v
}
