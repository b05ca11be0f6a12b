package templates

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestGolden compares every preview, page and mail, with its golden file.
func TestGolden(t *testing.T) {
	s := newSet(t)
	wanted := map[string]bool{}
	for _, p := range Previews() {
		files := map[string]string{p.Name + ".html": page(t, s, p.Data)}
		if p.Data.Decidable && !p.Data.Session { // others are sent no request
			m := mail(t, s, p.Data)
			files[p.Name+".mail.html"] = m.HTML
			files[p.Name+".mail.txt"] = "Subject: " + m.Subject + "\n\n" + m.Text
		}
		if p.Data.Approval.Decided() {
			m, err := s.Outcome(p.Data)
			if err != nil {
				t.Fatal(err)
			}
			files[p.Name+".outcome.txt"] = "Subject: " + m.Subject + "\n\n" + m.Text
			files[p.Name+".outcome.mail.html"] = m.HTML
		}
		if p.Data.Approval.RunEnd != nil {
			m, err := s.RunEnded(p.Data)
			if err != nil {
				t.Fatal(err)
			}
			files[p.Name+".run.mail.html"], files[p.Name+".run.txt"] = m.HTML, "Subject: "+m.Subject+"\n\n"+m.Text
		}
		if len(p.Data.Approval.Discussion) > 0 && !p.Data.Approval.Decided() {
			m, err := s.Comment(p.Data)
			if err != nil {
				t.Fatal(err)
			}
			files[p.Name+".comment.mail.html"], files[p.Name+".comment.txt"] = m.HTML, "Subject: "+m.Subject+"\n\n"+m.Text
		}
		for name, got := range files {
			wanted[name] = true
			golden(t, name, got)
		}
	}
	for _, p := range ListPreviews() {
		wanted[p.Name+".html"] = true
		golden(t, p.Name+".html", listPage(t, s, p.List))
	}
	for _, p := range BulkPreviews() {
		wanted[p.Name+".html"] = true
		golden(t, p.Name+".html", bulkPage(t, s, p.Bulk))
	}
	for _, p := range HistoryPreviews() {
		wanted[p.Name+".html"] = true
		golden(t, p.Name+".html", historyPage(t, s, p.History))
	}
	for _, p := range OperationsPreviews() {
		wanted[p.Name+".html"] = true
		golden(t, p.Name+".html", operationsPage(t, s, p.Operations))
	}
	wanted["problem.html"], wanted["logged-out.html"], wanted["cards.txt"] = true, true, true
	wanted["pending.reminder.txt"], wanted["pending.escalated.txt"] = true, true
	golden(t, "problem.html", problemPage(t, s))
	golden(t, "logged-out.html", loggedOutPage(t, s))

	files, err := os.ReadDir(filepath.Join("testdata", "golden"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !f.IsDir() && !wanted[f.Name()] {
			t.Errorf("testdata/golden/%s belongs to no preview: delete it", f.Name())
		}
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", "golden", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v (run: go test ./templates -update)", err)
	}
	if got != string(want) {
		t.Errorf("%s differs from its golden file in line %s\nread the difference, then: go test ./templates -update", name, firstDifference(got, string(want)))
	}
}

func newSet(t testing.TB) *Set {
	t.Helper()
	s, err := New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func page(t testing.TB, s *Set, d Data) string {
	t.Helper()
	var b bytes.Buffer
	if err := s.Approval(&b, d); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func mail(t testing.TB, s *Set, d Data) Mail {
	t.Helper()
	m, err := s.Mail(d)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func problemPage(t testing.TB, s *Set) string {
	t.Helper()
	var b bytes.Buffer
	p := Problem{Status: 410, Title: "This link has expired", Message: "It was valid until Thu 5 Nov 2026, 12:03 UTC.\nOpen the newest mail about this approval, or ask \u202efor a new one.", Base: "/countersign"}
	if err := s.Problem(&b, p); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func listPage(t testing.TB, s *Set, l List) string {
	t.Helper()
	var b bytes.Buffer
	if err := s.List(&b, l); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func bulkPage(t testing.TB, s *Set, l Bulk) string {
	t.Helper()
	var b bytes.Buffer
	if err := s.Bulk(&b, l); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func historyPage(t testing.TB, s *Set, h History) string {
	t.Helper()
	var b bytes.Buffer
	if err := s.History(&b, h); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func operationsPage(t testing.TB, s *Set, o Operations) string {
	t.Helper()
	var b bytes.Buffer
	if err := s.Operations(&b, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// loggedOutPage has everything that such a page can have.
func loggedOutPage(t testing.TB, s *Set) string {
	t.Helper()
	var b bytes.Buffer
	p := Problem{
		Status: 401, Title: "You've been signed out", Message: "Your decision was not saved. Here is your comment:", Quote: "Looks <b>good</b>,\nship it.\u202e",
		Link: "/login?back=%2F", LinkText: "Sign in again", Post: "/logout", PostText: "Sign out",
	}
	if err := s.Problem(&b, p); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
