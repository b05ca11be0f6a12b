// Package templates holds everything that a person reads: pages and mails, as
// html/template and text/template, embedded. It knows the domain's words and
// nothing of HTTP or Kubernetes.
//
// Callers give Data; templates are given View, in which every text is bounded
// and shows what it holds. Escaping for its own format is then each template's
// own, by html/template; no template marks text as safe.
package templates
