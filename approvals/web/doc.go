// Package web is the approval service that people and curl meet: the page behind
// a mailed link, and the API. Routing is gorilla/mux; every handler is a plain
// http.Handler.
//
// GET never changes anything, anyone who or whatever follows a link. A vote is a
// POST, from the page with the link's token, from a page behind a login, or to the
// API with a bearer token. Identity never comes from a query parameter or a header
// that anybody can set.
package web
