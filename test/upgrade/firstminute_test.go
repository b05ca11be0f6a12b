//go:build upgrade

package upgrade

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/test/cluster"
)

// mostMinutes is what the README promises of the way from nothing to the first decision.
const mostMinutes = 5

// shell are the commands of a page, block by block.
var shell = regexp.MustCompile("(?ms)^ *```sh\n(.*?)^ *```")

// TestFirstApproval: with one file, and with the commands of docs/getting-started/first-approval.md as they stand there,
// the first approval is decided in less than five minutes on a cluster that has Tekton.
func TestFirstApproval(t *testing.T) {
	nothing(t)
	began := time.Now()
	install(t, cluster.This(), "deploy")
	installed := time.Since(began)

	page, err := os.ReadFile(root(t, "docs/getting-started/first-approval.md"))
	if err != nil {
		t.Fatal(err)
	}
	steps, _, ok := strings.Cut(string(page), "\n## Check that it worked")
	if !ok {
		t.Fatal("the page has no part that says how to check that it worked")
	}
	// tkn finds tkn-approval as a plugin; the Approval's name is another one each time.
	script := []string{"set -euo pipefail", `tkn() { shift; "$COUNTERSIGN_TKN" "$@"; }`}
	decided := ""
	for _, block := range shell.FindAllStringSubmatch(steps, -1) {
		text := regexp.MustCompile(`(?m)^   `).ReplaceAllString(block[1], "")
		switch {
		case strings.HasPrefix(text, "kubectl apply -k "): // this cluster pulls no images: the next one is for it
			continue
		case strings.Contains(text, "create -f -"):
			text += "kubectl -n default wait --for=condition=Succeeded --timeout=2m pipelinerun -l tekton.dev/pipeline=build\n" +
				"for i in $(seq 300); do name=$(kubectl -n default get approvals -o name | cut -d/ -f2); [ -z \"$name\" ] || break; sleep 0.2; done\n"
		case strings.Contains(text, " approve "):
			decided = text
		}
		script = append(script, regexp.MustCompile(`deploy-[a-z0-9]{12}`).ReplaceAllLiteralString(text, `"$name"`))
	}
	if decided == "" || len(script) < 7 {
		t.Fatalf("the page has other commands than this test knows:\n%s", strings.Join(script, "\n"))
	}
	t.Cleanup(func() {
		_, _ = cluster.Command(context.WithoutCancel(t.Context()), "", "bash", "-c", "kubectl -n default delete pipelineruns,approvals --all; kubectl delete -k "+root(t, "examples/two-pipelines"))
	})
	t.Chdir(root(t, "."))
	out := run(t, strings.Join(script, "\n"), "bash")
	took := time.Since(began)
	if !strings.Contains(out, ": Approved") {
		t.Errorf("it was not approved:\n%s", out)
	}
	if took > mostMinutes*time.Minute {
		t.Errorf("the first approval was decided after %s, want %d minutes at most", took, mostMinutes)
	}
	fmt.Printf("        from nothing: installed after %.1f s, the first approval decided after %.1f s\n", installed.Seconds(), took.Seconds())
}
