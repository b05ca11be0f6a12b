// Package intake bounds what a listener takes in: connections, bytes of bodies and
// requests at work, by source address and in all. A body is read before the request's
// handler runs, so that a slow sender holds no place of those that are at work.
//
// Nothing here is remembered beyond the process, and nothing has to be: what is counted is
// what is open now. Who was proved a while ago is remembered only to decide who waits when
// there is not enough for all; it gives no right.
package intake
