//go:build e2e

package e2e

import (
	"bufio"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals/record"
	"github.com/countersign-dev/countersign/test/cluster"
)

// The kinds of lines of an Approval whose run was started, and of one that was deleted
// while it waited.
var (
	wholeLife = []record.Kind{record.Opened, record.Resolved, record.Voted, record.Decided, record.Released}
	cutShort  = []record.Kind{record.Opened, record.Resolved, record.Decided, record.Removed}
)

// keeper is a service that keeps its record in a file, and what is before it.
type keeper struct {
	*cluster.Env
	t     *testing.T
	p     *cluster.Process
	file  string
	user  string
	token string
	runs  *int // of part 1 so far
}

// keeping starts, in the place of the deployed service (standIn), one that keeps its record in dir, and whose Gate has gate (YAML)
// beside its one approver.
func keeping(t *testing.T, dir, gate string) *keeper {
	t.Helper()
	k := &keeper{Env: cluster.New(t), t: t, file: filepath.Join(dir, "record.db"), runs: new(int)}
	k.user, k.token = k.Token("approver")
	k.Apply(cluster.Gate("gate", k.user, gate))
	k.Apply(cluster.Gated("deploy", "gate", ""))
	k.ListenerURL("deploy")
	k.p = serviceProcess(t, k.Env, "record: {sqlite: {path: '"+k.file+"'}}")
	k.p.Start(k.Env)
	return k
}

// finish has another run of part 1 succeed, which asks for an approval.
func (k *keeper) finish() string {
	k.t.Helper()
	*k.runs++
	name := fmt.Sprintf("part-1-%d", *k.runs)
	k.Part1(name, "7")
	return name
}

// pending is the name of a new Approval that can be voted on.
func (k *keeper) pending() string {
	k.t.Helper()
	run, name := k.finish(), ""
	k.Eventually(time.Minute, "the Approval after "+run, func() error {
		for _, a := range k.Approvals() {
			if r := a.Spec.Source.PipelineRun; r != nil && r.Name == run && a.Spec.Resolved != nil {
				name = a.Name
				return nil
			}
		}
		return fmt.Errorf("not among %d", len(k.Approvals()))
	})
	return name
}

func (k *keeper) vote(name string) cluster.Answer {
	k.t.Helper()
	return k.VoteAt("http://"+cluster.NodeAddress+":18080", name, k.token, "approve", "ship it")
}

// alive starts the process again when it does not run, as anyone who supervises it would.
func (k *keeper) alive() {
	k.t.Helper()
	if !k.p.Running() {
		k.p.Start(k.Env)
	}
}

func (k *keeper) restart() {
	k.t.Helper()
	k.p.Kill()
	k.p.Start(k.Env)
}

// delete deletes an Approval, as somebody does who has the right to, and the run of part
// 1 before it: that one would ask anew.
func (k *keeper) delete(name string) {
	k.t.Helper()
	a := k.Approval(name)
	run := &pipelinev1.PipelineRun{ObjectMeta: metav1.ObjectMeta{Namespace: k.NS, Name: a.Spec.Source.PipelineRun.Name}}
	for _, o := range []client.Object{run, a} {
		if err := k.Delete(k.t.Context(), o); err != nil {
			k.t.Fatal(err)
		}
	}
}

// gone waits until an Approval is no longer in the cluster.
func (k *keeper) gone(name string) {
	k.t.Helper()
	k.Eventually(2*time.Minute, "approval "+name+" to be gone", func() error {
		k.alive()
		var a v1alpha1.Approval
		err := k.Get(k.t.Context(), types.NamespacedName{Namespace: k.NS, Name: name}, &a)
		if apierrors.IsNotFound(err) {
			return nil
		}
		return errors.Join(err, fmt.Errorf("deleted at %v, kept by %v", a.DeletionTimestamp, a.Finalizers))
	})
}

// lines returns the lines of the audit log about an Approval, by countersign export.
func (k *keeper) lines(name string) []record.Line {
	k.t.Helper()
	var out []record.Line
	in := bufio.NewScanner(strings.NewReader(k.p.Tool(k.Env, "export", "--format=jsonl", "--namespace="+k.NS, "--approval="+name)))
	in.Buffer(nil, record.MaxLine+1)
	for in.Scan() {
		var l record.Line
		if err := json.Unmarshal(in.Bytes(), &l); err != nil {
			k.t.Fatal(err)
		}
		out = append(out, l)
	}
	return out
}

func kindsOf(lines []record.Line) []record.Kind {
	var out []record.Kind
	for _, l := range lines {
		out = append(out, l.Kind)
	}
	return out
}

