package check

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/test/chaos/history"
)

// falsified are ways in which a run of a service that breaks its promises would look, each
// made of a true history, and what has to be found in it.
var falsified = map[string]struct {
	want string
	how  func(f *forger)
}{
	"a run is missing": {"exactly one part 2", func(f *forger) {
		f.drop(history.RunsFile, func(x object) bool { return f.ofRun(x, f.approved()) })
	}},
	"a second run": {"at most one part 2", func(f *forger) {
		f.repeat(history.RunsFile, func(x object) bool { return f.ofRun(x, f.approved()) }, func(x object) { x.set("other", "object", "metadata", "uid") })
	}},
	"a run under another label": {"no run without an approval", func(f *forger) {
		f.repeat(history.RunsFile, func(x object) bool { return f.ofRun(x, f.approved()) }, func(x object) {
			x.set("other", "object", "metadata", "uid")
			x.set("none-such", "object", "metadata", "labels", history.ApprovalLabel)
		})
	}},
	"another param": {"the params are what was approved", func(f *forger) {
		f.each(history.RunsFile, func(x object) {
			if f.ofRun(x, f.approved()) {
				f.param(x, "comment").set("evil", "value")
			}
		})
	}},
	"a param more": {"the params are what was approved", func(f *forger) {
		f.each(history.RunsFile, func(x object) {
			if f.ofRun(x, f.approved()) {
				x.set(append(x.list("object", "spec", "params"), object{"name": "more", "value": "x"}), "object", "spec", "params")
			}
		})
	}},
	"a vote is lost": {"no acknowledged vote is lost", func(f *forger) {
		o := f.op(func(o history.Op) bool {
			return o.Status == 201 && o.Way == history.Token && o.Verdict == "approve" && o.Allowed
		})
		f.versions(o.Approval, func(a object) {
			a.set(slices.DeleteFunc(a.list("status", "votes"), func(v any) bool { return v.(object).get("voter") == o.Voter }), "status", "votes")
		})
	}},
	"a stranger's vote": {"nobody votes who may not", func(f *forger) {
		f.versions(f.approved(), func(a object) {
			for _, v := range a.list("status", "votes") {
				v.(object).set(history.User(f.meta.NS, "eve"), "voter")
			}
		})
	}},
	"a stranger is told that it counts": {"nobody votes who may not", func(f *forger) {
		f.one(history.OpsFile, func(x object) bool { return x["allowed"] == false && x["way"] == history.Token && x["kind"] == "vote" }, func(x object) { x["status"] = 201 })
	}},
	"another outcome": {"one outcome", func(f *forger) {
		f.final(f.approved(), func(a object) { a.set("Rejected", "status", "outcome") })
	}},
	"superseded by nobody": {"outcomes are known", func(f *forger) {
		f.final(f.approved(), func(a object) { a.set("Superseded", "status", "outcome") })
	}},
	"a mail is lost": {"no mail is lost", func(f *forger) {
		id := f.mail().MessageID
		f.drop(history.MailsFile, func(x object) bool { return x["messageID"] == id })
	}},
	"a mail three times": {"at most one more mail", func(f *forger) {
		id := f.mail().MessageID
		for range 2 {
			f.repeat(history.MailsFile, func(x object) bool { return x["messageID"] == id }, func(object) {})
		}
	}},
	"another Message-ID": {"the same Message-ID", func(f *forger) {
		id := f.mail().MessageID
		f.repeat(history.MailsFile, func(x object) bool { return x["messageID"] == id }, func(x object) { x["messageID"] = "other@x" })
	}},
	"a mail to somebody else": {"mails go to whom they are for", func(f *forger) {
		id := f.mail().MessageID
		f.one(history.MailsFile, func(x object) bool { return x["messageID"] == id }, func(x object) { x["to"] = []any{"eve@" + history.Domain(f.meta.NS)} })
	}},
	"a line is gone": {"the chain holds", func(f *forger) {
		f.log(func(l []string) []string { return slices.Delete(l, middle(l), middle(l)+1) })
	}},
	"a line is changed": {"the chain holds", func(f *forger) {
		f.log(func(l []string) []string {
			l[middle(l)] = strings.Replace(l[middle(l)], `"kind":"`, `"kind":"x`, 1)
			return l
		})
	}},
	"a decision is not in the record": {"the record has every line", func(f *forger) {
		name := f.approved()
		f.log(func(l []string) []string {
			return slices.DeleteFunc(l, func(s string) bool {
				return strings.Contains(s, `"approval":"`+name+`"`) && strings.Contains(s, `"kind":"decided"`)
			})
		})
	}},
	"two ends in the record": {"the record says one thing", func(f *forger) {
		name := f.approved()
		f.log(func(l []string) []string {
			i := slices.IndexFunc(l, func(s string) bool {
				return strings.Contains(s, `"approval":"`+name+`"`) && strings.Contains(s, `"kind":"decided"`)
			})
			return append(l, strings.Replace(l[i], `"outcome":"Approved"`, `"outcome":"Rejected"`, 1))
		})
	}},
	"it is stuck": {"nothing is pending after its deadline", func(f *forger) {
		f.versions(f.decidedAs("Expired"), func(a object) {
			a.set("Pending", "status", "outcome")
			a.remove("status", "decidedAt")
		})
		f.meta.Ended = f.meta.Ended.Add(time.Hour)
	}},
	"a vote too late": {"no vote after the deadline", func(f *forger) {
		f.versions(f.approved(), func(a object) {
			for _, v := range a.list("status", "votes") {
				v.(object).set("2100-01-01T00:00:00.000000Z", "at")
			}
		})
	}},
	"it expires early": {"nothing expires early", func(f *forger) {
		f.versions(f.decidedAs("Expired"), func(a object) {
			if a.get("status", "decidedAt") != nil {
				made := strings.TrimSuffix(a.get("metadata", "creationTimestamp").(string), "Z")
				a.set(made+".000000Z", "status", "decidedAt")
			}
		})
	}},
	"it expires early, by a clock that is wrong": {"times are true", func(f *forger) { f.decidedLater(f.decidedAs("Expired"), time.Hour) }},
	"a decision of an hour ago":                  {"times are true", func(f *forger) { f.decidedLater(f.approved(), -time.Hour) }},
	"a vote of an hour ago": {"times are true", func(f *forger) {
		o := f.op(func(o history.Op) bool {
			return o.Status == 201 && o.Way == history.Token && o.Verdict == "approve" && o.Allowed
		})
		f.versions(o.Approval, func(a object) {
			for _, v := range a.list("status", "votes") {
				f.later(v.(object), -time.Hour, "at")
			}
		})
	}},
	"a Vote without an answer": {"every Vote is answered", func(f *forger) {
		f.whole(history.FinalVotesFile, func(all []object) []object { all[0].remove("status"); return all })
	}},
	"a Vote in time is refused": {"what is in time counts", func(f *forger) {
		name, ann := f.decidedAs("Expired"), history.User(f.meta.NS, "ann")
		made := f.true.Final[name].CreationTimestamp.Add(5 * time.Second).UTC().Format(time.RFC3339)
		f.whole(history.FinalVotesFile, func(all []object) []object {
			v := all[0].clone()
			v.set("late", "metadata", "name")
			v.set(made, "metadata", "creationTimestamp")
			v.set(map[string]any{"approval": name, "voter": ann, "verdict": "approve"}, "spec")
			v.set(map[string]any{"state": "Refused", "message": "it has expired"}, "status")
			return append(all, v)
		})
	}},
	"a run of what was rejected": {"no part 2", func(f *forger) { f.rejected() }},
	"rejected by approvals":      {"the outcome is what the votes say", func(f *forger) { f.rejected() }},
	"refused too early": {"refusals are true", func(f *forger) {
		f.one(history.OpsFile, func(x object) bool {
			return x["kind"] == "vote" && x["way"] == history.Token && x["allowed"] == true && x["status"] == 409.0
		}, func(x object) { x["start"], x["end"] = "2020-01-01T00:00:00Z", "2020-01-01T00:00:00Z" })
	}},
	"the cluster's refusal becomes the voter's": {"refusals are true", func(f *forger) {
		f.one(history.OpsFile, isVoteThatCounts, func(x object) { x["status"], x["text"] = 403, "this is not for you" })
	}},
	"a lie": {"who is told that nothing was recorded finds nothing", func(f *forger) {
		f.one(history.OpsFile, isVoteThatCounts, func(x object) { x["status"], x["text"] = 503, "the cluster did not answer; nothing was recorded" })
	}},
	"nobody was asked": {"every success is asked about", func(f *forger) {
		f.repeat(history.PlansFile, func(x object) bool { return x["event"] == nil && x["kind"] != history.Probe }, func(x object) { x["source"], x["approval"] = "other", "" })
	}},
	"somebody was asked twice": {"one approval a source", func(f *forger) {
		f.whole(history.FinalApprovalsFile, func(all []object) []object {
			twin := all[0].clone()
			twin.set(twin.get("metadata", "name").(string)+"x", "metadata", "name")
			return append(all, twin)
		})
	}},
	"a vote before its outcome": {"a vote and its outcome are one write", func(f *forger) {
		f.versions(f.approved(), func(a object) {
			if a.get("status", "outcome") == "Approved" && a.get("status", "secondRun") == nil {
				a.set("Pending", "status", "outcome")
				a.remove("status", "decidedAt")
			}
		})
	}},
	"what was pruned is back": {"what was pruned stays away", func(f *forger) {
		f.add(history.PrunedFile, history.Pruned{Approval: f.approved()})
	}},
	"an approval vanishes": {"nothing vanishes", func(f *forger) {
		name := f.approved()
		f.whole(history.FinalApprovalsFile, func(all []object) []object {
			return slices.DeleteFunc(all, func(a object) bool { return a.get("metadata", "name") == name })
		})
	}},
	"the right run is called a stranger": {"messages are true", func(f *forger) {
		f.versions(f.approved(), func(a object) {
			a.set([]any{object{
				"type": "Released", "status": "False", "reason": "NameTaken", "message": "delete it",
				"lastTransitionTime": a.get("metadata", "creationTimestamp"),
			}}, "status", "conditions")
		})
	}},
	"something never ended": {"everything ends", func(f *forger) { f.meta.Unsettled = []string{"Vote x has no answer"} }},
	"goroutines grow": {"nothing grows without an end", func(f *forger) {
		for n, at := range []time.Duration{time.Minute, 5 * time.Minute} {
			f.add(history.SamplesFile, history.Sample{At: time.Unix(0, 0).Add(at), Pod: "p", Started: 1, Goroutines: float64(100 + 1000*n)})
		}
	}},
	"the ledger forgets": {"the ledger forgets nothing", func(f *forger) {
		f.final(f.told(), func(a object) { a.remove("status", "notifications") })
	}},
}

