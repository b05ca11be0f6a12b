package templates

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/forge"
)

// Bounds of what is shown. A page never shows more than maxPage bytes of other
// people's text, however many values there are.
const (
	maxPage  = 256 << 10
	maxMail  = 32 << 10 // mail readers cut at about 100 kB with all the tags
	maxValue = 8 << 10
	maxText  = 2 << 10
	maxRows  = 200
	inline   = 240 // a value longer than this is folded
	minRoom  = 64  // of each value something is shown
)

// room is the budget for other people's text in one page or message, or in a part of one.
type room struct {
	left  int
	parts int // that have an id on the page
}

// take returns how many of want bytes may be shown, at most most, and subtracts them. Something of
// every value is shown: up to minRoom bytes are granted even when nothing is left.
func (r *room) take(want, most int) int {
	n := min(want, most, max(r.left, minRoom))
	r.left -= n
	return n
}

// Field is a named value in a table.
type Field struct {
	Name  string
	Value string // bounded, with invisible characters marked
	Size  int    // bytes of the whole value
	More  int    // bytes that are not shown
	Long  bool   // to be folded; Start is its first words
	Start string
	in    *printer
}

func newField(p approvals.Param, r reader, room *room) Field {
	p.Value = shown(p, r)
	value, more := cut(p.Value, room.take(len(p.Value), maxValue))
	f := Field{in: r.printer, Name: line(p.Name), Value: visible(value), Size: len(p.Value), More: more}
	f.Long = more > 0 || utf8.RuneCountInString(value) > inline || strings.Count(strings.TrimSpace(value), "\n") > 5
	if f.Long {
		f.Start = brief(value, 72)
	}
	return f
}

// Excerpt returns the value on one line of at most most characters, and the size of the whole value
// when that is not all.
func (f Field) Excerpt(most int) string {
	s := brief(f.Value, most)
	if f.More > 0 || strings.HasSuffix(s, "…") {
		s = f.in.t("%s (%s in all; the page shows more)", s, f.in.n(f.Size, "%d byte", "%d bytes"))
	}
	return s
}

// Table is a list of fields.
type Table struct {
	Rows   []Field
	Hidden int // rows that are not shown
}

// First is at most n rows.
func (t Table) First(n int) []Field { return t.Rows[:min(n, len(t.Rows))] }

// After counts the rows beyond the first n, with those that are not shown at all.
func (t Table) After(n int) int { return len(t.Rows) - len(t.First(n)) + t.Hidden }

func newTable(params []approvals.Param, r reader, room *room) Table {
	var t Table
	for _, p := range params[:min(len(params), maxRows)] {
		t.Rows = append(t.Rows, newField(p, r, room))
	}
	t.Hidden = len(params) - len(t.Rows)
	return t
}

// plain drops colours from values: results of programs have them, and only
// forwarded params must be shown to the byte.
func plain(params []approvals.Param) []approvals.Param {
	for i, p := range params {
		if strings.Contains(p.Value, "\x1b") {
			s, _ := cut(p.Value, maxOutput)
			params[i].Value = Output{Lines: parseANSI(s)}.Text() + p.Value[len(s):]
		}
	}
	return params
}

// Short is a digest: the first characters to compare by eye, and all of it.
type Short struct{ Short, Full string }

func newShort(s string) Short {
	s = line(s)
	return Short{Short: s[:min(len(s), 12)], Full: s}
}

// EventView is a held event as it is shown.
type EventView struct {
	What    string // "A push to main"
	Push    *PushView
	ID, URL string
	Digest  Short
	JSON    bool
	Size    int
	Body    Output
	// Extensions is the JSON that other interceptors added, which bindings can read.
	Extensions Output
}

func newEvent(e approvals.Event, r reader, room *room) *EventView {
	body, isJSON := pretty(e.Body)
	brought, _ := pretty(e.Extensions)
	said := forge.Read(e.Body)
	return &EventView{
		What: line(r.event(said)), Push: newPush(said),
		ID: line(e.ID), URL: line(e.URL), Digest: newShort(e.Digest), JSON: isJSON, Size: len(e.Body),
		Body: plainOutput(body, room), Extensions: plainOutput(brought, room),
	}
}

// maxDepth bounds the nesting that is indented: indentation is quadratic in it.
const maxDepth = 40

// pretty indents s, and reports whether s is JSON. JSON that is nested too deeply stays as it is, and
// a text of more than 4*maxPage bytes counts as none.
func pretty(s string) (string, bool) {
	if len(s) > 4*maxPage || !json.Valid([]byte(s)) {
		return s, false
	}
	var b bytes.Buffer
	if depth(s) > maxDepth || json.Indent(&b, []byte(s), "", "  ") != nil {
		return s, true
	}
	return b.String(), true
}

// depth returns the nesting of valid JSON: 0 for a scalar.
func depth(s string) int {
	now, most, quoted := 0, 0, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			quoted = !quoted
		case quoted && c == '\\':
			i++
		case quoted:
		case c == '{' || c == '[':
			now++
			most = max(most, now)
		case c == '}' || c == ']':
			now--
		}
	}
	return most
}

// plainOutput is s as lines, without any reading of colours or signs.
func plainOutput(s string, room *room) Output {
	s, more := cutLines(s, room.take(len(s), maxOutput), maxLines)
	o := Output{More: more}
	for l := range strings.Lines(strings.ReplaceAll(s, "\r\n", "\n")) {
		o.Lines = append(o.Lines, Line{Spans: []Span{{Text: visible(strings.TrimSuffix(l, "\n"))}}})
	}
	return o
}

// text is a message: several lines, bounded.
func text(s string) string { return visible(first(s, maxText)) }

func first(s string, most int) string {
	s, _ = cut(s, most)
	return s
}
