package web

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/mux"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/evidence"
	"github.com/countersign-dev/countersign/approvals/evidence/report"
	"github.com/countersign-dev/countersign/templates"
)

const (
	// maxInline bounds the bytes of evidence that one page, or one list of the API, reads. A page
	// has a link to each piece that it does not read.
	maxInline = 8 << 20
	// Evidence is read for so many requests at once: pages are made of it in memory, several
	// times its size, and a download holds it until it is sent. One namespace has its share,
	// so that who opens its pages a hundred times waits for themselves.
	pagesAtOnce, pagesOfOne         = 4, 1
	downloadsAtOnce, downloadsOfOne = 16, 4
	// readingWait bounds the wait of a request for its turn. After that a page has links only, and
	// a download is refused.
	readingWait = 5 * time.Second
)

// Evidence reads the bytes of evidence.
type Evidence interface {
	// Read returns the bytes of one item, which have the approved SHA-256. It returns CodeNotFound
	// when there are none, and CodeConflict for other bytes than those that are approved.
	Read(ctx context.Context, a approvals.Approval, name string) (evidence.Item, []byte, error)
}

// Uploads takes evidence from pods.
type Uploads interface {
	// Upload keeps data when token is that of a pod of that PipelineRun, or of any when none
	// is named. created is false for bytes that were there before.
	Upload(ctx context.Context, namespace, run, name, token string, data []byte) (item evidence.Item, created bool, err error)
}

type evidenceView struct {
	Name    string `json:"name"`
	From    string `json:"from"`
	Format  string `json:"format,omitempty"`
	State   string `json:"state"`
	SHA256  string `json:"sha256,omitempty"`
	Size    int64  `json:"size"`
	Message string `json:"message,omitempty"`
	// Summary has the form of the Approval's own summary.
	Summary map[string]any `json:"summary,omitempty"`
}

// evidenceList is all evidence of an Approval.
type evidenceList struct {
	Items []evidenceView `json:"items"`
}

func evidenceViewOf(i evidence.Item) evidenceView {
	return evidenceView{Name: i.Name, From: string(i.Kind), Format: string(i.Format), State: string(i.State), SHA256: i.SHA256, Size: i.Size, Message: i.Message, Summary: summaryOf(i.Summary)}
}

// isUpload reports whether a path is one that evidence is sent to.
func isUpload(path string) bool {
	_, rest, ok := strings.Cut(path, "/api/v1/")
	_, ofRun, named := strings.Cut(rest, "/pipelineruns/")
	return ok && (strings.HasPrefix(rest, "evidence/") || named && strings.Contains(ofRun, "/evidence/"))
}

// apiUpload takes a piece of evidence from a pod, whose token proves it.
func (s *server) apiUpload(w http.ResponseWriter, r *http.Request) {
	token, err := bearer(r)
	if err != nil {
		s.fail(w, err)
		return
	}
	v := mux.Vars(r)
	data, err := io.ReadAll(io.LimitReader(r.Body, evidence.MaxSize+1))
	if err != nil {
		s.fail(w, approvals.Errorf(approvals.CodeInvalid, "the whole body could not be read; nothing was stored"))
		return
	}
	if len(data) > evidence.MaxSize {
		writeStatus(w, http.StatusRequestEntityTooLarge, string(approvals.CodeInvalid), "evidence may have up to "+evidence.Bytes(evidence.MaxSize)+"; nothing was stored")
		return
	}
	item, created, err := s.Uploads.Upload(r.Context(), v["namespace"], v["run"], v["item"], token, data)
	if err != nil {
		s.fail(w, err)
		return
	}
	s.proves(r)
	status := http.StatusOK
	if created {
		status = http.StatusCreated
		s.Log.Info("evidence uploaded", "object", item.Object, "bytes", len(data), "sha256", item.SHA256)
	}
	writeJSON(w, status, evidenceViewOf(item))
}

// apiEvidence lists what people decide on.
func (s *server) apiEvidence(w http.ResponseWriter, r *http.Request) {
	a, ok := s.apiFound(w, r)
	if !ok {
		return
	}
	items := []evidenceView{}
	of, leave := s.evidenceOf(r.Context(), a, "")
	defer leave()
	for _, e := range of {
		items = append(items, evidenceViewOf(e.Item))
	}
	writeJSON(w, http.StatusOK, evidenceList{items})
}

// apiEvidenceItem gives the bytes of one.
func (s *server) apiEvidenceItem(w http.ResponseWriter, r *http.Request) {
	a, ok := s.apiFound(w, r)
	if !ok {
		return
	}
	s.send(w, r, a, s.fail)
}

func (s *server) apiFound(w http.ResponseWriter, r *http.Request) (approvals.Approval, bool) {
	id, err := s.authenticate(r)
	if err != nil {
		s.fail(w, err)
		return approvals.Approval{}, false
	}
	a, _, err := s.found(r.Context(), keyOf(r), id)
	if err != nil {
		s.fail(w, err)
		return a, false
	}
	return a, true
}

// evidenceByLink gives the bytes to the owner of a mailed link.
func (s *server) evidenceByLink(w http.ResponseWriter, r *http.Request) {
	if _, a, ok := s.byLink(w, r); ok {
		s.send(w, r, a, s.fails)
	}
}

