// Package interceptor is the Triggers ClusterInterceptor "countersign". One line
// in a Trigger makes it both hold and release:
//
//   - an event that we did not sign is verified and held (continue: false);
//   - the signed event for this Trigger's own Approval passes (continue: true)
//     with extensions.countersign.
//
// EventListeners do not authenticate to interceptors, so nothing that a request
// says of itself is believed: the Trigger's line is read from the API server,
// completions are read from the API server, and a release must carry our own
// signature. Anyone who can reach the port directly passes the interceptors before this
// one by: what they can have held is an event of their own making, unless the Gate's
// signingSecret has its sender prove itself to us.
//
// What does not belong here: how Approvals are kept, and how events are posted.
package interceptor
