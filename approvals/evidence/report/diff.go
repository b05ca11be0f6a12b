package report

import (
	"path"
	"regexp"
	"strconv"
	"strings"
)

// hunk counts the lines of a hunk that are still to come.
type hunk struct{ old, now int }

var hunkHead = regexp.MustCompile(`^@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@`)

// enter reads the head of a hunk.
func (h *hunk) enter(l string) (oldEmpty, nowEmpty, ok bool) {
	m := hunkHead.FindStringSubmatch(l)
	if m == nil {
		return false, false, false
	}
	h.old, h.now = count(m[2]), count(m[4])
	return m[1] == "0" && h.old == 0, m[3] == "0" && h.now == 0, true
}

func count(s string) int {
	if s == "" {
		return 1
	}
	n, _ := strconv.Atoi(s) // nine digits at most
	return n
}

// take classifies the next line, and counts it against the lines that the hunk's header promises.
// kind is "" for a line without a change; ok is false for a line that is not the hunk's.
func (h *hunk) take(l string) (kind string, ok bool) {
	if h.old <= 0 && h.now <= 0 {
		return "", strings.HasPrefix(l, `\ `) // "\ No newline at end of file"
	}
	switch {
	case strings.HasPrefix(l, "+") && h.now > 0:
		h.now--
		return LineAdd, true
	case strings.HasPrefix(l, "-") && h.old > 0:
		h.old--
		return LineDel, true
	case l == "" || l[0] == ' ' || l[0] == '\t':
		h.old, h.now = h.old-1, h.now-1
		return "", true
	case l[0] == '\\':
		return LineNote, true
	}
	return "", false
}

// parseDiff reads unified diffs, of files or of kubectl. The numbers in a hunk's header determine
// which lines belong to it, so no content can look like the start of the next file. It returns
// false for a text without a hunk.
func parseDiff(text string, format Format) (Report, bool) {
	d := diffReader{text: text, report: Report{Format: format}}
	for at := 0; at < len(text); {
		next := len(text)
		if i := strings.IndexByte(text[at:], '\n'); i >= 0 {
			next = at + i + 1
		}
		d.line(strings.TrimSuffix(text[at:next], "\n"), at, next)
		at = next
	}
	d.end(len(text))
	if d.hunks == 0 {
		return Report{}, false
	}
	d.sumUp()
	return d.report, true
}

// diffReader reads a unified diff line by line. cur is the file that is being read, nil before the
// first.
type diffReader struct {
	text    string
	report  Report
	cur     *Part
	start   int // of cur in text
	hunk    hunk
	hunks   int
	content bool // cur has a hunk, or says that it has none
	other   strings.Builder
}

// begin has the next file begin at an offset.
func (d *diffReader) begin(at int, title string) {
	d.end(at)
	d.report.Parts = append(d.report.Parts, Part{Action: Change, Title: title})
	d.cur, d.start, d.content = &d.report.Parts[len(d.report.Parts)-1], at, false
}

func (d *diffReader) end(at int) {
	if d.cur != nil {
		d.cur.Text = strings.TrimRight(d.text[d.start:at], "\n")
		d.cur.paint = paintDiff
		d.cur = nil
	}
}

// line takes up the line between two offsets.
func (d *diffReader) line(l string, at, next int) {
	if _, ok := d.hunk.take(l); ok && d.cur != nil {
		return
	}
	if d.hunk.old > 0 || d.hunk.now > 0 {
		d.report.Summary.Incomplete = true
		d.hunk = hunk{}
	}
	switch {
	case strings.HasPrefix(l, "diff "):
		d.begin(at, titleOfDiff(l))
	case strings.HasPrefix(l, "--- ") && strings.HasPrefix(d.text[next:], "+++ "):
		if d.cur == nil || d.content {
			d.begin(at, "")
		}
		other, _, _ := strings.Cut(d.text[next:], "\n")
		name(d.cur, l[4:], strings.TrimPrefix(other, "+++ "))
	case d.cur == nil || !d.about(l):
		d.end(at)
		d.other.WriteString(l + "\n")
	}
}

// about takes up a line about the file that is being read, which is no line of a hunk; false:
// it is none.
func (d *diffReader) about(l string) bool {
	switch {
	case strings.HasPrefix(l, "@@ "):
		d.enter(l)
	case !d.content && strings.HasPrefix(l, "new file mode"):
		d.cur.Action = Add
	case !d.content && strings.HasPrefix(l, "deleted file mode"):
		d.cur.Action = Destroy
	case !d.content && strings.HasPrefix(l, "rename from "):
		d.cur.Note = "renamed from " + l[len("rename from "):]
		d.hunks++
	case strings.HasPrefix(l, "Binary files "), strings.HasPrefix(l, "GIT binary patch"):
		d.cur.Note, d.content = "binary", true
		d.hunks++
	default:
		return !d.content || strings.HasPrefix(l, "+++ ") || d.cur.Note == "binary"
	}
	return true
}

// enter takes up the head of a hunk, which tells of a file that has only lines of one side.
func (d *diffReader) enter(l string) {
	oldEmpty, nowEmpty, ok := d.hunk.enter(l)
	if !ok {
		return
	}
	d.hunks++
	if !d.content && oldEmpty {
		d.cur.Action = Add
	} else if !d.content && nowEmpty {
		d.cur.Action = Destroy
	}
	d.content = true
}

