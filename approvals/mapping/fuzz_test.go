package mapping

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/approvals"
)

// maxTook is a generous multiple of the 200 ms that an expression may take of a processor.
const maxTook = time.Second

// maker makes expressions that compile out of any bytes, as people who want to harm the
// service would: of every function, applied to what costs most.
type maker struct {
	from  []byte
	vars  []string // of macros, each a value of any type
	loops int
}

func (g *maker) pick(n int) int {
	if len(g.from) == 0 {
		return 0
	}
	b := g.from[0]
	g.from = g.from[1:]
	return int(b) % n
}

func (g *maker) done(depth int) bool { return len(g.from) == 0 || depth > 40 }

func (g *maker) text(depth int) string {
	if g.done(depth) {
		return []string{"body.t", "'aB'", "params.t"}[g.pick(3)]
	}
	s := func() string { return g.text(depth + 1) }
	l := func() string { return g.list(depth + 1) }
	switch g.pick(24) {
	case 0:
		return s() + ".lowerAscii()"
	case 1:
		return s() + ".upperAscii()"
	case 2:
		return s() + ".reverse()"
	case 3:
		return s() + ".substring(" + g.small() + ")"
	case 4:
		return s() + ".replace(" + s() + ", " + s() + ")"
	case 5:
		return s() + ".replace('a', " + s() + ")"
	case 6:
		return s() + ".translate(" + g.regexp() + ", " + []string{"'$0$0$1'", "'x'", "'aaaaaaaaaa'"}[g.pick(3)] + ")"
	case 7:
		return "(" + s() + " + " + s() + ")"
	case 8:
		return l() + ".marshalJSON()"
	case 9:
		return "[" + s() + "].marshalJSON()"
	case 10:
		return "'%s%s%x'.format([" + g.any(depth+1) + ", " + l() + ", " + s() + "])"
	case 11:
		return l() + ".map(x, string(x)).join(" + s() + ")"
	case 12:
		return s() + ".split(" + s() + ").join(" + s() + ")"
	case 13:
		return "base64.encode(bytes(" + s() + "))"
	case 14:
		return "string(base64.decode(" + s() + "))"
	case 15:
		return "strings.quote(" + s() + ")"
	case 16:
		return "json.encode(" + g.any(depth+1) + ")"
	case 17:
		return s() + ".trim()"
	case 18:
		return s() + ".charAt(" + g.small() + ")"
	case 19:
		return "(" + g.condition(depth+1) + " ? " + s() + " : " + s() + ")"
	case 20:
		return "string(" + s() + ".parseURL())"
	case 21:
		return s() + ".truncate(" + g.small() + "0000)"
	case 22:
		return "'" + strings.Repeat([]string{"a", `\\\\`, `\"`, `\u0001`, "é", "%s"}[g.pick(6)], 1+g.pick(40)) + "'"
	}
	return "string(" + s() + ")"
}

func (g *maker) list(depth int) string {
	if g.done(depth) {
		return []string{"body.l", "[1,2,3]", "[body.l, body.l]", "lists.range(10000)", "[]"}[g.pick(5)]
	}
	l := func() string { return g.list(depth + 1) }
	switch g.pick(20) {
	case 0:
		return "(" + l() + " + " + l() + ")"
	case 1, 2, 3:
		return g.loop(l(), "map", depth, g.any)
	case 4:
		return g.loop(l(), "filter", depth, g.condition)
	case 5:
		return l() + ".flatten()"
	case 6:
		return "dyn(" + l() + ").flatten(" + g.small() + ")"
	case 7:
		return l() + ".distinct()"
	case 8:
		return "dyn(" + l() + ").sort()"
	case 9:
		return l() + ".reverse()"
	case 10:
		return l() + ".slice(0, " + g.small() + ")"
	case 11:
		return g.text(depth+1) + ".split(" + g.text(depth+1) + ")"
	case 12:
		return "lists.range(" + g.small() + "000)"
	case 13:
		return "[" + g.any(depth+1) + ", " + g.any(depth+1) + "]"
	case 14:
		return "[" + l() + ", " + l() + ", " + l() + "]"
	case 15:
		return g.text(depth+1) + ".parseJSON()"
	case 16:
		return g.text(depth+1) + ".parseYAML()"
	case 17:
		return l() + ".sortBy(x, string(x))"
	case 18:
		return "[" + g.object(depth+1) + "]"
	}
	return l()
}

func (g *maker) loop(of, macro string, depth int, body func(int) string) string {
	if g.loops++; g.loops > 20 {
		return of
	}
	name := fmt.Sprintf("v%d", g.loops)
	g.vars = append(g.vars, name)
	defer func() { g.vars = g.vars[:len(g.vars)-1] }()
	return of + "." + macro + "(" + name + ", " + body(depth+1) + ")"
}

func (g *maker) object(depth int) string {
	switch g.pick(5) {
	case 0:
		return "{'a': " + g.any(depth+1) + ", 'b': " + g.any(depth+1) + "}"
	case 1:
		return "{" + g.text(depth+1) + ": " + g.any(depth+1) + "}"
	case 2:
		return "body"
	case 3:
		return "header"
	}
	return "body.m"
}

