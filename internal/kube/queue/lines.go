package queue

import "container/list"

// ring serves its members in turn: each is in it once, and goes to its end after its turn.
type ring[E comparable] struct {
	order list.List
	at    map[E]*list.Element
}

// push puts e at the end, unless it is there.
func (r *ring[E]) push(e E) {
	if r.at[e] != nil {
		return
	}
	if r.at == nil {
		r.at = map[E]*list.Element{}
	}
	r.at[e] = r.order.PushBack(e)
}

// take removes the first for which ok holds. The others keep their places.
func (r *ring[E]) take(ok func(E) bool) (first E, found bool) {
	for x := r.order.Front(); x != nil; x = x.Next() {
		if e, _ := x.Value.(E); ok(e) {
			r.remove(e)
			return e, true
		}
	}
	return first, false
}

func (r *ring[E]) remove(e E) {
	if x := r.at[e]; x != nil {
		r.order.Remove(x)
		delete(r.at, e)
	}
}

// lines are the items of one namespace, a line for each part; the parts take turns.
type lines[T comparable] struct {
	parts ring[string]
	of    map[string]*ring[T]
	n     int
}

func (l *lines[T]) push(part string, key T) {
	line := l.of[part]
	if line == nil {
		if l.of == nil {
			l.of = map[string]*ring[T]{}
		}
		line = &ring[T]{}
		l.of[part] = line
	}
	line.push(key)
	l.n++
	l.parts.push(part)
}

// pop takes the first item of the part whose turn it is. There must be one.
func (l *lines[T]) pop() T {
	part, _ := l.parts.take(func(string) bool { return true })
	line := l.of[part]
	key, _ := line.take(func(T) bool { return true })
	l.left(part, line)
	if line.order.Len() > 0 {
		l.parts.push(part)
	}
	return key
}

func (l *lines[T]) remove(part string, key T) {
	line := l.of[part]
	line.remove(key)
	l.left(part, line)
}

// left counts one that has left its line.
func (l *lines[T]) left(part string, line *ring[T]) {
	l.n--
	if line.order.Len() == 0 {
		delete(l.of, part)
		l.parts.remove(part)
	}
}
