package web

import (
	"cmp"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/record"
	"github.com/countersign-dev/countersign/templates"
)

// maxBack bounds the address that a login remembers.
const maxBack = 1024

// Login proves people who use a browser.
type Login interface {
	// Who returns the identity that a request proves, and CodeUnauthenticated when it proves none.
	Who(r *http.Request) (approvals.Identity, error)
	// Begin returns the provider's page to go to, which leads to Finish.
	Begin(w http.ResponseWriter, r *http.Request, back string) (string, error)
	// Finish begins a session and returns what Begin was given, on an error too when
	// that is known.
	Finish(w http.ResponseWriter, r *http.Request) (back string, err error)
	// End ends the session.
	End(w http.ResponseWriter)
}

// behindLogin adds the pages that are for people who have logged in.
func (s *server) behindLogin(at func(path string, h http.HandlerFunc, methods ...string)) {
	at("/", s.board, http.MethodGet, http.MethodHead)
	at("/mine", s.mine, http.MethodGet, http.MethodHead)
	at("/decide", s.reviewBulk, http.MethodGet, http.MethodHead)
	at("/decide", s.decideBulk, http.MethodPost)
	at("/history", s.showHistory, http.MethodGet, http.MethodHead)
	at("/history.csv", s.takeHistory(record.CSV), http.MethodGet)
	at("/history.jsonl", s.takeHistory(record.JSONL), http.MethodGet)
	at("/operations", s.operations, http.MethodGet, http.MethodHead)
	if s.Changes != nil {
		at("/events", s.events, http.MethodGet)
	}
	at("/approvals/{namespace}/{name}", s.showApproval, http.MethodGet, http.MethodHead)
	at("/approvals/{namespace}/{name}", s.voteLoggedIn, http.MethodPost)
	at("/approvals/{namespace}/{name}/evidence/{item}", s.evidenceLoggedIn, http.MethodGet, http.MethodHead)
	at("/login", s.login, http.MethodGet)
	at("/callback", s.callback, http.MethodGet)
	at("/logout", s.askLogout, http.MethodGet, http.MethodHead)
	at("/logout", s.logout, http.MethodPost)
}

// person authenticates the caller of a page. When nobody is signed in it answers the request
// and returns false: a GET goes to the login and comes back.
func (s *server) person(w http.ResponseWriter, r *http.Request) (approvals.Identity, bool) {
	id, err := s.Login.Who(r)
	switch {
	case err == nil:
		s.proves(r)
		return id, true
	case approvals.CodeOf(err) != approvals.CodeUnauthenticated:
		s.logInternal(err)
		s.say(w, statusOf(approvals.CodeOf(err)), templates.Problem{
			Status: statusOf(approvals.CodeOf(err)), Title: "We couldn't verify who you are", Message: approvals.Message(err),
		})
	case r.Method == http.MethodGet && r.URL.RawQuery != "" && slices.Contains([]string{"/", "/history", "/operations"}, strings.TrimPrefix(r.URL.Path, s.base)):
		// From the page's own form, maybe: browsers hold redirects to form-action too,
		// and the provider is another site. A page that goes on by itself is none.
		to := s.loginPath(r.URL.RequestURI())
		w.Header().Set("Refresh", "0; url="+to)
		s.say(w, http.StatusUnauthorized, templates.Problem{Title: "Sign in", Message: "You are being redirected to sign in.", Link: to, LinkText: "Sign in"})
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		redirect(w, r, s.loginPath(r.URL.RequestURI()))
	default:
		s.lost(w, r)
	}
	return approvals.Identity{}, false
}

// lost answers a vote without a session. A redirect would come back as a GET, and
// the person would believe that it was recorded.
func (s *server) lost(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	_ = r.ParseForm() // what can be read of what was typed is given back
	s.say(w, http.StatusUnauthorized, templates.Problem{
		Status: http.StatusUnauthorized, Title: "You've been signed out",
		Message: "Your decision was not saved. Here is your comment; copy it before you sign in again.",
		Quote:   cmp.Or(r.PostForm.Get("comment"), r.PostForm.Get("reason")), Link: s.loginPath(r.URL.EscapedPath()), LinkText: "Sign in again",
	})
}

func (s *server) loginPath(back string) string {
	return s.base + "/login?back=" + url.QueryEscape(s.local(back))
}