// has waits until the record has lines of exactly these kinds of an Approval, in their
// order, and returns them.
func (k *keeper) has(name string, want ...record.Kind) []record.Line {
	k.t.Helper()
	var lines []record.Line
	k.Eventually(2*time.Minute, "the record of "+name, func() error {
		k.alive()
		lines = k.lines(name)
		if got := kindsOf(lines); !slices.Equal(got, want) {
			return fmt.Errorf("%v, want %v", got, want)
		}
		return nil
	})
	return lines
}

// released waits until part 2 was seen, and says that there is one.
func (k *keeper) released(name string) {
	k.t.Helper()
	k.Eventually(2*time.Minute, "the confirmed release of "+name, func() error {
		k.alive()
		if a := k.Approval(name); a.Status.SecondRun == nil {
			return fmt.Errorf("outcome %s, conditions %v", a.Status.Outcome, a.Status.Conditions)
		}
		return nil
	})
	n := 0
	for _, r := range k.Runs("deploy") {
		if r.Labels["approval"] == name {
			n++
		}
	}
	if n != 1 {
		k.t.Errorf("%d runs of %s, want 1", n, name)
	}
}

// whole fails the test unless countersign verify finds nothing wrong, in at least one line, and a
// signature.
func (k *keeper) whole() {
	k.t.Helper()
	if out := k.p.Tool(k.Env, "verify"); !strings.HasPrefix(out, "ok: ") || strings.HasPrefix(out, "ok: 0 ") || !strings.Contains(out, "\nsigned by key ") {
		k.t.Errorf("verify: %s", out)
	}
}

// All of an Approval's life is in the record, which outlives it, and is whole.
func TestRecordTellsAWholeLife(t *testing.T) {
	standIn(t, cluster.New(t))
	k := keeping(t, t.TempDir(), "")
	k.Apply(`
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: readers}
rules: [{apiGroups: [countersign.dev], resources: [approvals], verbs: [get, list]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: readers}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: readers}
subjects: [{kind: ServiceAccount, name: approver}]`)
	name := k.pending()
	if f := k.Approval(name).Finalizers; !slices.Contains(f, v1alpha1.RecordFinalizer) {
		t.Errorf("finalizers %v", f)
	}
	taken(t, k.vote(name), `"outcome": "Approved"`)
	k.released(name)
	lines := k.has(name, wholeLife...)
	if l := lines[2]; l.Person != k.user || l.Verdict != "approve" || l.Comment != "ship it" || l.AuthMethod != "Token" || l.CredentialID == "" {
		t.Errorf("the vote: %+v", l)
	}
	if l := lines[3]; l.Outcome != "Approved" || !slices.Equal(l.People, []string{k.user}) || l.Digest != k.Approval(name).Spec.Resolved.Digest {
		t.Errorf("the outcome: %+v", l)
	}
	if l := lines[4]; l.SecondRun != k.Approval(name).Status.SecondRun.Name {
		t.Errorf("the run: %+v", l)
	}
	k.whole()

	k.delete(name)
	k.gone(name)
	k.has(name, append(slices.Clone(wholeLife), record.Removed)...)
	k.restart() // which begins with what is in the cluster, and that has nothing to add
	k.has(name, append(slices.Clone(wholeLife), record.Removed)...)
	if got := k.history(name); got != len(wholeLife)+1 {
		t.Errorf("the API has %d lines", got)
	}
	k.whole()

	t.Run("a service without a store lets go what one with a store has opened", func(t *testing.T) {
		e := k.For(t)
		left := k.pending()
		k.p.Kill()
		k.delete(left)
		p := serviceProcess(t, e)
		p.Start(e)
		k := *k
		k.Env, k.t, k.p = e, t, p
		k.gone(left)
	})
}

// history counts the lines of an Approval that the API knows.
func (k *keeper) history(name string) int {
	k.t.Helper()
	req, err := http.NewRequestWithContext(k.t.Context(), http.MethodGet, "http://"+cluster.NodeAddress+":18080/api/v1/history?namespace="+k.NS+"&approval="+name, nil)
	if err != nil {
		k.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+k.token)
	resp, err := k.HTTP.Do(req)
	if err != nil {
		k.t.Fatal(err)
	}
	defer resp.Body.Close()
	var page struct{ Items []record.Line }
	if err := json.NewDecoder(resp.Body).Decode(&page); err != nil || resp.StatusCode != http.StatusOK {
		k.t.Fatalf("%s, %v", resp.Status, err)
	}
	return len(page.Items)
}