// sumUp counts the files, and puts what belongs to none after them.
func (d *diffReader) sumUp() {
	r := &d.report
	if d.hunk.old > 0 || d.hunk.now > 0 {
		r.Summary.Incomplete = true
	}
	if r.Summary.Incomplete {
		r.warn("The diff ends in the middle of a change, so it was cut: there may be more than is shown.")
	}
	for i := range r.Parts {
		p := &r.Parts[i]
		switch p.Action {
		case Add:
			r.Summary.Add++
			p.Note = "new"
		case Destroy:
			r.Summary.Destroy++
			p.Note = "deleted"
		default:
			r.Summary.Change++
		}
	}
	if s := strings.Trim(d.other.String(), "\n"); s != "" {
		r.Parts = append(r.Parts, Part{Text: s, paint: paintPlain})
	}
}

// titleOfDiff is the file of a line "diff --git a/x b/x" or "diff -u -N /tmp/LIVE-1/… …".
func titleOfDiff(l string) string {
	words := strings.Fields(l)
	last := words[len(words)-1]
	return object(strings.TrimPrefix(last, "b/"))
}

// name takes the name of the file from "--- a/x" and "+++ b/x", whichever is there.
func name(p *Part, old, now string) {
	// A time may follow after a tab.
	old, _, _ = strings.Cut(old, "\t")
	now, _, _ = strings.Cut(now, "\t")
	old, now = strings.TrimSpace(old), strings.TrimSpace(now)
	switch {
	case old == "/dev/null":
		p.Action = Add
	case now == "/dev/null":
		p.Action, now = Destroy, strings.TrimPrefix(old, "a/")
	}
	if title := object(strings.TrimPrefix(now, "b/")); title != "" {
		p.Title = title
	}
}

var (
	kubectlFile = regexp.MustCompile(`(?:LIVE|MERGED)-[0-9]+[/\\]`)
	version     = regexp.MustCompile(`^v[0-9]+(?:(?:alpha|beta)[0-9]+)?$`)
)

// object names the object of a file of kubectl diff: "Deployment shop/web" for
// /tmp/LIVE-123/apps.v1.Deployment.shop.web. Other files keep their names.
func object(file string) string {
	if !kubectlFile.MatchString(file) {
		return file
	}
	base := path.Base(strings.ReplaceAll(file, `\`, "/"))
	words := strings.Split(base, ".")
	for i, w := range words {
		if version.MatchString(w) && i+3 < len(words) {
			name := strings.Join(words[i+3:], ".")
			if ns := words[i+2]; ns != "" {
				name = ns + "/" + name
			}
			return words[i+1] + " " + name
		}
	}
	return base
}

func paintDiff(text string) []Line {
	var out []Line
	var h hunk
	for _, l := range paintPlain(text) {
		if kind, ok := h.take(l.Text); ok {
			l.Kind = kind
		} else {
			h = hunk{}
			h.enter(l.Text)
			l.Kind = LineNote
			if strings.HasPrefix(l.Text, "@@ ") {
				l.Kind = LineHead
			}
		}
		out = append(out, l)
	}
	return out
}

// helmHead is the line above each object of helm diff: "shop, web, Deployment (apps) has
// changed:". All of an object's own lines are indented or have a sign.
var helmHead = regexp.MustCompile(`^([^\s,]*), ([^\n,]+), ([A-Za-z0-9]+) \(([^)\n]*)\) (has been added:|has been removed:|has changed:|changed ownership:|has changed, but diff is empty after suppression\.|to be added\.|to be removed\.|to be changed\.|to change ownership\.)$`)

func parseHelm(text string) (Report, bool) {
	r := Report{Format: HelmDiff}
	var other string
	begin := 0 // of the text of the last part, or of what stands before the first
	end := func(at int) {
		s := strings.Trim(text[begin:at], "\n")
		if len(r.Parts) == 0 {
			other = s
			return
		}
		r.Parts[len(r.Parts)-1].Text = s
	}
	for at := 0; at < len(text); {
		next := len(text)
		if i := strings.IndexByte(text[at:], '\n'); i >= 0 {
			next = at + i + 1
		}
		l := strings.TrimSuffix(text[at:next], "\n")
		if l != "" && (l[len(l)-1] == ':' || l[len(l)-1] == '.') && !strings.ContainsRune(" +-", rune(l[0])) {
			if m := helmHead.FindStringSubmatch(l); m != nil {
				end(at)
				r.object(m)
				begin = next
			}
		}
		at = next
	}
	if end(len(text)); len(r.Parts) == 0 {
		return Report{}, false
	}
	if other != "" {
		r.Parts = append(r.Parts, Part{Text: other, paint: paintPlain})
	}
	return r, true
}

// object begins a part with the line that helm diff writes above an object. m has the groups of
// that line's pattern.
func (r *Report) object(m []string) {
	p := Part{Action: Change, Title: m[3] + " " + m[2], Note: strings.TrimRight(m[5], ":."), paint: paintHelm}
	if m[1] != "" {
		p.Title = m[3] + " " + m[1] + "/" + m[2]
	}
	switch {
	case strings.Contains(p.Note, "added"):
		p.Action = Add
		r.Summary.Add++
	case strings.Contains(p.Note, "removed"):
		p.Action = Destroy
		r.Summary.Destroy++
	default:
		r.Summary.Change++
	}
	r.Parts = append(r.Parts, p)
}

func paintHelm(text string) []Line {
	var out []Line
	for _, l := range paintPlain(text) {
		switch {
		case l.Text == "+", strings.HasPrefix(l.Text, "+ "):
			l.Kind = LineAdd
		case l.Text == "-", strings.HasPrefix(l.Text, "- "):
			l.Kind = LineDel
		}
		out = append(out, l)
	}
	return out
}