// evidenceLoggedIn gives the bytes to somebody who has logged in.
func (s *server) evidenceLoggedIn(w http.ResponseWriter, r *http.Request) {
	if _, a, ok := s.byLogin(w, r); ok {
		s.send(w, r, a, s.fails)
	}
}

// send answers with the bytes of one item of a.
func (s *server) send(w http.ResponseWriter, r *http.Request, a approvals.Approval, fail func(http.ResponseWriter, error)) {
	leave, err := s.downloads.Enter(r.Context(), a.Namespace)
	if err != nil {
		fail(w, err)
		return
	}
	defer leave() // the server's WriteTimeout bounds how long a reader may take
	item, data, err := s.read(r.Context(), a, mux.Vars(r)["item"])
	if err != nil {
		fail(w, err)
		return
	}
	text, hidden, err := s.masked(r.Context(), a.Namespace, item, data)
	if err != nil {
		fail(w, err)
		return
	}
	raw(w, r, item, text, hidden)
}

// masked returns data without the secrets of a plan, as the page shows it, and their number. It waits
// for a turn, as a page does, unless it is clear that there is nothing to leave out.
func (s *server) masked(ctx context.Context, namespace string, item evidence.Item, data []byte) (text string, hidden int, err error) {
	if text = string(data); report.MasksNothing(report.Format(item.Format), text) {
		return text, 0, nil
	}
	leave, err := s.pages.Enter(ctx, namespace)
	if err != nil {
		return "", 0, err
	}
	defer leave()
	text, hidden = report.Mask(report.Format(item.Format), text)
	return text, hidden, nil
}

func (s *server) read(ctx context.Context, a approvals.Approval, name string) (evidence.Item, []byte, error) {
	if s.Evidence == nil {
		return evidence.Item{}, nil, approvals.Errorf(approvals.CodeNotFound, "this service keeps no evidence")
	}
	return s.Evidence.Read(ctx, a, name)
}

// sandboxed is of bytes that a pipeline made: whatever a browser takes them for, nothing of
// them runs, and nothing is loaded.
const sandboxed = "default-src 'none'; sandbox; frame-ancestors 'none'"

// raw answers with text that is nobody's page: as plain text, or as a file. Where secrets are
// left out, the SHA-256 is still that of all.
func raw(w http.ResponseWriter, r *http.Request, item evidence.Item, text string, hidden int) {
	h := w.Header()
	h.Set("Content-Security-Policy", sandboxed)
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Evidence-Sha256", item.SHA256)
	if hidden > 0 {
		h.Set("X-Evidence-Masked", strconv.Itoa(hidden))
	}
	h.Set("Content-Length", strconv.Itoa(len(text)))
	if r.URL.Query().Has("download") {
		h.Set("Content-Disposition", `attachment; filename="`+item.Name+`"`) // a name has letters, digits, '.', '_' and '-' alone
	}
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = io.WriteString(w, text) //nolint:gosec // as plain text, of which no browser runs anything
	}
}

// evidenceItems are a's, without their bytes.
func evidenceItems(a approvals.Approval) []templates.Evidence {
	if a.Resolved == nil {
		return nil
	}
	var out []templates.Evidence
	for _, i := range a.Resolved.Evidence {
		out = append(out, templates.Evidence{Item: i})
	}
	return out
}

// mayBeLate reports whether i may have come after people began to decide, which takes a read to
// know.
func mayBeLate(i evidence.Item) bool {
	return i.State == evidence.Missing && i.Kind == evidence.Upload
}

// evidenceOf returns a's evidence with its bytes, after comparison with the approved SHA-256. at is
// the path of the page that shows it, "" for no links. The caller must call leave when it does not
// need the bytes any more, so that the next request gets its turn.
func (s *server) evidenceOf(ctx context.Context, a approvals.Approval, at string) (out []templates.Evidence, leave func()) {
	out, leave = evidenceItems(a), func() {}
	var turn error // not to be had
	if slices.ContainsFunc(out, func(e templates.Evidence) bool { return e.Item.State == evidence.Present || mayBeLate(e.Item) }) {
		var entered func()
		if entered, turn = s.pages.Enter(ctx, a.Namespace); turn == nil {
			leave = entered
		}
	}
	left := int64(maxInline)
	for n := range out {
		e := &out[n]
		if mayBeLate(e.Item) && turn == nil {
			if now, _, err := s.read(ctx, a, e.Item.Name); approvals.CodeOf(err) == approvals.CodeNotFound && now.State == evidence.Late {
				e.Item = now
			}
		}
		if e.Item.State != evidence.Present {
			continue
		}
		if at != "" {
			e.Link = at + "/evidence/" + url.PathEscape(e.Item.Name)
		}
		if turn != nil {
			e.Item.Message, e.Unread = approvals.Message(turn), true
			continue
		}
		if left -= e.Item.Size; left < 0 {
			e.Item.Message, e.Unread = "it is too large to show on this page: open it on its own", true
			continue
		}
		_, data, err := s.read(ctx, a, e.Item.Name)
		switch approvals.CodeOf(err) {
		case "":
			e.Text = string(data)
		case approvals.CodeConflict:
			e.Item.State, e.Item.Message, e.Link = evidence.Changed, approvals.Message(err), ""
		case approvals.CodeNotFound:
			e.Item.State, e.Item.Message, e.Link = evidence.Missing, approvals.Message(err), ""
		default:
			s.logInternal(err)
			e.Item.Message, e.Unread = approvals.Message(err), true
		}
	}
	return out, leave
}