// While the store takes no lines, nothing goes that it does not have, and what must be in
// it is not decided. Afterwards all of it happens, once.
func TestRecordAway(t *testing.T) {
	standIn(t, cluster.New(t))
	for name, outage := range map[string]struct {
		disk func(t *testing.T) string
		away func(t *testing.T, k *keeper) (back func())
	}{
		"another writer hangs": {func(t *testing.T) string { t.Helper(); return t.TempDir() }, func(t *testing.T, k *keeper) func() { t.Helper(); return hold(t, k.file) }},
		"the disk is full":     {smallDisk, func(t *testing.T, k *keeper) func() { t.Helper(); return fillUp(t, filepath.Dir(k.file)) }},
		"there is no volume":   {func(t *testing.T) string { t.Helper(); return t.TempDir() }, noVolume},
	} {
		t.Run(name, func(t *testing.T) {
			k := keeping(t, outage.disk(t), "  record: Required")
			k.Apply(`
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: editors}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: edit}
subjects: [{kind: ServiceAccount, name: approver}]`)
			deleted, byHTTP, byObject := k.pending(), k.pending(), k.pending()
			for _, a := range []string{deleted, byHTTP, byObject} {
				k.has(a, record.Opened, record.Resolved)
			}
			back := outage.away(t, k)

			if v := k.vote(byHTTP); v.Status != http.StatusServiceUnavailable || v.Error.Code != "unavailable" {
				t.Fatalf("%d %s", v.Status, v.Body)
			}
			k.object("yes", byObject)
			k.delete(deleted)
			k.Eventually(time.Minute, "the end of what was deleted", func() error {
				if s := k.Approval(deleted).Status; s.Outcome != "Cancelled" {
					return fmt.Errorf("outcome %s", s.Outcome)
				}
				return nil
			})
			k.restart() // what was deleted is known by what is there
			k.waits(byObject, "yes")
			if s := k.Approval(byHTTP).Status; s.Outcome != "Pending" || len(s.Votes) != 0 {
				t.Errorf("outcome %s, votes %+v", s.Outcome, s.Votes)
			}
			if a := k.Approval(deleted); a.DeletionTimestamp == nil || !slices.Contains(a.Finalizers, v1alpha1.RecordFinalizer) {
				t.Errorf("deleted at %v, kept by %v", a.DeletionTimestamp, a.Finalizers)
			}

			back()
			k.gone(deleted)
			if l := k.has(deleted, cutShort...); l[3].At < l[2].At {
				t.Errorf("removed at %s, which is before it ended at %s", l[3].At, l[2].At)
			}
			k.Eventually(time.Minute, "the vote", func() error {
				if v := k.vote(byHTTP); v.Status/100 != 2 {
					return fmt.Errorf("%d %s", v.Status, v.Body)
				}
				return nil
			})
			k.Eventually(2*time.Minute, "the Vote", func() error {
				if s := k.statusOf("yes"); s.State != v1alpha1.VoteRecorded {
					return fmt.Errorf("%+v", s)
				}
				return nil
			})
			for _, a := range []string{byHTTP, byObject} {
				k.released(a)
				k.has(a, wholeLife...)
			}
			if n := len(k.Runs("deploy")); n != 2 {
				t.Errorf("%d runs, want 2", n)
			}
			k.whole()
		})
	}
}

// object is a Vote object on an Approval.
func (k *keeper) object(name, approval string) {
	k.t.Helper()
	raw, err := json.Marshal(map[string]any{
		"apiVersion": "countersign.dev/v1alpha1", "kind": "Vote", "metadata": map[string]string{"name": name},
		"spec": map[string]string{"approval": approval, "voter": k.user, "verdict": "approve", "comment": "ship it"},
	})
	if err != nil {
		k.t.Fatal(err)
	}
	k.Eventually(time.Minute, "Vote "+name, func() error {
		if a := k.PostAPI("/apis/countersign.dev/v1alpha1/namespaces/"+k.NS+"/votes", k.token, raw); a.Status != http.StatusCreated {
			return fmt.Errorf("%d %s", a.Status, a.Body)
		}
		return nil
	})
}

func (k *keeper) statusOf(vote string) v1alpha1.VoteStatus {
	k.t.Helper()
	var v v1alpha1.Vote
	if err := k.Get(k.t.Context(), types.NamespacedName{Namespace: k.NS, Name: vote}, &v); err != nil {
		k.t.Fatal(err)
	}
	return v.Status
}

// waits fails the test unless an Approval has no vote, and the Vote on it no answer, for longer than one
// try takes.
func (k *keeper) waits(name, vote string) {
	k.t.Helper()
	k.Consistently(8*time.Second, "no vote, and no answer to it", func() error {
		if s := k.Approval(name).Status; s.Outcome != "Pending" || len(s.Votes) != 0 {
			return fmt.Errorf("outcome %s, votes %+v", s.Outcome, s.Votes)
		}
		if s := k.statusOf(vote); s.State != "" {
			return fmt.Errorf("%+v", s)
		}
		return nil
	})
}

