// Package contain keeps what one object does to itself: a panic at an object, wherever it
// comes up, ends the work at that object and nothing else. The service starts, serves all
// others, and says on the object that it is left alone, and why.
//
// controller-runtime recovers what panics in a reconciler; client-go lets the process end
// when an index, a transform, a predicate or a handler of an informer does, at every start
// again. Here all of them are behind a recover of their own.
package contain
