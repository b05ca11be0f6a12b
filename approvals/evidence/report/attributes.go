package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	tfjson "github.com/hashicorp/terraform-json"

	"github.com/countersign-dev/countersign/approvals"
)

const (
	sensitive = "(sensitive value)"
	unknown   = "(known after apply)"
	forces    = " # forces replacement"
	maxString = 400 // characters of one string on one line
)

// values is one attribute before and after, with terraform's marks for it: each of the last three
// is true, which marks the whole value, or has the same shape as the value, or is nil.
type values struct {
	before, after                            any
	unknown, beforeSensitive, afterSensitive any
}

func (v values) sub(key any) values {
	return values{pick(v.before, key), pick(v.after, key), pick(v.unknown, key), pick(v.beforeSensitive, key), pick(v.afterSensitive, key)}
}

// pick returns the element of v, a mark of terraform's, for an index or a key: true when v marks the
// whole value, nil when v has no such element.
func pick(v, key any) any {
	switch x := v.(type) {
	case bool:
		if x {
			return true
		}
	case map[string]any:
		if k, ok := key.(string); ok {
			return x[k]
		}
	case []any:
		if i, ok := key.(int); ok && i < len(x) {
			return x[i]
		}
	}
	return nil
}

// hidden reports whether terraform marked the whole value as sensitive, before or after. The mark
// of a part is found when that part is read.
func (v values) hidden() bool { return v.beforeSensitive == true || v.afterSensitive == true }

// printer writes attributes as terraform does, signs and all, so that one way of painting
// does for both.
type printer struct {
	b   strings.Builder
	cut bool // it has enough
}

// attributesOf returns the changing attributes of a resource, as text.
func attributesOf(c *tfjson.Change, kind, name string) string {
	p := &printer{}
	sign := "~"
	switch {
	case c.Actions.Create(), c.Actions.Read():
		sign = "+"
	case c.Actions.Delete():
		sign = "-"
	case c.Actions.Replace():
		sign = "-/+"
	case c.Actions.NoOp(), c.Actions.Forget():
		sign = " "
	}
	at := 2
	if len(sign) == 3 {
		at = 0
	}
	fmt.Fprintf(&p.b, "%s%s resource %q %q {\n", strings.Repeat(" ", at), sign, kind, name)
	v := values{c.Before, c.After, c.AfterUnknown, c.BeforeSensitive, c.AfterSensitive}
	if sign == " " { // nothing of it changes
		v.after, v.unknown = v.before, nil
	}
	replaces := map[string]bool{}
	for _, path := range c.ReplacePaths {
		if steps, ok := path.([]any); ok && len(steps) > 0 {
			if s, ok := steps[0].(string); ok {
				replaces[s] = true
			}
		}
	}
	p.object(6, v, replaces, sign == " ", 0)
	if p.cut {
		p.b.WriteString("      # (the rest is too long to be shown)\n")
	}
	p.b.WriteString("    }")
	return p.b.String()
}

func outputsOf(all map[string]*planChange) string {
	p := &printer{}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if o := all[name]; o != nil && !o.Actions.NoOp() {
			c := o.whole()
			p.attribute(2, name, values{c.Before, c.After, c.AfterUnknown, c.BeforeSensitive, c.AfterSensitive}, "", 0)
		}
	}
	return strings.TrimRight(p.b.String(), "\n")
}

// object writes the attributes of an object, the sign of each at column col.
func (p *printer) object(col int, v values, replaces map[string]bool, whole bool, depth int) {
	keys := map[string]bool{}
	for _, m := range []any{v.before, v.after, v.unknown} {
		if o, ok := m.(map[string]any); ok {
			for k := range o {
				keys[k] = true
			}
		}
	}
	same := 0
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		x := v.sub(k)
		if x.before == nil && x.after == nil && (x.unknown == nil || x.unknown == false) {
			continue
		}
		if !whole && k != "id" && k != "name" && x.equal() {
			same++
			continue
		}
		comment := ""
		if replaces[k] {
			comment = forces
		}
		p.attribute(col, k, x, comment, depth)
	}
	if same > 0 {
		fmt.Fprintf(&p.b, "%s# (%s hidden)\n", strings.Repeat(" ", col+2), plural(same, "unchanged attribute"))
	}
}

func (v values) equal() bool {
	return (v.unknown == nil || v.unknown == false || empty(v.unknown)) && reflect.DeepEqual(v.before, v.after)
}

// empty reports whether v, a mark of terraform's, marks nothing: no value in it is true, at any
// depth.
func empty(v any) bool {
	switch x := v.(type) {
	case bool:
		return !x
	case map[string]any:
		for _, e := range x {
			if !empty(e) {
				return false
			}
		}
	case []any:
		for _, e := range x {
			if !empty(e) {
				return false
			}
		}
	}
	return true
}