// The service is killed with kill -9 between what it writes to the cluster and what it
// writes to the record, and started again: each line is there, once.
func TestKilledBeforeTheRecordsLine(t *testing.T) {
	standIn(t, cluster.New(t))
	k := keeping(t, t.TempDir(), "")
	open := func(method, path, _ string) bool { return method == "POST" && strings.HasSuffix(path, "/approvals") }
	status := func(with string) func(_, path, body string) bool {
		return func(_, path, body string) bool {
			return strings.Contains(path, "/approvals/") && strings.HasSuffix(path, "/status") && strings.Contains(body, with)
		}
	}
	letGo := func(method, path, _ string) bool {
		return method == "PUT" && strings.Contains(path, "/approvals/") && !strings.HasSuffix(path, "/status")
	}
	asked := []record.Kind{record.Opened, record.Resolved}
	removed := append(slices.Clone(wholeLife), record.Removed)
	finish := func(k *keeper, _ string) { k.finish() }
	vote := func(k *keeper, name string) { k.vote(name) } // the process does not live to answer
	k.has(k.pending(), asked...)                          // the file has its tables, anyone who holds it
	for _, c := range []struct {
		name  string
		fault cluster.Fault
		// The store is held where the write to the cluster would be told at once.
		held      bool
		brought   []record.Kind // before the step; none: there is no Approval yet
		step      func(k *keeper, name string)
		had, have []record.Kind // when the process is dead, and after its next life
	}{
		{"after it is opened", cluster.Fault{Match: open, After: true}, true, nil, finish, nil, asked},
		{"after the decision", cluster.Fault{Match: status(`"outcome":"Approved"`), After: true}, true, asked, vote, asked, wholeLife},
		{"after the confirmation", cluster.Fault{Match: status(`"secondRun"`), After: true}, true, asked, vote, asked, wholeLife},
		{"before it is let go", cluster.Fault{Match: letGo}, false, wholeLife, (*keeper).delete, removed, removed},
		{"after it is let go", cluster.Fault{Match: letGo, After: true}, false, wholeLife, (*keeper).delete, removed, removed},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := k.in(t)
			k.alive()
			name := ""
			if len(c.brought) > 0 {
				name = k.pending()
			}
			if slices.Equal(c.brought, wholeLife) {
				vote(k, name)
			}
			if len(c.brought) > 0 {
				k.has(name, c.brought...)
			}
			free := func() {}
			if c.held {
				free = hold(t, k.file)
			}
			before := k.Approvals()
			k.p.Arm(k.Env, c.fault)
			c.step(k, name)
			k.Eventually(time.Minute, "the kill", func() error {
				if !k.p.Fired() || k.p.Running() {
					return errors.New("the fault did not fire: the test proves nothing")
				}
				return nil
			})
			for _, a := range k.Approvals() {
				if name == "" && !slices.ContainsFunc(before, func(b v1alpha1.Approval) bool { return b.UID == a.UID }) {
					name = a.Name
				}
			}
			if got := kindsOf(k.lines(name)); name == "" || !slices.Equal(got, c.had) {
				t.Fatalf("the record of %q is %v, want %v", name, got, c.had)
			}
			free()
			if slices.Contains(c.have, record.Removed) {
				k.gone(name)
			}
			k.has(name, c.have...)
			k.restart()
			k.has(name, c.have...)
			k.whole()
		})
	}
}

// in is k in a subtest.
func (k *keeper) in(t *testing.T) *keeper {
	sub := *k
	sub.Env, sub.t = k.For(t), t
	return &sub
}

// hold takes the right to write, as a process does that hangs in a transaction, until
// it is let go.
func hold(t *testing.T, file string) (letGo func()) {
	t.Helper()
	db, err := sql.Open("sqlite", file) // the service's own driver
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	for _, s := range []string{"PRAGMA busy_timeout = 10000", "BEGIN IMMEDIATE"} {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { db.Close() })
	return func() { db.Close() }
}

// smallDisk is a folder on a disk of its own. The mount is this program's alone: it was
// started in mounts of its own (cluster/in.sh).
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=4m"); err != nil {
		t.Fatalf("mount a small disk, which only root may: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}

// fillUp leaves no room on dir's disk, until it is emptied.
func fillUp(t *testing.T, dir string) (empty func()) {
	t.Helper()
	name := filepath.Join(dir, "full")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	return func() {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
}

// noVolume has the process start where the folder of its file is not there.
func noVolume(t *testing.T, k *keeper) (mounted func()) {
	t.Helper()
	dir := filepath.Dir(k.file)
	rename := func(from, to string) {
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	k.p.Kill()
	rename(dir, dir+".away")
	k.p.Start(k.Env)
	return func() { rename(dir+".away", dir) }
}
