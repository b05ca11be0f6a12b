package report

import (
	"encoding/xml"
	"errors"
	"io"
	"strconv"
	"strings"
)

// maxSaid bounds the text that is kept of one failed test or finding, in bytes.
const maxSaid = 64 << 10

// parseJUnit reads the XML that test runners write. Passed tests are counted.
func parseJUnit(text string) (Report, bool) {
	r := junitReader{report: Report{Format: JUnit}}
	d := xml.NewDecoder(strings.NewReader(text))
	d.Strict = false
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			if r.suites == 0 {
				return Report{}, false
			}
			r.report.Summary.Incomplete = true
			r.report.warn("The XML ends early or is broken, so there may be more tests than are shown.")
			break
		}
		switch t := tok.(type) {
		case xml.StartElement:
			if !r.start(t) {
				return Report{}, false
			}
		case xml.CharData:
			if r.said != nil && r.said.Len() < maxSaid {
				r.said.Write(t[:min(len(t), maxSaid-r.said.Len())])
			}
		case xml.EndElement:
			r.end(t.Name.Local)
		}
	}
	return r.report, r.suites > 0
}

// junitReader reads the XML of a test runner element by element. depth is the number of open
// elements.
type junitReader struct {
	report Report
	cur    *Part // the test that is being read
	said   *strings.Builder
	suites int
	depth  int
}

// start takes up the start of an element; false: this is no JUnit.
func (r *junitReader) start(t xml.StartElement) bool {
	if r.depth++; r.depth > maxDepth {
		return false
	}
	switch t.Name.Local {
	case "testsuite", "testsuites":
		r.suites++
	case "testcase":
		if r.suites == 0 {
			return false
		}
		r.report.Summary.Tests++
		r.cur = &Part{Title: testName(t.Attr)}
	case "failure", "error", "skipped":
		if r.cur == nil {
			break
		}
		if t.Name.Local == "skipped" {
			if r.cur.Action == Other {
				r.cur.Action, r.cur.Note = Skipped, "skipped"
			}
		} else if r.cur.Action != Failed {
			r.cur.Action, r.cur.Note = Failed, "failed"
		}
		r.said = &strings.Builder{}
		if m := attr(t.Attr, "message"); m != "" {
			r.said.WriteString(m[:min(len(m), maxSaid)] + "\n")
		}
	case "system-out", "system-err":
		if r.cur != nil && r.cur.Action == Failed {
			r.said = &strings.Builder{}
		}
	}
	return true
}

// end takes up the end of an element.
func (r *junitReader) end(element string) {
	r.depth--
	switch element {
	case "failure", "error", "skipped", "system-out", "system-err":
		// A test can have any number of these, and all of them together are bounded.
		if r.said != nil && r.cur != nil && len(r.cur.Text) < maxSaid {
			if s := strings.ToValidUTF8(strings.Trim(r.said.String(), "\r\n"), ""); strings.TrimSpace(s) != "" {
				r.cur.Text = strings.TrimPrefix(r.cur.Text+"\n"+s, "\n")
			}
		}
		r.said = nil
	case "testcase":
		if r.cur == nil {
			break
		}
		switch r.cur.Action {
		case Failed:
			r.report.Summary.Failed++
			r.report.Parts = append(r.report.Parts, *r.cur)
		case Skipped:
			r.report.Summary.Skipped++
			r.report.Parts = append(r.report.Parts, *r.cur)
		default:
		}
		r.cur = nil
	}
}

func testName(as []xml.Attr) string {
	class, test := attr(as, "classname"), attr(as, "name")
	if class == "" {
		return test
	}
	return class + " " + test
}

func attr(as []xml.Attr, name string) string {
	for _, a := range as {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// severity of a finding: its security-severity where it has one, else by its level.
func severity(level, score string) string {
	if n, err := strconv.ParseFloat(score, 64); err == nil {
		switch {
		case n >= 9:
			return "critical"
		case n >= 7:
			return "high"
		case n >= 4:
			return "medium"
		case n > 0:
			return "low"
		}
	}
	switch level {
	case "error":
		return "high"
	case "", "warning":
		return "medium"
	case "note":
		return "low"
	}
	return "note"
}