func (g *maker) any(depth int) string {
	switch n := g.pick(6); {
	case n == 0 && len(g.vars) > 0:
		return "dyn(" + g.vars[g.pick(len(g.vars))] + ")"
	case n == 1:
		return "dyn(" + g.text(depth) + ")"
	case n == 2:
		return "dyn(" + g.object(depth) + ")"
	case n == 3:
		return "dyn(" + g.condition(depth) + ")"
	}
	return "dyn(" + g.list(depth) + ")"
}

func (g *maker) condition(depth int) string {
	if g.done(depth) {
		return "true"
	}
	a := func() string { return g.any(depth + 1) }
	switch g.pick(12) {
	case 0:
		return "(" + a() + " == " + a() + ")"
	case 1:
		return "(" + a() + " in " + g.list(depth+1) + ")"
	case 2:
		return "sets.contains(" + g.list(depth+1) + ", " + g.list(depth+1) + ")"
	case 3:
		return "sets.equivalent(" + g.list(depth+1) + ", " + g.list(depth+1) + ")"
	case 4:
		return g.text(depth+1) + ".matches(" + g.regexp() + ")"
	case 5:
		return "(" + g.text(depth+1) + ".indexOf(" + g.text(depth+1) + ") > 1)"
	case 6:
		return "(" + g.text(depth+1) + " < " + g.text(depth+1) + ")"
	case 7:
		return g.loop(g.list(depth+1), "all", depth, g.condition)
	case 8:
		return g.loop(g.list(depth+1), "exists_one", depth, g.condition)
	case 9:
		return "(" + g.condition(depth+1) + " && " + g.condition(depth+1) + ")"
	case 10:
		return "(timestamp(0).getHours(" + g.text(depth+1) + ") > 1)"
	}
	return g.text(depth+1) + ".contains(" + g.text(depth+1) + ")"
}

func (g *maker) small() string { return fmt.Sprint(1 + g.pick(99)) }

func (g *maker) regexp() string {
	return []string{"'a'", "''", "'(a|b)*c'", "'.*.*.*x'", "'(a{1,100}){1,10}'", `'\\pL+'`, "'(x?){900}'", "body.t", "'^$'", `'\\b'`, "'(((((a)))))'"}[g.pick(11)]
}

// FuzzExpressions looks for an expression that takes more than it may, of those that can be
// made of some bytes, and of the bytes themselves.
func FuzzExpressions(f *testing.F) {
	bodies := hostileBodies(f)
	names := slices.Sorted(maps.Keys(bodies))
	for i, expr := range hostileExpressions(true) {
		if i%50 != 0 {
			continue // TestHostileExpressionsStayWithinTheirMemory has them
		}
		f.Add([]byte(expr), expr, uint8(i%len(names)))
	}
	f.Fuzz(func(t *testing.T, from []byte, raw string, which uint8) {
		body := bodies[names[int(which)%len(names)]]
		text, _ := body["t"].(string)
		v := Vars{Body: body, Params: map[string]string{"t": text}, Header: http.Header{"A": {text}}}
		g := maker{from: from}
		for _, expr := range []string{g.text(0), g.list(0), raw} {
			c := patient(t)
			var err error
			bytes, took := spent(func() { _, err = c.String(t.Context(), expr, v) })
			if bytes > maxAllocated || took > maxTook || approvals.CodeOf(err) == approvals.CodeUnavailable {
				t.Errorf("%q of %s takes %d KiB and %s: %v", expr, names[int(which)%len(names)], bytes>>10, took, err)
			}
		}
	})
}

// The same, of some hundred expressions that are the same ones each time.
func TestMadeExpressionsStayWithinTheirMemory(t *testing.T) {
	bodies := hostileBodies(t)
	names := slices.Sorted(maps.Keys(bodies))
	seed := uint64(1)
	evaluated := 0
	for i := range 600 {
		from := make([]byte, 8+i%60)
		for j := range from {
			seed = seed*6364136223846793005 + 1442695040888963407
			from[j] = byte(seed >> 56)
		}
		g := maker{from: from}
		expr, name := g.text(0), names[i%len(names)]
		text, _ := bodies[name]["t"].(string)
		c := patient(t)
		var err error
		bytes, took := spent(func() {
			_, err = c.String(t.Context(), expr, Vars{Body: bodies[name], Params: map[string]string{"t": text}, Header: http.Header{"A": {text}}})
		})
		if bytes > maxAllocated || approvals.CodeOf(err) == approvals.CodeUnavailable {
			t.Errorf("%q of %s takes %d KiB and %s: %v", expr, name, bytes>>10, took, err)
		}
		if c.Check(expr) == nil {
			evaluated++
		}
	}
	if evaluated < 300 {
		t.Errorf("only %d of 600 compile: the test has little to look at", evaluated)
	}
	t.Logf("%d of 600 compile", evaluated)
}
