package templates

import (
	"net/url"
	"time"

	"github.com/countersign-dev/countersign/approvals"
)

// maxItems bounds a list: nobody reads on, and a page must end.
const maxItems = 200

// List is a page with many approvals: the board, or a person's own.
type List struct {
	Here     string // "board" or "mine"
	Person   string
	Sections []Section
	Filter   *Filter // nil: there is none
	// Namespaces and Gates are the choices of the filter.
	Namespaces, Gates []string
	Turn              int  // how many wait for Person, as far as that is known
	Bulk              bool // several can be decided at once
	Trouble           string
	Live              bool // the page may update itself, by a script of ours
	// Display returns the display name for a name, "" where there is none. A nil Display knows nobody.
	Display func(name string) string
	Base    string
	Query   url.Values // of the page's address
	// Language is the reader's, of Languages; "" for English.
	Language string
	Now      time.Time
}

// Section is approvals under one heading.
type Section struct {
	Title string
	Empty string // said when there are none
	Items []Item
	// Total counts the approvals of all pages, and Before those of earlier pages; Items are the
	// next ones.
	Total, Before int
	Next, First   string // paths of other pages, "" when there are none
}

// Item is one approval in a list.
type Item struct {
	Approval approvals.Approval
	Mine     bool            // Person may decide it now
	Vote     *approvals.Vote // Person's, nil without one
}

// Filter has the fields of the board's filter, as the person set them. The zero value shows all.
type Filter struct {
	Namespace, Gate string
	Text            string // to be found in what is shown
	Sort            string // "", "newest" or "oldest"
	Mine            bool
}

type listView struct {
	Page
	Title, Trouble    string
	Namespaces, Gates []string
	Sorts             []choice
	Filtered          bool // by more than text
	Filter            *Filter
	Sections          []sectionView
}

type sectionView struct {
	Title, Empty string
	Count, More  int
	Next, First  string
	Items        []itemView
	Picks        bool // of some several can be decided at once
}

type itemView struct {
	Heading
	Path, Pick      string // Pick is what selects it, "" when it can't be
	Requester, Run  string
	Opened, Decided Moment
	Progress        ProgressView
	Mine            bool
	Vote            *VoteView
	Ended           *EndView // the run that it started
	Wanted          []string // who wants something changed first
	Display         string   // what people call Requester
	Sum             SumView
}

func newListView(l List) listView {
	r := newReader(l.Now, l.Language)
	v := listView{
		Page:  Page{Recipient: line(l.Person), Session: true, Base: drop(l.Base), Here: l.Here, Turn: l.Turn, Now: stamp(l.Now), Kept: keptOf(l.Query)},
		Title: r.t("Waiting for approval"), Trouble: r.sentence(l.Trouble),
	}
	if l.Live {
		v.Events = v.Base + "/events"
		if l.Filter != nil && l.Filter.Namespace != "" {
			v.Events += "?" + url.Values{"namespace": {l.Filter.Namespace}}.Encode()
		}
	}
	if l.Here == "mine" {
		v.Title = r.t("Mine")
	}
	for _, n := range l.Namespaces[:min(len(l.Namespaces), maxItems)] {
		v.Namespaces = append(v.Namespaces, line(n))
	}
	for _, n := range l.Gates[:min(len(l.Gates), maxItems)] {
		v.Gates = append(v.Gates, line(n))
	}
	if f := l.Filter; f != nil {
		v.Filter = &Filter{Namespace: drop(first(f.Namespace, maxLine)), Gate: drop(first(f.Gate, maxLine)), Text: drop(first(f.Text, maxLine)), Mine: f.Mine}
		v.Filtered = f.Namespace != "" || f.Gate != "" || f.Sort != "" || f.Mine
		v.Sorts = []choice{{"", r.t("Deadline"), f.Sort == ""}, {"newest", r.t("Newest first"), f.Sort == "newest"}, {"oldest", r.t("Oldest first"), f.Sort == "oldest"}}
	}
	for _, s := range l.Sections {
		shown := min(len(s.Items), maxItems)
		sv := sectionView{
			Title: line(r.told(s.Title)), Empty: text(r.told(s.Empty)), Count: s.Total, More: max(0, s.Total-s.Before-shown), Next: drop(s.Next), First: drop(s.First),
		}
		room := &room{left: maxPage / 4}
		for _, i := range s.Items[:shown] {
			x := newItem(i, l, r, room)
			if l.Bulk && i.Mine {
				x.Pick, sv.Picks = drop(i.Approval.Namespace+"/"+i.Approval.Name+"/"+i.Approval.UID), true
			}
			sv.Items = append(sv.Items, x)
		}
		v.Sections = append(v.Sections, sv)
	}
	return v
}

func newItem(i Item, l List, r reader, room *room) itemView {
	a := i.Approval
	v := itemView{
		Heading: newHeading(a, r), Path: drop(l.Base) + "/approvals/" + drop(a.Namespace) + "/" + drop(a.Name), Opened: r.moment(a.OpenedAt), Mine: i.Mine,
		Progress: newProgress(a, approvals.Explain(a, approvals.Identity{}, l.Now).Rules, r),
	}
	if x := a.Source.Run; x != nil {
		v.Run = line(x.Name)
	}
	if t := a.Source.Task; t != nil {
		v.Run = line(t.Run.Name)
	}
	if t := a.Resolved; t != nil {
		v.Sum, v.Requester = r.newSum(t.Sum()), line(t.Requester)
		if l.Display != nil {
			v.Display = line(l.Display(t.Requester))
		}
	}
	for _, who := range a.NeedsChanges() {
		v.Wanted = append(v.Wanted, line(who))
	}
	if a.Decided() {
		v.Decided, v.Ended = r.moment(a.DecidedAt), endView(a.RunEnd, r)
	}
	if i.Vote != nil {
		mine := voteView(*i.Vote, r, room)
		v.Vote = &mine
	}
	return v
}
