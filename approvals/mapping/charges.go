package mapping

import (
	"math/bits"
	"strings"
	"unicode/utf8"

	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
)

// perEntry is the bytes of an entry in a map that has to grow, with a key and a value.
const perEntry = 400

func zoned() rule {
	return rule{bound: "one step; with a time zone, which is read from a file, a fixed price for that", charge: func(m *meter, args []ref.Val) {
		if len(args) > 1 {
			m.use(500, plus(16<<10, times(4, sizeOf(args[1]))))
		}
	}}
}

// plain values are compared in one step, or by their bytes.
func isPlain(v ref.Val) bool {
	switch v.(type) {
	case traits.Lister, traits.Mapper:
		return false
	}
	return true
}

func chargeEqual(m *meter, args []ref.Val) {
	if isPlain(args[0]) || isPlain(args[1]) {
		m.use(min(sizeOf(args[0]), sizeOf(args[1]))/64, 0)
		return
	}
	m.use(0, times(perItem, m.measure(args[0]).nodes))
}

func equal(_ *meter, args []ref.Val) ref.Val { return types.Equal(args[0], args[1]) }

func notEqual(_ *meter, args []ref.Val) ref.Val {
	return types.Bool(types.Equal(args[0], args[1]) != types.True)
}

func chargeIn(m *meter, args []ref.Val) {
	l, ok := args[1].(traits.Lister)
	if !ok { // a key of a map
		m.use(sizeOf(args[0])/64, 0)
		return
	}
	if isPlain(args[0]) { // which is no part of what is not
		m.use(times(sizeOf(l), 1+sizeOf(args[0])/64), times(perItem, sizeOf(l)))
		return
	}
	m.use(0, times(perItem, m.measure(l).nodes))
}

func chargeSearch(m *meter, args []ref.Val) {
	in, what := sizeOf(args[0]), sizeOf(args[1])
	m.use(plus(in/16, times(in, what)/64), times(4, in+what))
}

func chargeSplit(m *meter, args []ref.Val) {
	s, _ := args[0].(types.String)
	by, _ := args[1].(types.String)
	m.use(int64(len(s))/64, 0)
	pieces := int64(strings.Count(string(s), string(by))) + 1
	if by == "" {
		pieces = int64(utf8.RuneCountInString(string(s)))
	}
	m.use(pieces/8, times(perItem, pieces))
}

// chargeFormat counts each argument by itself: each is written once. A map writes its values
// as texts of their own first, on each level.
func chargeFormat(m *meter, args []ref.Val) {
	l, ok := args[1].(traits.Lister)
	if !ok {
		return
	}
	e := m.measure(l)
	written := plus(times(sizeOf(args[0]), 2), plus(times(2, e.text), times(64, e.nodes)))
	written = plus(written, times(128, int64(strings.Count(string(stringOf(args[0])), ".")))) // precisions
	m.use(plus(e.nodes, written/32), plus(times(times(3, written), e.depth), times(perItem, e.nodes)))
}

func stringOf(v ref.Val) types.String {
	s, _ := v.(types.String)
	return s
}

func chargeURL(m *meter, args []ref.Val) {
	s := string(stringOf(args[0]))
	n := int64(len(s))
	m.use(n/16, times(24, n))
	params := int64(strings.Count(s, "&")+strings.Count(s, ";")) + 2
	m.use(times(10, params), times(4*perEntry, params))
}

// chargeHeader is of functions that copy the header that they look into.
func chargeHeader(m *meter, args []ref.Val) {
	e := m.measure(args[0])
	m.use(times(10, e.nodes), times(perEntry, e.nodes))
}

func chargeItems(m *meter, args []ref.Val) {
	m.use(sizeOf(args[0]), times(perItem, sizeOf(args[0])))
}

func chargeReverse(m *meter, args []ref.Val) {
	if _, ok := args[0].(types.String); ok {
		text(8).charge(m, args)
		return
	}
	chargeItems(m, args)
}

// chargeFlatten: each level is copied into the one above it.
func chargeFlatten(m *meter, args []ref.Val) {
	l, ok := args[0].(traits.Lister)
	if !ok {
		return
	}
	e := m.measure(l)
	levels := int64(1)
	if len(args) > 1 {
		if n, ok := args[1].(types.Int); ok {
			levels = max(int64(n), 1)
		}
	}
	m.use(e.nodes, times(perItem, times(e.nodes, min(levels, e.depth)+1)))
}

func chargeRange(m *meter, args []ref.Val) {
	if n, ok := args[0].(types.Int); ok && n > 0 {
		m.use(int64(n), times(32, int64(n)))
	}
}

// chargeSets: each item of the one is compared with each of the other, and made for that.
func chargeSets(m *meter, args []ref.Val) {
	a, ok := args[0].(traits.Lister)
	b, also := args[1].(traits.Lister)
	if !ok || !also {
		return
	}
	na, nb, ea, eb := sizeOf(a), sizeOf(b), m.measure(a), m.measure(b)
	made := plus(na, nb)
	if ea.depth > 2 && eb.depth > 2 { // what is in items is made to be compared
		made = plus(made, plus(times(ea.nodes, nb), times(eb.nodes, na)))
	}
	m.use(plus(times(ea.cost()+1, nb), times(eb.cost()+1, na)), times(perItem, made))
	for i, l := range []traits.Lister{a, b} { // once, and not in each round
		if items := m.listed(l); items != nil {
			args[i] = list(items)
		}
	}
}

// cost is the work of comparing each item of a list once.
func (e extent) cost() int64 { return plus(e.nodes, e.text/64) }

// distinct compares each item with all that were kept before it.
func distinct(m *meter, args []ref.Val) ref.Val {
	if l, ok := args[0].(traits.Lister); ok {
		e, n := m.measure(l), sizeOf(l)
		m.use(times(e.cost(), n)/2, times(perItem, n))
		if e.depth > 2 { // what is in items is made to be compared
			m.use(0, times(times(perItem, e.nodes), n))
		}
		args[0] = list(m.listed(l))
	}
	return nil
}

// sorted makes the lists' items before they are compared, many times each.
func sorted(m *meter, args []ref.Val) ref.Val {
	for i, x := range args {
		l, ok := x.(traits.Lister)
		if !ok {
			return nil
		}
		n := sizeOf(l)
		rounds := int64(bits.Len64(uint64(n))) //nolint:gosec // a size
		if i == len(args)-1 {
			m.use(times(times(4, m.measure(l).cost()), rounds), times(perItem, n))
		}
		args[i] = list(m.listed(l))
	}
	return nil
}

// add is "+". Lists are copied: the library's chains of lists are one step to make, and any
// number of steps to read. What a macro is making grows in its place.
func add(m *meter, args []ref.Val) ref.Val {
	a, b := args[0], args[1]
	switch x := a.(type) {
	case types.String, types.Bytes:
		m.make(sizeOf(a) + sizeOf(b))
		return nil
	case traits.MutableLister:
		m.use(sizeOf(b), times(perNode, sizeOf(b)))
		return x.Add(b)
	case traits.Lister:
		y, ok := b.(traits.Lister)
		if !ok {
			return types.NewErr("no such overload: %s", operators.Add)
		}
		n := sizeOf(x) + sizeOf(y)
		m.use(n, times(16, n))
		return list(append(append(make([]ref.Val, 0, n), m.listed(x)...), m.listed(y)...))
	}
	return nil
}