// attribute writes "name = value", or how the value changes.
func (p *printer) attribute(col int, name string, v values, comment string, depth int) {
	key := name + " = "
	if !plainKey(name) {
		key = quote(name) + " = "
	}
	if !v.hidden() && approvals.SecretName(name) && (isText(v.before) || isText(v.after)) {
		p.line(col, signFor(v), key+concealed+comment)
		return
	}
	p.value(col, key, v, comment, "", depth)
}

func isText(v any) bool {
	switch x := v.(type) {
	case string:
		return x != ""
	case []any, map[string]any, json.Number:
		return true
	}
	return false
}

func signFor(v values) string {
	switch {
	case v.equal():
		return " "
	case v.before == nil:
		return "+"
	case v.after == nil && (v.unknown == nil || v.unknown == false):
		return "-"
	}
	return "~"
}

func (p *printer) line(col int, sign, text string) {
	// Indentation makes a list of numbers within many lists a hundred times as long.
	if p.cut = p.cut || p.b.Len() > 2*MaxText; p.cut {
		return
	}
	p.b.WriteString(strings.Repeat(" ", col))
	p.b.WriteString(sign + " " + text + "\n")
}

// value writes a value after key, which is empty in a list; tail follows it there.
func (p *printer) value(col int, key string, v values, comment, tail string, depth int) {
	sign := signFor(v)
	switch {
	case v.hidden():
		p.line(col, sign, key+sensitive+comment+tail)
		return
	case depth >= maxDepth:
		p.line(col, sign, key+"(nested too deeply to be shown)"+tail)
		return
	}
	one := v.before
	if sign == "+" || sign == "~" {
		one = v.after
	}
	if sign == "~" {
		if v.unknown == true {
			p.line(col, sign, key+scalar(v.before, v.beforeSensitive)+" -> "+unknown+comment+tail)
			return
		}
		p.change(col, key, v, comment, tail, depth)
		return
	}
	if sign == "+" && v.unknown == true {
		p.line(col, sign, key+unknown+comment+tail)
		return
	}
	gone := ""
	if sign == "-" && key != "" {
		gone = " -> null"
	}
	switch x := one.(type) {
	case map[string]any:
		if len(x) == 0 && empty(v.unknown) {
			p.line(col, sign, key+"{}"+gone+comment+tail)
			return
		}
		p.line(col, sign, key+"{"+comment)
		p.object(col+4, v, nil, true, depth+1)
		p.line(col, " ", "}"+gone+tail)
	case []any:
		if len(x) == 0 && empty(v.unknown) {
			p.line(col, sign, key+"[]"+gone+comment+tail)
			return
		}
		p.line(col, sign, key+"["+comment)
		for i := range x {
			p.value(col+4, "", v.sub(i), "", ",", depth+1)
		}
		p.line(col, " ", "]"+gone+tail)
	case string:
		if strings.Contains(x, "\n") {
			p.line(col, sign, key+"<<-EOT"+comment)
			for l := range strings.Lines(strings.TrimSuffix(x, "\n")) {
				p.line(col+4, " ", clip(strings.TrimRight(l, "\r\n")))
			}
			p.line(col, " ", "EOT"+gone+tail)
			return
		}
		p.line(col, sign, key+quote(x)+gone+comment+tail)
	case nil:
		if sign == "+" && !empty(v.unknown) {
			p.line(col, sign, key+unknown+comment+tail)
			return
		}
		p.line(col, sign, key+"null"+comment+tail)
	default:
		p.line(col, sign, key+scalar(x, nil)+gone+comment+tail)
	}
}

// change writes how a value becomes another.
func (p *printer) change(col int, key string, v values, comment, tail string, depth int) {
	switch old := v.before.(type) {
	case map[string]any:
		if _, ok := v.after.(map[string]any); ok {
			p.line(col, "~", key+"{"+comment)
			p.object(col+4, v, nil, false, depth+1)
			p.line(col, " ", "}"+tail)
			return
		}
	case []any:
		if now, ok := v.after.([]any); ok {
			p.line(col, "~", key+"["+comment)
			p.elements(col+4, old, now, v, depth+1)
			p.line(col, " ", "]"+tail)
			return
		}
	case string:
		if now, ok := v.after.(string); ok && (strings.Contains(old, "\n") || strings.Contains(now, "\n")) {
			p.line(col, "~", key+"<<-EOT"+comment)
			p.lines(col+4, split(old), split(now))
			p.line(col, " ", "EOT"+tail)
			return
		}
	}
	p.line(col, "~", key+scalar(v.before, v.beforeSensitive)+" -> "+scalar(v.after, v.afterSensitive)+comment+tail)
}

