package web

import (
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gorilla/mux"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/overview"
)

// maxLimit bounds the Approvals on one page of the API; there are defaultLimit unless it is asked for another number.
const maxLimit, defaultLimit = 1000, 100

// voteRequest is the body of POST …/votes.
type voteRequest struct {
	Vote       approvals.Verdict `json:"vote"`
	Comment    string            `json:"comment"`
	Inputs     map[string]string `json:"inputs"`
	BreakGlass bool              `json:"breakGlass"`
	ID         string            `json:"id"` // of a comment without a vote: the same again is the same comment
}

func (q voteRequest) ballot(id approvals.Identity) approvals.Ballot {
	b := approvals.Ballot{Voter: id, Verdict: q.Vote, Comment: q.Comment, BreakGlass: q.BreakGlass, ID: q.ID}
	for _, name := range slices.Sorted(maps.Keys(q.Inputs)) {
		b.Inputs = append(b.Inputs, approvals.Param{Name: name, Value: q.Inputs[name]})
	}
	return b
}

func (s *server) apiVote(w http.ResponseWriter, r *http.Request) {
	id, err := s.authenticate(r)
	if err != nil {
		s.fail(w, err)
		return
	}
	var req voteRequest
	if err := decode(w, r, &req); err != nil {
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			writeStatus(w, http.StatusRequestEntityTooLarge, string(approvals.CodeInvalid), "the body is too large; your vote was not counted")
			return
		}
		writeError(w, approvals.Errorf(approvals.CodeInvalid,
			`the body is not {"vote":"approve|reject|withdraw|comment|needs-changes","comment":"…","inputs":{…}}: %v; nothing was recorded`, err))
		return
	}
	key := keyOf(r)
	a, did, err := s.Desk.Vote(r.Context(), key, req.ballot(id))
	if err != nil {
		s.fail(w, s.hide(r.Context(), key, id, req.BreakGlass, err))
		return
	}
	status := http.StatusCreated
	if did == approvals.NoChange {
		status = http.StatusOK
	}
	writeJSON(w, status, s.viewTo(a, id))
}

func (s *server) apiGet(w http.ResponseWriter, r *http.Request) {
	id, err := s.authenticate(r)
	if err != nil {
		s.fail(w, err)
		return
	}
	a, id, err := s.found(r.Context(), keyOf(r), id)
	if err != nil {
		s.fail(w, err)
		return
	}
	writeJSON(w, http.StatusOK, s.viewTo(a, id))
}

// asked reports whether id is a's requester. For service accounts only RBAC decides what they
// see.
func asked(a approvals.Approval, id approvals.Identity) bool {
	return id.AuthMethod == approvals.AuthLogin && approvals.IsRequester(a, id)
}

// apiList lists what the caller may see, the newest first: everything with the right
// to list, else what the caller may decide. ?outcome=Pending keeps one outcome.
func (s *server) apiList(w http.ResponseWriter, r *http.Request) {
	id, err := s.authenticate(r)
	if err != nil {
		s.fail(w, err)
		return
	}
	items, next, err := s.pageOf(r, id)
	if err != nil {
		s.fail(w, err)
		return
	}
	writeJSON(w, http.StatusOK, listView{items, next})
}

// pageOf is the page of the list that r asks for, and the cursor of the one after.
func (s *server) pageOf(r *http.Request, id approvals.Identity) ([]view, string, error) {
	limit, after, err := pageAsked(r.URL.Query())
	if err != nil {
		return nil, "", err
	}
	ctx, v, namespace := r.Context(), s.viewer(id), mux.Vars(r)["namespace"]
	all, err := s.rights.mayList(ctx, v.who, id, namespace)
	if err != nil {
		return nil, "", err
	}
	there, err := s.Overview.Snapshot(ctx)
	if err != nil {
		return nil, "", err
	}
	outcome := approvals.Outcome(r.URL.Query().Get("outcome"))
	list := there.In(namespace).All
	if !all {
		if list, err = v.ownOf(ctx, there.Classes(namespace)); err != nil {
			return nil, "", err
		}
	}
	list = keep(list, func(e *overview.Entry) bool { return outcome == "" || e.Outcome == outcome })
	newestFirst.sort(list)
	page, _, next := lists{list}.cut(newestFirst, after, limit)
	if err := v.prove(ctx, page); err != nil {
		return nil, "", err
	}
	items := []view{}
	for _, e := range page {
		id, err := v.proved(ctx, e.Approval)
		if err != nil {
			return nil, "", err
		}
		items = append(items, s.viewTo(e.Approval, id))
	}
	return items, next, nil
}

// pageAsked parses limit and cursor. The error is CodeInvalid.
func pageAsked(values url.Values) (limit int, after *mark, err error) {
	limit = defaultLimit
	if s := values.Get("limit"); s != "" {
		if limit, err = strconv.Atoi(s); err != nil || limit < 1 || limit > maxLimit {
			return 0, nil, approvals.Errorf(approvals.CodeInvalid, "limit is %q: use 1 to %d", approvals.Cut(s, approvals.MaxQuoted), maxLimit)
		}
	}
	after, err = parseMark(values.Get("cursor"))
	return limit, after, err
}

func (s *server) authenticate(r *http.Request) (approvals.Identity, error) {
	token, err := bearer(r)
	if err != nil {
		return approvals.Identity{}, err
	}
	id, err := s.Auth.Authenticate(r.Context(), token)
	if err == nil {
		s.proves(r)
	}
	return id, err
}

func bearer(r *http.Request) (string, error) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "bearer") || token == "" {
		return "", approvals.Errorf(approvals.CodeUnauthenticated,
			`send a Kubernetes token: curl -H "Authorization: Bearer $(kubectl create token NAME)" …`)
	}
	return token, nil
}

func (s *server) fail(w http.ResponseWriter, err error) {
	s.logInternal(err)
	writeError(w, err)
}

func keyOf(r *http.Request) approvals.Key {
	v := mux.Vars(r)
	return approvals.Key{Namespace: v["namespace"], Name: v["name"]}
}