// local is back when it is a page of ours, else the board: a login must lead
// nowhere else, anyone who made the link to it.
func (s *server) local(back string) string {
	home := s.base + "/"
	u, err := url.Parse(back)
	if err != nil || len(back) > maxBack || u.IsAbs() || u.Host != "" || u.User != nil || u.Opaque != "" || strings.Contains(back, "\\") {
		return home
	}
	rest, ours := strings.CutPrefix(u.Path, home)
	if !ours || strings.Contains(u.Path, "\\") || path.Clean(u.Path) != strings.TrimSuffix(u.Path, "/") && u.Path != "/" ||
		slices.Contains([]string{"login", "callback", "logout"}, rest) {
		return home
	}
	return (&url.URL{Path: u.Path, RawPath: u.RawPath, RawQuery: u.RawQuery}).RequestURI()
}

// redirect goes to what local or the login gave, and to nothing else.
func redirect(w http.ResponseWriter, r *http.Request, to string) {
	http.Redirect(w, r, to, http.StatusSeeOther) //nolint:gosec // see above
}

func (s *server) login(w http.ResponseWriter, r *http.Request) {
	back := s.local(r.URL.Query().Get("back"))
	to, err := s.Login.Begin(w, r, back)
	if err != nil {
		s.logInternal(err)
		status := statusOf(approvals.CodeOf(err))
		s.say(w, status, templates.Problem{
			Status: status, Title: "Sign-in is unavailable right now", Message: approvals.Message(err), Link: s.loginPath(back), LinkText: "Try again",
		})
		return
	}
	redirect(w, r, to)
}

func (s *server) callback(w http.ResponseWriter, r *http.Request) {
	back, err := s.Login.Finish(w, r)
	if err != nil {
		// Anyone who runs the provider looks for the cause here.
		s.Log.Info("login refused", "code", string(approvals.CodeOf(err)), "error", err.Error())
		status := statusOf(approvals.CodeOf(err))
		s.say(w, status, templates.Problem{
			Status: status, Title: "You are not signed in", Message: approvals.Message(err), Link: s.loginPath(back), LinkText: "Sign in again",
		})
		return
	}
	redirect(w, r, s.local(back))
}

// askLogout offers the button: a link must not end a session, anyone who follows it.
func (s *server) askLogout(w http.ResponseWriter, _ *http.Request) {
	s.say(w, http.StatusOK, templates.Problem{
		Title: "Sign out?", Message: "Your decisions stay as they are.", Post: s.base + "/logout", PostText: "Sign out",
	})
}

func (s *server) logout(w http.ResponseWriter, _ *http.Request) {
	s.Login.End(w)
	s.say(w, http.StatusOK, templates.Problem{
		Title:   "You are signed out",
		Message: "You may still be signed in at your identity provider. Sign out there too on a shared computer.",
		Link:    s.loginPath(""), LinkText: "Sign in again",
	})
}

// showApproval shows one Approval to somebody who has logged in.
func (s *server) showApproval(w http.ResponseWriter, r *http.Request) {
	if id, a, ok := s.byLogin(w, r); ok {
		s.page(w, http.StatusOK, s.behind(r, a, id), r)
	}
}

func (s *server) voteLoggedIn(w http.ResponseWriter, r *http.Request) {
	id, a, ok := s.byLogin(w, r)
	if !ok {
		return
	}
	d := s.behind(r, a, id)
	// The vote is for the Approval whose page was read. Another one may have its name by now.
	if r.URL.Query().Get("uid") != a.UID {
		d.Trouble = "This approval has changed since you opened its page. Read it again and decide."
		s.page(w, http.StatusConflict, d, r)
		return
	}
	if !s.form(w, r, d) {
		return
	}
	act := s.vote
	if r.PostForm.Has("operate") {
		act = s.operate
	}
	act(w, r, a.Key, id, d, func(a approvals.Approval) templates.Data { return s.behind(r, a, id) })
}

func (s *server) behind(r *http.Request, a approvals.Approval, id approvals.Identity) templates.Data {
	d := s.showTo(a, id)
	operator := s.operator(r.Context(), a, id)
	d.Session, d.Chain, d.Operator, d.Links = true, s.chain(r.Context(), a, id), operator, linksOf(a, id, operator)
	return d
}

// byLogin finds the Approval that a person asks for and may see. It returns false after it has
// answered the request itself.
func (s *server) byLogin(w http.ResponseWriter, r *http.Request) (approvals.Identity, approvals.Approval, bool) {
	id, ok := s.person(w, r)
	if !ok {
		return id, approvals.Approval{}, false
	}
	a, id, err := s.found(r.Context(), keyOf(r), id)
	if err != nil {
		s.logInternal(err)
		s.problem(w, statusOf(approvals.CodeOf(err)), "We can't show this", approvals.Message(err))
		return id, a, false
	}
	return id, a, true
}
