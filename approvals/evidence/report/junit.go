package report

import (
	"encoding/xml"
	"errors"
	"io"
	"strconv"
	"strings"
)

// maxSaid is how much of one failed test or finding is kept.
const maxSaid = 64 << 10

// parseJUnit reads the XML that test runners write. Passed tests are counted.
func parseJUnit(text string) (Report, bool) {
	r := Report{Format: JUnit}
	d := xml.NewDecoder(strings.NewReader(text))
	d.Strict = false
	var (
		cur    *Part // the test that is being read
		said   *strings.Builder
		suites int
		depth  int
	)
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			if suites == 0 {
				return Report{}, false
			}
			r.Summary.Incomplete = true
			r.warn("The XML ends early or is broken, so there may be more tests than are shown.")
			break
		}
		switch t := tok.(type) {
		case xml.StartElement:
			if depth++; depth > maxDepth {
				return Report{}, false
			}
			switch t.Name.Local {
			case "testsuite", "testsuites":
				suites++
			case "testcase":
				if suites == 0 {
					return Report{}, false
				}
				r.Summary.Tests++
				cur = &Part{Title: testName(t.Attr)}
			case "failure", "error", "skipped":
				if cur == nil {
					break
				}
				if t.Name.Local == "skipped" {
					if cur.Action == Other {
						cur.Action, cur.Note = Skipped, "skipped"
					}
				} else if cur.Action != Failed {
					cur.Action, cur.Note = Failed, "failed"
				}
				said = &strings.Builder{}
				if m := attr(t.Attr, "message"); m != "" {
					said.WriteString(m[:min(len(m), maxSaid)] + "\n")
				}
			case "system-out", "system-err":
				if cur != nil && cur.Action == Failed {
					said = &strings.Builder{}
				}
			}
		case xml.CharData:
			if said != nil && said.Len() < maxSaid {
				said.Write(t[:min(len(t), maxSaid-said.Len())])
			}
		case xml.EndElement:
			depth--
			switch t.Name.Local {
			case "failure", "error", "skipped", "system-out", "system-err":
				// A test can have any number of these, and all of them together are bounded.
				if said != nil && cur != nil && len(cur.Text) < maxSaid {
					if s := strings.ToValidUTF8(strings.Trim(said.String(), "\r\n"), ""); strings.TrimSpace(s) != "" {
						cur.Text = strings.TrimPrefix(cur.Text+"\n"+s, "\n")
					}
				}
				said = nil
			case "testcase":
				if cur == nil {
					break
				}
				switch cur.Action {
				case Failed:
					r.Summary.Failed++
					r.Parts = append(r.Parts, *cur)
				case Skipped:
					r.Summary.Skipped++
					r.Parts = append(r.Parts, *cur)
				default:
				}
				cur = nil
			}
		}
	}
	return r, suites > 0
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
