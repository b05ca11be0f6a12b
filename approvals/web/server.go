package web

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gorilla/mux"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/approvals/overview"
	"github.com/countersign-dev/countersign/internal/turns"
	"github.com/countersign-dev/countersign/templates"
)

// maxForm bounds what is read of a vote: a comment that is too long is read far
// enough to be refused with its size.
const maxForm = 1 << 20

// Authenticator verifies a Kubernetes bearer token, and asks RBAC whether its owner may see
// Approvals. It returns CodeUnavailable when the API server does not answer.
type Authenticator interface {
	Authenticate(ctx context.Context, token string) (approvals.Identity, error)
	MaySee(ctx context.Context, id approvals.Identity, verb, namespace, name string) (bool, error)
}

// VoteService takes votes, comments, and the requests of operators.
type VoteService interface {
	Vote(ctx context.Context, key approvals.Key, b approvals.Ballot) (approvals.Approval, approvals.Change, error)
	// Prove returns id with the rights that matter for a.
	Prove(ctx context.Context, a approvals.Approval, id approvals.Identity, breakGlass bool) (approvals.Identity, error)
	Operations
}

// Operations are the requests of operators, and of others whom a rule allows them.
type Operations interface {
	Cancel(ctx context.Context, key approvals.Key, id approvals.Identity, why string) (approvals.Approval, approvals.Change, error)
	Retry(ctx context.Context, key approvals.Key, id approvals.Identity) (approvals.Approval, approvals.Change, error)
	Rerun(ctx context.Context, key approvals.Key, id approvals.Identity, why string) (approvals.Approval, approvals.Change, error)
	RevokeLink(ctx context.Context, key approvals.Key, id approvals.Identity, voter string) (approvals.Approval, approvals.Change, error)
	// AskAgain returns the Approval that asks again.
	AskAgain(ctx context.Context, key approvals.Key, id approvals.Identity) (approvals.Approval, error)
}

// Overview gives all Approvals at one moment. Callers share the snapshot, and must not change it.
type Overview interface {
	Snapshot(ctx context.Context) (*overview.Snapshot, error)
}

// Deps are the ports and settings of the pages and the API.
type Deps struct {
	Store    approvals.Store
	Overview Overview
	Desk     VoteService
	Auth     Authenticator
	Ring     func() keyring.Ring
	// People has the names, addresses and display names of people. Nil has nobody.
	People *approvals.Directory
	// Login is nil when people have links and tokens only.
	Login     Login
	Templates *templates.Set
	// External is the address of the service in browsers and mails; its path is the prefix of
	// all routes.
	External *url.URL
	Now      func() time.Time
	Log      *slog.Logger
	// Slack takes what people press in Slack; nil: nothing does. It proves its
	// requests itself; none comes from a browser, so none has an Origin.
	Slack http.Handler
	// Observe counts one answered request. route is the pattern, never the path:
	// paths hold tokens.
	Observe func(route, method string, status int, took time.Duration)
	// Proved is told of each request whose sender was proved. Nil: nobody is.
	Proved func(ctx context.Context)
	// Operators reports who may operate the service in a namespace, and so see its failures and
	// act on them. Nil: nobody may.
	Operators approvals.Operators
	// Dashboard makes the link from a run to its logs; "" makes none.
	Dashboard templates.Dashboard
	// History is the audit log, nil when no store keeps it.
	History History
	// Changes returns a channel that has something when an Approval has changed, and is
	// closed when the service stops; stop ends it. Nil: pages do not update themselves.
	Changes func() (changed <-chan struct{}, stop func())
	// Evidence reads the bytes of evidence; nil: the service keeps none.
	Evidence Evidence
	// Uploads takes evidence from pods; nil: nothing does.
	Uploads Uploads
}

type server struct {
	Deps
	base             string
	streams          *streams
	rights           *rights
	pages, downloads *turns.Turns // of evidence
}

// Handler returns the routes of the pages and of the API, beneath the path of Deps.External, with
// their limits and security headers.
func Handler(d Deps) http.Handler {
	s := &server{Deps: d, base: strings.TrimSuffix(d.External.Path, "/"), streams: &streams{each: map[string]int{}}}
	s.pages, s.downloads = turns.New(pagesAtOnce, pagesOfOne, readingWait), turns.New(downloadsAtOnce, downloadsOfOne, readingWait)
	s.rights = &rights{auth: d.Auth, operators: d.Operators, desk: d.Desk, now: d.Now}
	// Refuses a POST that another site's page makes a browser send.
	origin := http.NewCrossOriginProtection()
	origin.SetDenyHandler(s.observe(secure(s.inLanguage(http.HandlerFunc(s.crossOrigin)))))
	return origin.Handler(s.routes())
}

