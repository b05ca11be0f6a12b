// Package destination is where a signed event may be posted: to the ClusterIP of the
// Service that the EventListener owns, and nowhere else. What an EventListener's
// status says of its address, what a held event says of the address it was sent to,
// names in DNS, proxies and redirects have no say in it.
//
// What is relied on, who could have written it, and what proves it:
//
//   - The EventListener, its UID and its spec are the API server's.
//   - The Service el-NAME could be made by anybody who may create Services in the
//     EventListener's namespace. Triggers' controller owns the right one: its
//     controller reference has the EventListener's UID, and its selector is for the
//     EventListener's own pods. A selector reaches pods of the same namespace only,
//     and without one endpoints would be whatever somebody wrote. Anyone who may write
//     both in that namespace may as well make pods that run as the EventListener.
//   - A ClusterIP is checked by the API server: it is of the cluster's range and of
//     one Service alone. It is looked at all the same.
//
// What does not belong here: which EventListener runs a Trigger, and what is posted.
package destination
