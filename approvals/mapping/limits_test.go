package mapping

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/golden"
)

// maxAllocated is what one expression may allocate in all, compiled and evaluated. What is
// held at any one time is less.
const maxAllocated = 16 << 20

// maxBody is the largest event that is held.
const maxBody = 512 << 10

// spent is what f allocates, in bytes, and the processors' time that it takes: by the clock
// a machine that has other things to do is slow.
func spent(f func()) (int64, time.Duration) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	begin := worked()
	f()
	took := worked() - begin
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc), took //nolint:gosec // a difference
}

func worked() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// patient is a Compiler whose evaluations are ended by what they cost alone, however slow
// the machine is.
func patient(t testing.TB) *Compiler {
	t.Helper()
	c, err := New()
	if err != nil {
		t.Fatal(err)
	}
	c.limits.Time = 10 * time.Minute
	return c
}

// hostileBodies are events of the largest size, of the kinds that cost most.
func hostileBodies(t testing.TB) map[string]map[string]any {
	t.Helper()
	fill := func(begin, unit, end string) string {
		return begin + strings.Repeat(unit, (maxBody-len(begin)-len(end)-1)/len(unit)) + end
	}
	out := map[string]map[string]any{"none": {}}
	for name, body := range map[string]string{
		"one text":     fill(`{"t":"`, "aB.,", `","l":["a","b"],"m":{"a":1}}`),
		"controls":     fill(`{"t":"`, `\u0001`, `","l":[],"m":{}}`),
		"wide":         fill(`{"t":"`, "é", `","l":[],"m":{}}`),
		"short texts":  fill(`{"t":"a","m":{},"l":["a"`, `,"abcdefgh"`, `]}`),
		"numbers":      `{"t":"a","m":{},"l":[1` + strings.Repeat(`,123456`, 60_000) + `]}`,
		"objects":      `{"t":"a","m":{},"l":[{}` + strings.Repeat(`,{"a":{}}`, 15_000) + `]}`,
		"nested lists": `{"t":"a","m":{},"l":[[]` + strings.Repeat(`,[[1]]`, 15_000) + `]}`,
		"deep":         `{"t":"a","m":{},"l":` + strings.Repeat("[", 250) + "1" + strings.Repeat("]", 250) + `}`,
		"large map":    `{"t":"a","l":[],"m":{` + keys(20_000) + `}}`,
		"doubles":      `{"t":"a","m":{},"l":[1e300` + strings.Repeat(`,1e-300`, 50_000) + `]}`,
		"JSON":         fill(`{"m":{},"l":[],"t":"[0`, ",1", `]"}`),
		"JSON small":   `{"m":{},"l":[],"t":"[0` + strings.Repeat(",{}", 10_000) + `]"}`,
		"YAML":         `{"m":{},"l":[],"t":"a: &a [x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e]"}`,
		"YAML list":    `{"m":{},"l":[],"t":"` + strings.Repeat(`- a\n`, 4_000) + `"}`,
		"query":        fill(`{"m":{},"l":[],"t":"http://x/?a`, "&b", `"}`),
		"pattern":      `{"m":{},"l":["((a{10}){10}){10}"],"t":"` + strings.Repeat("a", 100_000) + `"}`,
		"long pattern": fill(`{"m":{},"l":["a"],"t":"`, "(a)", `"}`),
	} {
		m, err := decodeObject([]byte(body))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		out[name] = m
	}
	return out
}

func keys(n int) string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf(`"key-%d":%d`, i, i)
	}
	return strings.Join(all, ",")
}

// grown repeats a part as often as an expression has room for.
func grown(begin, part string) string {
	return begin + strings.Repeat(part, (approvals.MaxExpression-len(begin))/len(part))
}