// middle is a line of the record in the middle of what was printed: other lines are logs.
func middle(l []string) int {
	i := slices.IndexFunc(l[len(l)/2:], func(s string) bool { return strings.HasPrefix(s, `{"seq":`) })
	return len(l)/2 + i
}

// isVoteThatCounts reports whether x is a first vote by token that was recorded.
func isVoteThatCounts(x object) bool {
	return x["kind"] == "vote" && x["way"] == history.Token && x["allowed"] == true && x["status"] == 201.0 && x["verdict"] == "approve"
}

// The stored history is of a run in which nothing was broken (make chaos SEED=1 N=40 CALM=1), cut down to an approval of
// each kind, and is true.
func TestTrueHistory(t *testing.T) {
	t.Parallel()
	h, err := history.Read(unpacked(t))
	if err != nil {
		t.Fatal(err)
	}
	f := Judge(h)
	if len(h.Final) < 10 || len(h.Mails) == 0 || len(h.Runs) < 5 || len(h.FinalVotes) == 0 || len(h.Lines) == 0 {
		t.Fatalf("%d approvals, %d mails, %d runs, %d Votes: the stored history has too little to say anything", len(h.Final), len(h.Mails), len(h.Runs), len(h.FinalVotes))
	}
	for _, v := range f.Violations {
		t.Errorf("%s: %s: %s", v.Invariant, v.Approval, v.Text)
	}
	var report, recovery strings.Builder
	f.Report(&report)
	Recovery(&recovery, []*Findings{f})
	if !strings.Contains(report.String(), "violations: 0 map[]") || !strings.Contains(recovery.String(), "decision → run p50 0.0") {
		t.Errorf("the report is\n%s\n%s", &report, &recovery)
	}
}

// Each falsified history is found out, by the invariant that it breaks.
func TestFalsifiedHistories(t *testing.T) {
	t.Parallel()
	for _, title := range slices.Sorted(maps.Keys(falsified)) {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			c, dir := falsified[title], unpacked(t)
			forge(t, dir, c.how)
			h, err := history.Read(dir)
			if err != nil {
				t.Fatal(err)
			}
			f := Judge(h)
			if !slices.ContainsFunc(f.Violations, func(v Violation) bool { return v.Invariant == c.want }) {
				t.Errorf("%q was not found; what was found: %v", c.want, f.Violations)
			}
			if err := f.Evidence(); err != nil {
				t.Error(err)
			}
			if _, err := os.Stat(filepath.Join(dir, "evidence")); err != nil && slices.ContainsFunc(f.Violations, func(v Violation) bool { return v.Approval != "" }) {
				t.Errorf("there is no evidence: %v", err)
			}
		})
	}
}
