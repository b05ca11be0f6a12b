package approvaltask

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/tasks"
	"github.com/countersign-dev/countersign/internal/kube/servicetest"
)

// TestKindSaysItsComponent: what is to be added is what has the kind's definition.
func TestKindSaysItsComponent(t *testing.T) {
	t.Parallel()
	for _, m := range tasks.All() {
		s, err := (&Kinds{Live: servicetest.NewCluster(t), Now: servicetest.At(ct.T0)}).Of(t.Context(), m)
		said := regexp.MustCompile(`component ([\w-]+)`).FindStringSubmatch(s.Why)
		if err != nil || s.Serves || said == nil {
			t.Errorf("%s: %+v, %v", m.Name, s, err)
			continue
		}
		var all strings.Builder
		err = filepath.WalkDir("../../../deploy/components/"+said[1], func(name string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			b, err := os.ReadFile(name)
			all.Write(b)
			return err
		})
		if err != nil || !strings.Contains(all.String(), "\n  name: "+m.CRD+"\n") {
			t.Errorf("%s: %q, and component %s has no definition %s (%v)", m.Name, s.Why, said[1], m.CRD, err)
		}
	}
}