// hostileExpressions are what people who want to harm the service may write: each function
// on the largest thing, and each that multiplies as often as there is room.
// With all, each function is also called many times on the largest things, which takes a
// minute.
func hostileExpressions(all bool) []string {
	var out []string
	// What a call takes whatever its arguments are, many times: also one that fails.
	many := func(call string) {
		if !all && (strings.Contains(call, "body") || strings.Contains(call, "params") || strings.Contains(call, "header")) {
			return
		}
		out = append(out, "lists.range(99000).all(x, dyn("+call+") != null)")
	}
	for _, of := range []string{"body.t", "body.l", "body.m", "body", "params", "header", "'a'", "'a:,['", "[1]", "['a']", "{'a': 1}", "1", "0.1", "dyn(x)"} {
		for _, call := range []string{
			".marshalJSON()", ".lowerAscii()", ".upperAscii()", ".reverse()", ".trim()", ".charAt(1)", ".substring(1)", ".substring(1, 9)",
			".split('')", ".split(',')", ".split('.')", ".join()", ".join(body.t)", ".join('--------')", ".replace('', body.t)", ".replace('a', 'aaaaaaaa')", ".replace('a', '')",
			".translate('', 'aaaa')", ".translate('a', '$0$0$0')", ".translate('(a|b)*', '$1')", ".translate(body.t, '')", ".translate(body.l[0], 'x')",
			".matches('(a*)*b')", ".matches('.*.*.*.*b')", ".matches(body.t)", ".matches(body.l[0])", ".matches('(x+x+)+y')", ".matches('[a-z]{1,1000}b')", `.matches('\\pL{1000}\\pL')`,
			".indexOf('aaaaaaab')", ".indexOf(body.t)", ".indexOf(body.t, 3)", ".lastIndexOf(body.t)", ".lastIndexOf('b', 9)", ".contains(body.t)", ".startsWith(body.t)",
			".parseJSON()", ".parseYAML()", ".parseURL()", ".distinct()", ".sort()", ".flatten()", ".flatten(300)", ".slice(0, 1000)",
			".sortBy(x, x)", ".map(x, body.t)", ".map(x, body.t + 'a')", ".map(x, x)", ".filter(x, x != body)", ".map(x, body)", ".map(x, [x, x])", ".map(x, {'a': x})", ".all(x, body.l.all(y, true))", ".exists(x, x == body.l)",
			".map(x, string(x))", ".map(x, body.l.size())", ".exists_one(x, x in body.l)", ".map(x, '%s'.format([body]))", ".first()", ".last()", ".size()", ".truncate(5)", ".canonical('a')", ".match('a', 'b')",
		} {
			out = append(out, of+call)
			many(of + call)
		}
		for _, call := range []string{
			"'%%s'.format([%s])", "'%%s%%s%%s%%s'.format([%[1]s, %[1]s, %[1]s, %[1]s])", "'%%x'.format([%s])", "'%%.100f'.format([%s])", "strings.quote(%s)", "string(%s)", "bytes(%s)", "base64.encode(bytes(%s))", "base64.decode(%s)", "json.encode(%s)",
			"sets.contains(%[1]s, %[1]s)", "sets.equivalent(%[1]s, %[1]s)", "sets.intersects(%[1]s, ['no'])", "%[1]s == %[1]s", "%[1]s in [%[1]s]", "%[1]s + %[1]s + %[1]s", "[%[1]s, %[1]s].map(x, x + x)", "math.greatest(%s)", "int(%s)", "timestamp(%s)", "duration(%s)", "%[1]s < %[1]s",
			"[1,2,3,4,5,6,7,8,9].map(x, lists.range(x * 10000))", "timestamp(0).getHours(%s)", "lists.range(100000).map(x, timestamp(0).getHours('Europe/Berlin'))",
		} {
			out = append(out, fmt.Sprintf(call, of))
			many(fmt.Sprintf(call, of))
		}
	}
	for _, part := range []string{
		".marshalJSON()", ".map(x, [x, x])", ".map(x, x + x)", ".map(x, {'a': x, 'b': x})", ".map(x, {x: x})", ".map(x, body.l)", ".map(x, body.l.map(y, [x, y]))", ".flatten()", ".distinct()", ".sort()", ".reverse()",
		".map(x, x)", ".filter(x, true)", ".map(x, '%s%s'.format([x, x]))", ".map(x, string(x) + string(x))", ".sortBy(x, 1)",
	} {
		out = append(out, grown("body.l", part), grown("[body.l]", part), grown("[[1,2],[3]]", part), grown("[body]", part))
	}
	many("timestamp(x).getHours('Europe/Berlin')")
	many("timestamp(x).getHours('x')")
	many("timestamp('2020-01-01T00:00:00Z') + duration('1h')")
	many("'%d%f%e%s'.format([x, 1.0, 2.0, {'a': x}])")
	many("1 / 0")
	many("body.no.no")
	for _, part := range []string{
		".replace('', 'aaaaaaaa')", ".lowerAscii()", ".substring(0)", ".split('').join('xx')", ".translate('', 'aaaa')", ".translate('a', '$0$0$0$0')", ".reverse()", " + body.t", ".split(',').map(x, x + x).join(',')",
	} {
		out = append(out, grown("body.t", part), grown("'aaaaaaaa'", part))
	}
	out = append(out,
		"["+strings.Repeat("[body,body,body,body],", 40)+"1].marshalJSON()",
		"["+grown("1", "].marshalJSON()")[:1], // no expression
		strings.Repeat("[", 36)+"[body.t].marshalJSON()"+strings.Repeat("].marshalJSON()", 36),
		strings.Repeat("[", 36)+"'\\\"\\\"\\\"\\\"'"+strings.Repeat("].marshalJSON()", 36),
		grown("lists.range(1000)", ".map(x, lists.range(1000))"), "lists.range(9223372036854775807)", "lists.range(1000000)",
		"lists.range(1000).map(x, lists.range(1000)).flatten().map(y, body)", "lists.range(100).all(x, lists.range(100).all(y, lists.range(100).all(z, body == body)))",
		grown("'a'.matches('", `\\pL`)+"')", grown("'a'.matches('", `(?i)\\pL`)+"')", grown("'a'.matches('", ".{1000}")+"')", grown("'aaaaaaaa'.matches('", "(a?)")+"')",
		strings.Repeat("{1:", 200)+"1"+strings.Repeat("}", 200), strings.Repeat("[1].map(x,", 60)+"1"+strings.Repeat(")", 60), strings.Repeat("[", 400)+strings.Repeat("]", 400), strings.Repeat("(", 500)+"1"+strings.Repeat(")", 500),
		strings.Repeat("-", 1000)+"1", grown("1", "+1"), grown("true", "||true"), strings.Repeat("true?1:", 140)+"1", grown("body", ".a"), grown("x", "(x"), grown("google.protobuf.Struct", "{a:1}"),
		"google.protobuf.Struct{fields: body}", "google.protobuf.Any{}", grown("body.l", ".all(x, x.a.b.c.d[0].e)"),
	)
	return out
}

