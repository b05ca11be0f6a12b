package check

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/test/chaos/history"
)

// object is JSON as it stands in a history.

type object map[string]any

func (o object) get(path ...string) any {
	var at any = map[string]any(o)
	for _, p := range path {
		m := asMap(at)
		if m == nil {
			return nil
		}
		at = m[p]
	}
	return at
}

func asMap(v any) map[string]any {
	switch m := v.(type) {
	case map[string]any:
		return m
	case object:
		return m
	}
	return nil
}

// list is a list of objects, which are o's own.
func (o object) list(path ...string) []any {
	l, _ := o.get(path...).([]any)
	out := slices.Clone(l)
	for i, x := range out {
		if m := asMap(x); m != nil {
			out[i] = object(m)
		}
	}
	return out
}

func (o object) set(v any, path ...string) {
	m := asMap(o.get(path[:len(path)-1]...))
	m[path[len(path)-1]] = v
}

func (o object) remove(path ...string) {
	delete(asMap(o.get(path[:len(path)-1]...)), path[len(path)-1])
}

func (o object) clone() object {
	var out object
	b, _ := json.Marshal(o)
	_ = json.Unmarshal(b, &out)
	return out
}

// unpacked is the stored history in a folder of the test's own.
func unpacked(t *testing.T) string {
	t.Helper()
	z, err := zip.OpenReader(filepath.Join("testdata", "history.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	dir := t.TempDir()
	for _, x := range z.File {
		r, err := x.Open()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(x.Name)), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// forger changes the files of a history.
type forger struct {
	t    *testing.T
	dir  string
	meta history.Meta
	true *history.History // as it was
}

func forge(t *testing.T, dir string, how func(*forger)) {
	t.Helper()
	h, err := history.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	f := &forger{t: t, dir: dir, meta: h.Meta, true: h}
	how(f)
	w, err := history.NewWriter(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.End(f.meta); err != nil {
		t.Fatal(err)
	}
}

func (f *forger) file(name string) string { return filepath.Join(f.dir, name) }

func (f *forger) read(name string) []byte {
	f.t.Helper()
	b, err := os.ReadFile(f.file(name))
	if err != nil && !os.IsNotExist(err) {
		f.t.Fatal(err)
	}
	return b
}

func (f *forger) save(name string, b []byte) {
	f.t.Helper()
	if bytes.Equal(b, f.read(name)) {
		f.t.Fatalf("nothing was changed in %s: the test proves nothing", name)
	}
	if err := os.WriteFile(f.file(name), b, 0o600); err != nil {
		f.t.Fatal(err)
	}
}

func (f *forger) lines(name string, change func([]object) []object) {
	f.t.Helper()
	var all []object
	d := json.NewDecoder(bytes.NewReader(f.read(name)))
	for d.More() {
		var o object
		if err := d.Decode(&o); err != nil {
			f.t.Fatal(err)
		}
		all = append(all, o)
	}
	var out bytes.Buffer
	for _, o := range change(all) {
		if err := json.NewEncoder(&out).Encode(o); err != nil {
			f.t.Fatal(err)
		}
	}
	f.save(name, out.Bytes())
}

func (f *forger) each(name string, change func(object)) {
	f.t.Helper()
	f.lines(name, func(all []object) []object {
		for _, o := range all {
			change(o)
		}
		return all
	})
}

func (f *forger) one(name string, is func(object) bool, change func(object)) {
	f.t.Helper()
	f.lines(name, func(all []object) []object {
		if i := slices.IndexFunc(all, is); i >= 0 {
			change(all[i])
			return all
		}
		f.t.Fatalf("%s has none of these", name)
		return nil
	})
}

func (f *forger) drop(name string, is func(object) bool) {
	f.t.Helper()
	f.lines(name, func(all []object) []object { return slices.DeleteFunc(all, is) })
}

// repeat adds the first of these again, changed.
func (f *forger) repeat(name string, is func(object) bool, change func(object)) {
	f.t.Helper()
	f.lines(name, func(all []object) []object {
		i := slices.IndexFunc(all, is)
		if i < 0 {
			f.t.Fatalf("%s has none of these", name)
		}
		twin := all[i].clone()
		change(twin)
		return append(all, twin)
	})
}

func (f *forger) add(name string, v any) {
	f.t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		f.t.Fatal(err)
	}
	f.save(name, append(f.read(name), append(b, '\n')...))
}

func (f *forger) whole(name string, change func([]object) []object) {
	f.t.Helper()
	var all []object
	if err := json.Unmarshal(f.read(name), &all); err != nil {
		f.t.Fatal(err)
	}
	b, err := json.Marshal(change(all))
	if err != nil {
		f.t.Fatal(err)
	}
	f.save(name, b)
}

// final changes an Approval as it is at the end, and versions as it always was.
func (f *forger) final(name string, change func(object)) {
	f.t.Helper()
	f.whole(history.FinalApprovalsFile, func(all []object) []object {
		for _, a := range all {
			if a.get("metadata", "name") == name {
				change(a)
			}
		}
		return all
	})
}

func (f *forger) versions(name string, change func(object)) {
	f.t.Helper()
	f.each(history.ApprovalsFile, func(x object) {
		if x.get("object", "metadata", "name") == name {
			change(object(asMap(x["object"])))
		}
	})
	for _, a := range f.true.Final {
		if a.Name == name {
			f.whole(history.FinalApprovalsFile, func(all []object) []object {
				before := len(all)
				for _, a := range all {
					if a.get("metadata", "name") == name {
						change(a)
					}
				}
				// So that what a change leaves as it was at the end is no mistake of the test's.
				all[0].set("forged", "apiVersion")
				return all[:before]
			})
		}
	}
}

// log changes the lines that the leader printed.
func (f *forger) log(change func([]string) []string) {
	f.t.Helper()
	files, err := filepath.Glob(f.file(history.LogPrefix + "*" + history.LogOut))
	if err != nil {
		f.t.Fatal(err)
	}
	for _, path := range files {
		name := filepath.Base(path)
		if b := f.read(name); len(b) > 0 {
			f.save(name, []byte(strings.Join(change(strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")), "\n")+"\n"))
		}
	}
}

// approved is an Approval that one vote by token approved, and that has its run.
func (f *forger) approved() string {
	f.t.Helper()
	for _, name := range slices.Sorted(func(yield func(string) bool) {
		for name := range f.true.Final {
			if !yield(name) {
				return
			}
		}
	}) {
		a := f.true.Final[name]
		if a.Spec.Trigger == "single" && a.Status.Outcome == "Approved" && a.Status.Cancellation == nil && len(a.Status.Votes) == 1 && len(f.true.Runs[name]) == 1 && !f.true.Pruned[name] {
			return name
		}
	}
	f.t.Fatal("the stored history has no approval that was approved")
	return ""
}

// told is an Approval that somebody was told of.
func (f *forger) told() string {
	f.t.Helper()
	for name, a := range f.true.Final {
		if slices.ContainsFunc(f.true.Versions[name], func(v history.ApprovalSeen) bool {
			return len(v.Status.Notifications) > 0 && v.Status.Notifications[0].SentAt != nil
		}) && len(a.Status.Notifications) > 0 {
			return name
		}
	}
	f.t.Fatal("the stored history has no approval that somebody was told of")
	return ""
}

func (f *forger) decidedAs(outcome string) string {
	f.t.Helper()
	for name, a := range f.true.Final {
		if string(a.Status.Outcome) == outcome && a.Spec.Trigger == "short" {
			return name
		}
	}
	f.t.Fatalf("the stored history has no approval that is %s", outcome)
	return ""
}

// rejected makes of what was approved something that is called rejected.
func (f *forger) rejected() {
	f.t.Helper()
	f.versions(f.approved(), func(a object) {
		if a.get("status", "outcome") == "Approved" {
			a.set("Rejected", "status", "outcome")
		}
	})
}

func (f *forger) op(is func(history.Op) bool) history.Op {
	f.t.Helper()
	for _, ops := range f.true.Ops {
		for _, o := range ops {
			if is(*o) && slices.Contains([]string{"single", "four"}, f.true.Final[o.Approval].Spec.Trigger) && f.true.Final[o.Approval].Status.Outcome == "Approved" {
				return *o
			}
		}
	}
	f.t.Fatal("the stored history has no such request")
	return history.Op{}
}

// mail is one that says that something was opened, to whom it is for.
func (f *forger) mail() history.Mail {
	f.t.Helper()
	for _, m := range f.true.Mails {
		if token, _, _, _ := LinkOf(m.Text); token != "" {
			return m
		}
	}
	f.t.Fatal("the stored history has no mail with a link")
	return history.Mail{}
}

func (f *forger) ofRun(x object, approval string) bool {
	return x.get("object", "metadata", "labels", history.ApprovalLabel) == approval
}

func (f *forger) param(x object, name string) object {
	f.t.Helper()
	for _, p := range x.list("object", "spec", "params") {
		if p.(object).get("name") == name {
			return p.(object)
		}
	}
	f.t.Fatalf("the run has no param %s", name)
	return nil
}

// later moves a time of an object.
func (f *forger) later(o object, by time.Duration, path ...string) {
	f.t.Helper()
	at, err := time.Parse(time.RFC3339Nano, o.get(path...).(string))
	if err != nil {
		f.t.Fatal(err)
	}
	o.set(at.Add(by).UTC().Format("2006-01-02T15:04:05.000000Z"), path...)
}

// decidedLater moves when an Approval was decided.
func (f *forger) decidedLater(name string, by time.Duration) {
	f.t.Helper()
	f.versions(name, func(a object) {
		if a.get("status", "decidedAt") != nil {
			f.later(a, by, "status", "decidedAt")
		}
	})
}
