package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

type sarifLog struct {
	Runs []struct {
		Tool struct {
			Driver     sarifTool   `json:"driver"`
			Extensions []sarifTool `json:"extensions"`
		} `json:"tool"`
		Results []sarifResult `json:"results"`
	} `json:"runs"`
}

type sarifTool struct {
	Name  string      `json:"name"`
	Rules []sarifRule `json:"rules"`
}

type sarifRule struct {
	ID                   string                     `json:"id"`
	Short                struct{ Text string }      `json:"shortDescription"`
	DefaultConfiguration struct{ Level string }     `json:"defaultConfiguration"`
	Properties           map[string]json.RawMessage `json:"properties"`
}

type sarifResult struct {
	RuleID       string                `json:"ruleId"`
	Rule         struct{ ID string }   `json:"rule"`
	RuleIndex    *int                  `json:"ruleIndex"`
	Level        string                `json:"level"`
	Kind         string                `json:"kind"`
	Message      struct{ Text string } `json:"message"`
	Suppressions []json.RawMessage     `json:"suppressions"`
	Locations    []struct {
		Physical struct {
			Artifact struct{ URI string }    `json:"artifactLocation"`
			Region   struct{ StartLine int } `json:"region"`
		} `json:"physicalLocation"`
	} `json:"locations"`
	Properties map[string]json.RawMessage `json:"properties"`
}

// parseSARIF reads what scanners found. What somebody suppressed is left out of the counts.
func parseSARIF(text string) (Report, bool) {
	var log sarifLog
	if json.Unmarshal([]byte(text), &log) != nil || log.Runs == nil {
		return Report{}, false
	}
	r := Report{Format: SARIF}
	for _, run := range log.Runs {
		rules := map[string]sarifRule{}
		for _, tool := range append([]sarifTool{run.Tool.Driver}, run.Tool.Extensions...) {
			for _, rule := range tool.Rules {
				rules[rule.ID] = rule.bounded()
			}
		}
		for _, x := range run.Results {
			if x.Kind != "" && x.Kind != "fail" { // "pass", "notApplicable", "review"
				continue
			}
			r.finding(x, rules, run.Tool.Driver.Rules)
		}
	}
	return r, true
}

// maxLocations of one finding are listed.
const maxLocations = 20

// bounded is a rule with words of a length that every one of its findings can have.
func (r sarifRule) bounded() sarifRule {
	r.ID, r.Short.Text = short(r.ID), short(r.Short.Text)
	return r
}

func (r *Report) finding(x sarifResult, rules map[string]sarifRule, list []sarifRule) {
	id := x.RuleID
	if id == "" {
		id = x.Rule.ID
	}
	rule := rules[id]
	if i := x.RuleIndex; i != nil && *i >= 0 && *i < len(list) && rule.ID == "" {
		rule = list[*i].bounded()
		id = rule.ID
	}
	level, score := x.Level, scoreOf(x.Properties)
	if level == "" {
		level = rule.DefaultConfiguration.Level
	}
	if score == "" {
		score = scoreOf(rule.Properties)
	}
	p := Part{Action: Found, Title: id, Level: severity(level, score), Text: strings.ToValidUTF8(x.Message.Text[:min(len(x.Message.Text), maxSaid)], "")}
	p.Note = p.Level
	if rule.Short.Text != "" {
		p.Title = strings.TrimSpace(id + ": " + rule.Short.Text)
	}
	for i, l := range x.Locations[:min(len(x.Locations), maxLocations)] {
		if l.Physical.Artifact.URI == "" {
			continue
		}
		where := l.Physical.Artifact.URI
		if n := l.Physical.Region.StartLine; n > 0 {
			where += ":" + strconv.Itoa(n)
		}
		if i == 0 {
			p.Note += ", " + where
		}
		p.Text = strings.TrimPrefix(p.Text+"\n"+short(where), "\n")
	}
	if len(x.Suppressions) > 0 {
		p.Action, p.Note = Skipped, "suppressed, "+p.Note
		r.Summary.Skipped++
		r.Parts = append(r.Parts, p)
		return
	}
	switch p.Level {
	case "critical":
		r.Summary.Critical++
	case "high":
		r.Summary.High++
	case "medium":
		r.Summary.Medium++
	case "low":
		r.Summary.Low++
	default:
		r.Summary.Note++
	}
	r.Parts = append(r.Parts, p)
}

// scoreOf is a security-severity, which tools write as a string or as a number.
func scoreOf(properties map[string]json.RawMessage) string {
	score := properties["security-severity"]
	if len(score) > 32 { // which no number is, and every finding of a rule reads it
		return ""
	}
	return strings.Trim(string(score), `"`)
}

// parseJSON indents. What nests deeper than people read stays as it is: indentation is
// quadratic in it.
func parseJSON(text string) (Report, bool) {
	if !json.Valid([]byte(text)) {
		return Report{}, false
	}
	r := Report{Format: JSON, Parts: []Part{{Text: text}}}
	var b bytes.Buffer
	if deep, size := indented(text); deep <= maxDepth && size <= 2*MaxText && json.Indent(&b, []byte(text), "", "  ") == nil {
		r.Parts[0].Text = b.String()
	}
	return r, true
}

// indented returns the depth of valid JSON, and about how many bytes it has with indentation:
// a list of numbers within many lists becomes a hundred times as long.
func indented(s string) (most, size int) {
	now, quoted := 0, false
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
			size += 1 + 2*now
		case c == '}' || c == ']':
			now--
			size += 1 + 2*now
		case c == ',':
			size += 1 + 2*now
		}
	}
	return most, size + len(s)
}

// plural is for what a text says of itself.
func plural(n int, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return fmt.Sprintf("%d %ss", n, unit)
}