// Whatever is written, and whatever came, an expression stays within its memory. That is
// asserted of all it allocates: what it holds at one time is less. The time is told.
func TestHostileExpressionsStayWithinTheirMemory(t *testing.T) {
	bodies := hostileBodies(t)
	exprs := hostileExpressions(false)
	var slowest time.Duration
	var most int64
	var which, worst string
	for _, name := range slices.Sorted(maps.Keys(bodies)) {
		text, _ := bodies[name]["t"].(string)
		v := Vars{Body: bodies[name], Params: map[string]string{"t": text}, Header: http.Header{"A": {text}}}
		c := patient(t)
		var err error
		for i, expr := range exprs {
			// A loop's event matters little; of the others each sees a fifth here, and the
			// fuzz test all.
			if loop := strings.HasPrefix(expr, "lists.range(99000)"); loop != (name == "none") || !loop && (i+len(name))%5 != 0 {
				continue
			}
			what := fmt.Sprintf("%.70s … of %s", expr, name)
			bytes, took := spent(func() { _, err = c.String(t.Context(), expr, v) })
			if approvals.CodeOf(err) == approvals.CodeUnavailable {
				t.Errorf("%s: it was ended by the clock and not by its cost: %v", what, err)
			}
			if bytes > maxAllocated {
				t.Errorf("%s: %d KiB in %s (%.200v)", what, bytes>>10, took, err)
			}
			if took > slowest {
				slowest, which = took, what
			}
			if bytes > most {
				most, worst = bytes, what
			}
		}
	}
	t.Logf("%d expressions of %d events: at most %d KiB (%s) and %s (%s)", len(exprs), len(bodies), most>>10, worst, slowest, which)
}