// routes returns the router. openapi.yaml describes each of its routes.
func (s *server) routes() *mux.Router {
	root := mux.NewRouter().SkipClean(true) // an unclean path is not found, not sent elsewhere
	root.Use(s.observe, secure, s.language)
	// Every route hangs on the root: in a subrouter mux answers a wrong method with
	// 404 as soon as another route follows.
	at := func(path string, h http.HandlerFunc, methods ...string) {
		root.HandleFunc(s.base+path, h).Methods(methods...)
	}
	if s.Login == nil {
		at("/", s.home, http.MethodGet, http.MethodHead)
	} else {
		s.behindLogin(at)
	}
	at("/links/{token}", s.showLink, http.MethodGet, http.MethodHead)
	at("/links/{token}", s.voteByLink, http.MethodPost)
	at("/links/{token}/evidence/{item}", s.evidenceByLink, http.MethodGet, http.MethodHead)
	root.PathPrefix(s.base+"/static/").Handler(static(s.base)).Methods(http.MethodGet, http.MethodHead)
	at("/api/v1/approvals", s.apiList, http.MethodGet)
	at("/api/v1/namespaces/{namespace}/approvals", s.apiList, http.MethodGet)
	at("/api/v1/namespaces/{namespace}/approvals/{name}", s.apiGet, http.MethodGet)
	at("/api/v1/namespaces/{namespace}/approvals/{name}/votes", s.apiVote, http.MethodPost)
	at("/api/v1/namespaces/{namespace}/approvals/{name}/cancel", s.apiOperate("cancel"), http.MethodPost)
	at("/api/v1/namespaces/{namespace}/approvals/{name}/retry", s.apiOperate("retry"), http.MethodPost)
	at("/api/v1/namespaces/{namespace}/approvals/{name}/rerun", s.apiOperate(rerun), http.MethodPost)
	at("/api/v1/namespaces/{namespace}/approvals/{name}/revoke-link", s.apiOperate(revokeLink), http.MethodPost)
	at("/api/v1/namespaces/{namespace}/approvals/{name}/again", s.apiAgain, http.MethodPost)
	at("/api/v1/namespaces/{namespace}/approvals/{name}/evidence", s.apiEvidence, http.MethodGet)
	at("/api/v1/namespaces/{namespace}/approvals/{name}/evidence/{item}", s.apiEvidenceItem, http.MethodGet, http.MethodHead)
	if s.Uploads != nil {
		at("/api/v1/evidence/{item}", s.apiUpload, http.MethodPost)
		at("/api/v1/namespaces/{namespace}/pipelineruns/{run}/evidence/{item}", s.apiUpload, http.MethodPost)
	}
	at("/api/v1/history", s.apiHistory, http.MethodGet)
	at("/api/v1/record/keys", s.apiRecordKeys, http.MethodGet)
	at("/openapi.yaml", s.apiDescription, http.MethodGet, http.MethodHead)
	if s.Slack != nil {
		at("/slack/interactions", s.Slack.ServeHTTP, http.MethodPost)
	}

	// mux runs no middleware for what no route matches.
	root.NotFoundHandler = s.observe(secure(s.inLanguage(http.HandlerFunc(s.notFound))))
	root.MethodNotAllowedHandler = s.observe(secure(methodNotAllowed(root)))
	return root
}

func static(base string) http.Handler {
	files := http.StripPrefix(base+"/static/", http.FileServerFS(templates.Static))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=3600")
		files.ServeHTTP(w, r)
	})
}

func (s *server) home(w http.ResponseWriter, _ *http.Request) {
	s.problem(w, http.StatusOK, "Countersign", "Open the link in your approval mail to see what is waiting for you.")
}

func (s *server) notFound(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, s.base+"/api/") {
		writeError(w, approvals.Errorf(approvals.CodeNotFound, "this path does not exist: the API is %s/api/v1/namespaces/NAMESPACE/approvals", s.base))
		return
	}
	s.problem(w, http.StatusNotFound, "We can't find that page", "If you came from a mail, open its link again.")
}

func (s *server) crossOrigin(w http.ResponseWriter, _ *http.Request) {
	s.problem(w, http.StatusForbidden, "Your decision was not saved", "It was sent from another site. Open the link in your mail and decide on that page.")
}

func methodNotAllowed(routes *mux.Router) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for _, m := range []string{http.MethodGet, http.MethodHead, http.MethodPost} {
			other, match := r.Clone(r.Context()), mux.RouteMatch{}
			other.Method = m
			if routes.Match(other, &match) && match.MatchErr == nil {
				w.Header().Add("Allow", m)
			}
		}
		writeStatus(w, http.StatusMethodNotAllowed, "method_not_allowed", r.Method+" is not supported here: GET reads, POST to …/votes votes")
	}
}
