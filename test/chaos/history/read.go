package history

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"

	"github.com/countersign-dev/countersign/api/v1alpha1"
)

// History has everything that was seen of one run of the harness.
type History struct {
	Meta
	Dir       string
	Plans     []*Plan
	Of        map[string]*Plan // by Approval
	Ops       map[string][]*Op // by Approval
	Faults    []Fault
	Looks     []Look
	Samples   []Sample
	Mails     []Mail
	ByMessage map[string][]Mail // by Message-ID without its domain
	Versions  map[string][]ApprovalSeen
	Runs      map[string][]RunObserved // second runs, by the Approval that they say they are of
	Strays    []RunObserved            // runs of a Trigger that say no Approval
	Pruned    map[string]bool
	Obeyed    []Obeyed
	Skipped   int // steps that could not be done, such as a vote by a link that was never mailed

	Final      map[string]v1alpha1.Approval
	FinalRuns  map[string]pipelinev1.PipelineRun // by UID
	FinalVotes map[string]v1alpha1.Vote
	Lines      map[string][]Line // of the record, by the process that printed them
	Leads      []Led             // in the order of time
}

// Read reads the history in a folder.
func Read(dir string) (*History, error) {
	h := &History{
		Dir: dir, Of: map[string]*Plan{}, Ops: map[string][]*Op{}, ByMessage: map[string][]Mail{},
		Versions: map[string][]ApprovalSeen{}, Runs: map[string][]RunObserved{}, Pruned: map[string]bool{},
		Final: map[string]v1alpha1.Approval{}, FinalRuns: map[string]pipelinev1.PipelineRun{}, FinalVotes: map[string]v1alpha1.Vote{}, Lines: map[string][]Line{},
	}
	seen := map[string]bool{}
	err := errors.Join(
		whole(dir, metaFile, &h.Meta),
		lines(dir, PlansFile, func(p Plan) {
			h.Plans = append(h.Plans, &p)
			if p.Approval != "" {
				h.Of[p.Approval] = &p
			}
		}),
		lines(dir, OpsFile, func(o Op) { h.Ops[o.Approval] = append(h.Ops[o.Approval], &o) }),
		lines(dir, FaultsFile, func(f Fault) { h.Faults = append(h.Faults, f) }),
		lines(dir, LooksFile, func(l Look) { h.Looks = append(h.Looks, l) }),
		lines(dir, SamplesFile, func(s Sample) { h.Samples = append(h.Samples, s) }),
		lines(dir, SkippedFile, func(map[string]any) { h.Skipped++ }),
		lines(dir, PrunedFile, func(p Pruned) { h.Pruned[p.Approval] = true }),
		lines(dir, ObeyedFile, func(o Obeyed) { h.Obeyed = append(h.Obeyed, o) }),
		versions(dir, ApprovalsFile, func(v Version, a v1alpha1.Approval) {
			h.Versions[a.Name] = append(h.Versions[a.Name], ApprovalSeen{v.Seen, v.Type, a})
		}),
		versions(dir, RunsFile, func(v Version, r pipelinev1.PipelineRun) {
			if r.Labels[triggerLabel] == "" || seen[string(r.UID)] {
				return
			}
			seen[string(r.UID)] = true
			of, s := r.Labels[ApprovalLabel], RunObserved{string(r.UID), v.Seen, r}
			if of == "" {
				h.Strays = append(h.Strays, s)
				return
			}
			h.Runs[of] = append(h.Runs[of], s)
		}),
		lines(dir, MailsFile, func(m Mail) {
			id, _, _ := strings.Cut(m.MessageID, "@")
			h.ByMessage[id] = append(h.ByMessage[id], m)
			h.Mails = append(h.Mails, m)
		}),
		final(dir, FinalApprovalsFile, func(a v1alpha1.Approval) { h.Final[a.Name] = a }),
		final(dir, FinalRunsFile, func(r pipelinev1.PipelineRun) { h.FinalRuns[string(r.UID)] = r }),
		final(dir, FinalVotesFile, func(v v1alpha1.Vote) { h.FinalVotes[v.Name] = v }),
		h.readRecord(),
		h.readLeads(),
	)
	return h, err
}

// Labels of a second run: of Triggers', and of the harness's own template.
const (
	triggerLabel  = "triggers.tekton.dev/trigger"
	ApprovalLabel = "approval"
)

// lines reads a file of lines; that there is none says that nothing of the kind happened.
func lines[T any](dir, name string, each func(T)) error {
	f, err := os.Open(filepath.Join(dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	s.Buffer(make([]byte, 1<<20), 64<<20)
	for n := 1; s.Scan(); n++ {
		var v T
		if err := json.Unmarshal(s.Bytes(), &v); err != nil {
			return fmt.Errorf("%s, line %d: %w", name, n, err)
		}
		each(v)
	}
	return s.Err()
}

func versions[T any](dir, name string, each func(Version, T)) error {
	var bad error
	err := lines(dir, name, func(v Version) {
		b, err := json.Marshal(v.Object)
		if err == nil {
			var o T
			if err = json.Unmarshal(b, &o); err == nil {
				each(v, o)
			}
		}
		bad = errors.Join(bad, err)
	})
	return errors.Join(err, bad)
}

func final[T any](dir, name string, each func(T)) error {
	var all []T
	err := whole(dir, name, &all)
	for _, x := range all {
		each(x)
	}
	return err
}

func whole(dir, name string, to any) error {
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, to); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