// A function that a library gets, or one of its forms, is known here before it can be
// called: what it may cost is in the table.
func TestEveryFunctionIsInTheTable(t *testing.T) {
	c, err := New()
	if err != nil {
		t.Fatal(err)
	}
	var forms []string
	for name, f := range c.env.Functions() {
		r, ok := rules[name]
		if !ok {
			t.Errorf("%s() is not in the table of functions: say there how its cost is bounded, before it is called", name)
		} else if r.bound == "" {
			t.Errorf("%s() is in the table without words for how it is bounded", name)
		}
		for _, o := range f.OverloadDecls() {
			forms = append(forms, name+" "+o.ID())
		}
	}
	for name := range rules {
		if !c.env.HasFunction(name) {
			t.Errorf("%s() is in the table, and in no library", name)
		}
	}
	slices.Sort(forms)
	golden.File(t, "testdata/functions.golden", strings.Join(forms, "\n")+"\n")
}

// The limits hold for all expressions of one Approval together.
func TestExpressionsOfOneApprovalShareABudget(t *testing.T) {
	said := golden.Open(t)
	c := patient(t)
	var err error
	v := Vars{Body: map[string]any{"t": strings.Repeat("a", 200_000)}, Budget: NewBudget()}
	expr := "body.t.replace('a', 'b').replace('b', 'a').size()"
	n := 0
	for ; n < 1000; n++ {
		if _, err = c.String(t.Context(), expr, v); err != nil {
			break
		}
	}
	if !TooCostly(err) || approvals.CodeOf(err) != approvals.CodeInvalid {
		t.Errorf("after %d: %v", n, err)
	}
	said.Check(t, "all together", approvals.Message(err))
	if one := int(c.limits.Bytes) / 400_000; n < one || n > 2*one {
		t.Errorf("%d evaluations had room, and one alone has room for %d", n, one)
	}
	v.Budget = nil
	if _, err := c.String(t.Context(), expr, v); err != nil {
		t.Errorf("alone: %v", err)
	}
}

// A deadline ends an evaluation, at any step, and says nothing about the expression.
func TestDeadlineInterrupts(t *testing.T) {
	c, err := New()
	if err != nil {
		t.Fatal(err)
	}
	c.limits.Work, c.limits.Bytes = maxCost, maxCost // nothing but the clock ends it
	c.limits.Time = time.Millisecond
	for _, expr := range []string{
		"lists.range(100).all(a, lists.range(100).all(b, lists.range(100).all(c, lists.range(100).all(d, true))))", // loops
		"[" + strings.TrimSuffix(strings.Repeat("body.l == body.l,", 50), ",") + "].size()",                        // no loop
	} {
		v := Vars{Body: map[string]any{"l": slices.Repeat([]any{map[string]any{"a": 1}}, 50_000)}}
		if _, err := c.String(t.Context(), expr, v); approvals.CodeOf(err) != approvals.CodeUnavailable {
			t.Errorf("%.40s: %v", expr, err)
		}
	}
	c.limits = DefaultLimits()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.String(gone, "lists.range(1000).map(x, x).size()", Vars{}); approvals.CodeOf(err) != approvals.CodeUnavailable {
		t.Errorf("of a caller that is gone: %v", err)
	}
	if c.limits.Time <= 0 || c.limits.Time > 5*time.Second {
		t.Errorf("the deadline is %s", c.limits.Time)
	}
}

// What a library panics with is an error of the expression.
func TestPanicsAreErrors(t *testing.T) {
	c, err := New()
	if err != nil {
		t.Fatal(err)
	}
	c.ops["string_lower_ascii"].Unary = nil
	c.ops["lowerAscii"] = nil
	if err := c.evaluate(t.Context(), "'A'.upperAscii()", Vars{}, nil); err == nil {
		t.Errorf("%v", err)
	}
}