// elements writes how a list changes, between what it begins and ends with before and after.
func (p *printer) elements(col int, old, now []any, v values, depth int) {
	start := 0
	for start < len(old) && start < len(now) && v.sub(start).equal() {
		start++
	}
	end := 0
	for end < len(old)-start && end < len(now)-start && reflect.DeepEqual(old[len(old)-1-end], now[len(now)-1-end]) && empty(pick(v.unknown, len(now)-1-end)) {
		end++
	}
	if start > 0 {
		fmt.Fprintf(&p.b, "%s# (%s hidden)\n", strings.Repeat(" ", col+2), plural(start, "unchanged element"))
	}
	if len(old) == len(now) {
		for i := start; i < len(now)-end; i++ {
			p.value(col, "", v.sub(i), "", ",", depth)
		}
	} else {
		for i := start; i < len(old)-end; i++ {
			p.value(col, "", values{before: old[i], beforeSensitive: pick(v.beforeSensitive, i)}, "", ",", depth)
		}
		for i := start; i < len(now)-end; i++ {
			p.value(col, "", values{after: now[i], unknown: pick(v.unknown, i), afterSensitive: pick(v.afterSensitive, i)}, "", ",", depth)
		}
	}
	if end > 0 {
		fmt.Fprintf(&p.b, "%s# (%s hidden)\n", strings.Repeat(" ", col+2), plural(end, "unchanged element"))
	}
}

// lines writes how a text of several lines changes.
func (p *printer) lines(col int, old, now []string) {
	start, end := 0, 0
	for start < len(old) && start < len(now) && old[start] == now[start] {
		start++
	}
	for end < len(old)-start && end < len(now)-start && old[len(old)-1-end] == now[len(now)-1-end] {
		end++
	}
	for _, l := range old[:start] {
		p.line(col, " ", clip(l))
	}
	p.between(col, old[start:len(old)-end], now[start:len(now)-end])
	for _, l := range old[len(old)-end:] {
		p.line(col, " ", clip(l))
	}
}

// maxCompared bounds what lines are compared with one another: it takes its square.
const maxCompared = 256

// between writes how lines become others: what both have, in its order, is no change.
func (p *printer) between(col int, old, now []string) {
	var common [][]int
	if len(old) <= maxCompared && len(now) <= maxCompared {
		common = make([][]int, len(old)+1)
		for i := range common {
			common[i] = make([]int, len(now)+1)
		}
		for i, o := range slices.Backward(old) {
			for j, n := range slices.Backward(now) {
				if common[i][j] = max(common[i+1][j], common[i][j+1]); o == n {
					common[i][j] = common[i+1][j+1] + 1
				}
			}
		}
	}
	i, j := 0, 0
	for i < len(old) || j < len(now) {
		switch {
		case common != nil && i < len(old) && j < len(now) && old[i] == now[j]:
			p.line(col, " ", clip(old[i]))
			i, j = i+1, j+1
		case i < len(old) && (common == nil || j == len(now) || common[i+1][j] >= common[i][j+1]):
			p.line(col, "-", clip(old[i]))
			i++
		default:
			p.line(col, "+", clip(now[j]))
			j++
		}
	}
}

func split(s string) []string {
	return strings.Split(strings.ReplaceAll(strings.TrimSuffix(s, "\n"), "\r\n", "\n"), "\n")
}

// scalar is a value on one line.
func scalar(v, marks any) string {
	if marks != nil && !empty(marks) {
		return sensitive
	}
	switch x := v.(type) {
	case nil:
		return "null"
	case string:
		return quote(x)
	}
	b, err := encode(withoutSecrets(v, 0))
	if err != nil {
		return "null"
	}
	return clip(b)
}

// withoutSecrets returns a copy of v in which concealed replaces each value with a secret's name as
// its key, unless the value is empty, a boolean or null. It leaves out everything below maxDepth,
// where it does not look for secrets.
func withoutSecrets(v any, depth int) any {
	switch x := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, e := range x {
			if approvals.SecretName(k) && isText(e) || depth >= maxDepth {
				e = concealed
			}
			out[k] = withoutSecrets(e, depth+1)
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i, e := range x {
			if depth >= maxDepth {
				e = nil
			}
			out[i] = withoutSecrets(e, depth+1)
		}
		return out
	}
	return v
}

func quote(s string) string {
	b, err := encode(s)
	if err != nil {
		return `""`
	}
	return clip(b)
}

// encode is JSON without the escapes that only HTML needs.
func encode(v any) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return strings.TrimSuffix(b.String(), "\n"), err
}

// clip cuts a line after maxString characters and adds the number of those that it leaves out.
func clip(s string) string {
	if len(s) <= maxString {
		return s
	}
	n := utf8.RuneCountInString(s)
	if n <= maxString {
		return s
	}
	at := 0
	for i := range s {
		if at == maxString {
			return fmt.Sprintf("%s… (%s)", s[:i], plural(n-maxString, "more character"))
		}
		at++
	}
	return s
}

func plainKey(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == ""
}
