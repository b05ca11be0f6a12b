package mapping

import (
	"math"
	"net/http"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
)

// maxDepth bounds the nesting of a value, because the code that walks it, here and in the
// libraries, is recursive.
const maxDepth = 256

// extent is the size of a value as a tree. Lists and maps share parts, so that a value of a
// few bytes may be a tree of any size.
type extent struct {
	nodes int64
	text  int64 // bytes of its strings and numbers, as anybody writes them
	depth int64
}

func (e *extent) add(x extent) {
	e.nodes, e.text, e.depth = plus(e.nodes, x.nodes), plus(e.text, x.text), max(e.depth, x.depth+1)
}

// scalarText is the most bytes of a number, a time or a word, and wideText of a double that
// is written without exponent.
const (
	scalarText = 40
	wideText   = 340
)

// measure walks a value, and takes each step of that from the budget.
func (m *meter) measure(v any) extent { return m.measureAt(v, 0) }

func (m *meter) measureAt(v any, depth int) extent {
	if depth > 4*maxDepth { // its parts are each within maxDepth
		m.use(maxCost, 0)
	}
	m.use(1, 0)
	e := extent{nodes: 1, text: scalarText, depth: 1}
	down := func(x any) { e.add(m.measureAt(x, depth+1)) }
	key := func(k string) { e.text = plus(e.text, m.textual(len(k))) }
	switch x := v.(type) {
	case string:
		e.text = m.textual(len(x))
	case types.String:
		e.text = m.textual(len(x))
	case types.Bytes:
		e.text = times(2, m.textual(len(x)))
	case literal:
		e.text = m.textual(len(x))
	case float64:
		e.text = doubleText(x)
	case types.Double:
		e.text = doubleText(float64(x))
	case []any:
		for _, y := range x {
			down(y)
		}
	case []string:
		for _, y := range x {
			down(y)
		}
	case []ref.Val:
		for _, y := range x {
			down(y)
		}
	case map[string]any:
		for k, y := range x {
			key(k)
			down(y)
		}
	case map[string]string:
		for k, y := range x {
			key(k)
			down(y)
		}
	case map[string][]string:
		for k, y := range x {
			key(k)
			down(y)
		}
	case http.Header:
		for k, y := range x {
			key(k)
			down(y)
		}
	case map[ref.Val]ref.Val:
		for k, y := range x {
			down(k)
			down(y)
		}
	case traits.Mapper:
		return m.measureMapper(x, depth)
	case traits.Lister:
		return m.measureLister(x, depth)
	}
	return e
}

func (m *meter) textual(n int) int64 {
	m.use(int64(n)/64, 0)
	return int64(n)
}

func doubleText(f float64) int64 {
	if a := math.Abs(f); a > 1e20 || a < 1e-6 && a > 0 {
		return wideText
	}
	return scalarText
}

// measureMapper goes by what stands behind a map, where that is known: going by its
// interface makes each value again.
func (m *meter) measureMapper(x traits.Mapper, depth int) extent {
	if isNative(x.Value()) {
		m.work++ // counted already
		return m.measureAt(x.Value(), depth)
	}
	e := extent{nodes: 1, text: scalarText, depth: 1}
	m.use(0, times(perItem, sizeOf(x)))
	for it := x.Iterator(); it.HasNext() == types.True; {
		k := it.Next()
		e.add(m.measureAt(k, depth+1))
		e.add(m.measureAt(x.Get(k), depth+1))
	}
	return e
}

func (m *meter) measureLister(x traits.Lister, depth int) extent {
	if items, ok := itemsOf(x); ok {
		m.work++
		return m.measureAt(items, depth)
	}
	e := extent{nodes: 1, text: scalarText, depth: 1}
	m.use(0, times(perItem, sizeOf(x)))
	for i, n := int64(0), sizeOf(x); i < n; i++ {
		e.add(m.measureAt(x.Get(types.Int(i)), depth+1))
	}
	return e
}

func isNative(v any) bool {
	switch v.(type) {
	case []any, []string, []ref.Val, map[string]any, map[string]string, map[string][]string, http.Header, map[ref.Val]ref.Val:
		return true
	}
	return false
}

// itemsOf are the items that stand behind a list. One that a macro is still making does not
// tell them.
func itemsOf(l traits.Lister) (any, bool) {
	if _, unfinished := l.(traits.MutableLister); unfinished {
		return nil, false
	}
	return l.Value(), isNative(l.Value())
}

// perItem is the bytes of one CEL value that is made of a Go value.
const perItem = 96

// sizeOf returns the number of items of a list or map, or bytes of a string; 1 for anything
// else. It takes one step, because no list here is a chain of others: see add.
func sizeOf(v ref.Val) int64 {
	switch x := v.(type) {
	case types.String:
		return int64(len(x))
	case types.Bytes:
		return int64(len(x))
	case traits.Sizer:
		if n, ok := x.Size().(types.Int); ok {
			return int64(n)
		}
	}
	return 1
}

// listed is the list's items, each made once.
func (m *meter) listed(l traits.Lister) []ref.Val {
	n := sizeOf(l)
	m.use(n, times(16, n))
	if items, ok := itemsOf(l); ok {
		if vals, ok := items.([]ref.Val); ok {
			return vals
		}
	}
	m.use(0, times(perItem, n))
	out := make([]ref.Val, 0, n)
	for i := range n {
		out = append(out, l.Get(types.Int(i)))
	}
	return out
}

func list(vals []ref.Val) ref.Val { return types.NewRefValList(types.DefaultTypeAdapter, vals) }