// Of expensive evaluations two run at a time. A cheap one does not wait for them, and one
// that waits too long says nothing about its expression.
func TestExpensiveEvaluationsQueue(t *testing.T) {
	c, err := New()
	if err != nil {
		t.Fatal(err)
	}
	c.limits.Time = 50 * time.Millisecond
	for range maxExpensive {
		c.slots <- struct{}{}
	}
	expensive := "lists.range(10000).map(x, x).size()"
	if got, err := c.String(t.Context(), "'cheap'", Vars{}); err != nil || got != "cheap" {
		t.Errorf("a cheap one: %q, %v", got, err)
	}
	if _, err := c.String(t.Context(), expensive, Vars{}); approvals.CodeOf(err) != approvals.CodeUnavailable {
		t.Errorf("an expensive one without a place: %v", err)
	}
	<-c.slots
	c.limits.Time = time.Minute
	for range 2 * maxExpensive { // each gives its place back
		if got, err := c.String(t.Context(), expensive, Vars{}); err != nil || got != "10000" {
			t.Errorf("an expensive one with a place: %q, %v", got, err)
		}
	}
	if _, err := c.String(t.Context(), "lists.range(1000000).size()", Vars{}); !TooCostly(err) {
		t.Errorf("one that is too costly: %v", err)
	}
	if len(c.slots) != maxExpensive-1 {
		t.Errorf("%d places are taken", len(c.slots))
	}
}

// What a filter that is too costly to look at gives is not known: Triggers' own interceptor
// evaluates it.
func TestTooCostlyIsNotFalse(t *testing.T) {
	c, err := New()
	if err != nil {
		t.Fatal(err)
	}
	for _, expr := range []string{"lists.range(100000000).size() > 0", "[1]" + strings.Repeat(".map(x, {x: x})", 20) + ".size() > 0"} {
		if is, known := c.True(t.Context(), expr, Vars{}); is || known {
			t.Errorf("%s: %t, %t", expr, is, known)
		}
	}
}

// Of a forwarded param, too, an interrupted evaluation is no verdict, and one that is too
// costly is one that names the field.
func TestResolveSaysWhatWasTooCostly(t *testing.T) {
	said := golden.Open(t)
	c, err := New()
	if err != nil {
		t.Fatal(err)
	}
	p := approvals.Policy{Gate: "g", Strategy: approvals.Single, Approvers: []approvals.Approver{{Name: "ann"}}, Lifetime: approvals.MaxLifetime}
	resolved := func(expr string) error {
		_, err := c.Resolve(t.Context(), "prod", "apply", approvals.InterceptorParams{Forward: []approvals.Expression{{Name: "x", Expression: expr}}}, p,
			approvals.Source{Event: &approvals.Event{Body: `{}`}}, "")
		return err
	}
	err = resolved("lists.range(100000000).size()")
	if approvals.CodeOf(err) != approvals.CodeInvalid || !TooCostly(err) {
		t.Errorf("too costly: %v", err)
	}
	said.Check(t, "too costly", approvals.Message(err))
	c.limits.Work, c.limits.Bytes, c.limits.Time = maxCost, maxCost, time.Nanosecond
	if err := resolved("lists.range(10000).all(x, x >= 0)"); approvals.CodeOf(err) != approvals.CodeUnavailable || !Interrupted(err) {
		t.Errorf("interrupted: %v", err)
	}
}

// A pattern that is written in an expression is looked at when that is, and not when it is
// too late to mend it.
func TestPatternsAreCheckedWithTheirExpression(t *testing.T) {
	said := golden.Open(t)
	c, err := New()
	if err != nil {
		t.Fatal(err)
	}
	for expr, ok := range map[string]bool{
		"body.t.matches('^v[0-9]+$')": true, "body.t.matches('(')": false, "body.t.matches('(a{100}){10}.{1000}{2}')": false,
		"body.t.translate('[^a-z]+', '-')": true, "body.t.translate('[', '')": false,
	} {
		err := c.Check(expr)
		if (err == nil) != ok {
			t.Errorf("%s: %v", expr, err)
		}
		if err != nil {
			said.Check(t, expr, approvals.Message(err))
		}
	}
}
