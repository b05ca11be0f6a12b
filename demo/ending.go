package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"

	"github.com/countersign-dev/countersign/api/v1alpha1"
)

// decision waits for a person, or decides as one would when nobody is there.
func (d *demo) decision(ctx context.Context, a *v1alpha1.Approval, link string) (*v1alpha1.Approval, error) {
	if d.decide == "" && (!isTerminal(os.Stdin) || !isTerminal(os.Stdout)) {
		d.decide = "approve"
		d.step("There is no terminal to ask at: the demo approves by itself, through the mailed link")
	} else if d.decide != "" {
		d.step("The demo decides by itself (%s), through the mailed link", d.decide)
	} else {
		d.step("It is yours to decide. Open the link and press Approve or Reject:")
	}
	d.choices(a, link)
	if d.decide != "" {
		comment := map[string]string{"approve": "As agreed with Carol.", "reject": "Not on a Friday."}[d.decide]
		if err := voteByLink(ctx, link, d.decide, comment); err != nil {
			return nil, err
		}
	}
	name := a.Name
	err := d.await(ctx, 0, func(ctx context.Context) (string, bool, error) {
		var err error
		a, err = d.c.approval(ctx, name)
		return "waiting for a decision; Ctrl-C ends the demo, the Approval goes on waiting", err == nil && a.Status.Outcome != "Pending", err
	})
	if err != nil {
		return nil, err
	}
	for _, v := range a.Status.Votes {
		d.say("%s by %s: %q", a.Status.Outcome, v.Voter, v.Comment)
	}
	if o := a.Status.Outcome; o != "Approved" && o != "Rejected" {
		return nil, fmt.Errorf("the approval ended as %s, so there is no part 2", o)
	}
	return a, nil
}

// choices prints the link and what does the same from a shell.
func (d *demo) choices(a *v1alpha1.Approval, link string) {
	base := link[:strings.Index(link, "/links/")]
	kubeEnv, _ := ownCluster()
	d.block("", "  "+d.bold(link), "",
		"The same with curl, by the link:", "",
		fmt.Sprintf("  curl -fsS -o /dev/null -d vote=approve -d comment=ok '%s'", link), "",
		"or with a Kubernetes token:", "",
		kubeEnv+fmt.Sprintf("  curl -H \"Authorization: Bearer $(kubectl -n %s create token approver)\" \\", namespace),
		fmt.Sprintf("    -d '{\"vote\": \"approve\", \"comment\": \"ok\"}' %s/api/v1/namespaces/%s/approvals/%s/votes", base, namespace, a.Name), "")
}

// part2 follows what the decision started to its end and says whether it is the
// right one.
func (d *demo) part2(ctx context.Context, a *v1alpha1.Approval) error {
	name := a.Name
	var pr *pipelinev1.PipelineRun
	err := d.await(ctx, releaseWithin, func(ctx context.Context) (string, bool, error) {
		now, err := d.c.approval(ctx, name)
		if err != nil || now.Status.SecondRun == nil {
			doing := "waiting for part 2 to start"
			if err == nil && problem(now) != "" {
				doing += ": " + problem(now)
			}
			return doing, false, err
		}
		pr, err = d.c.run(ctx, now.Status.SecondRun.Name)
		return "", true, err
	})
	if err != nil {
		return err
	}
	well, err := d.watch(ctx, "Part 2", pr)
	if err != nil {
		return err
	}
	d.logs(ctx, pr.Name)
	outcome, want, as := strings.ToLower(string(a.Status.Outcome)), "applied", "Succeeded"
	switch {
	case outcome == "rejected":
		want = "refused"
	case d.tamper:
		want, as, outcome = "", "Failed", "tampered"
	}
	if well != (as == "Succeeded") || (want != "" && result(pr, want) == "") {
		return fmt.Errorf("part 2 %s/%s should have ended %s with result %q: kubectl -n %s describe pipelinerun %s", namespace, pr.Name, as, want, namespace, pr.Name)
	}
	d.lookAround(a)
	d.print("demo: %s: part 2 %s/%s %s\n", outcome, namespace, pr.Name, as)
	return nil
}

// lookAround says what is left and how to be rid of it.
func (d *demo) lookAround(a *v1alpha1.Approval) {
	p := d.published
	kubeEnv, remove := ownCluster()
	d.step("The cluster stays up. To look around:")
	d.block(
		kubeEnv+fmt.Sprintf("  kubectl -n %s get approvals,pipelineruns", namespace),
		fmt.Sprintf("  kubectl -n %s describe approval %s", namespace, a.Name),
		fmt.Sprintf("  mails                  http://localhost:%d/", p.Ports["MAIL"]),
		fmt.Sprintf("  once more, by curl     curl -H 'Content-Type: application/json' -d '{\"revision\": \"main\"}' http://localhost:%d/", p.Ports["CURL"]),
		fmt.Sprintf("  the other way          make demo %s=1", map[string]string{"Approved": "REJECT", "Rejected": "APPROVE"}[string(a.Status.Outcome)]),
		"", "To remove:",
		fmt.Sprintf("  kill %-17d these pages on localhost", p.PID),
		"  "+remove, "")
}

// ownCluster is the line that a shell needs before kubectl reaches our own cluster,
// and what removes that. Of somebody else's cluster the demo removes what it brought.
func ownCluster() (kubeEnv, remove string) {
	if os.Getenv("CLUSTER") != "current" {
		return `  eval "$(cluster/env.sh)"` + "\n", "make cluster-down"
	}
	return "", "kubectl delete namespace " + namespace + " && kubectl delete -k deploy && " +
		"kubectl delete clusterrole,clusterrolebinding countersign-demo-listener && kubectl delete clusterinterceptor countersign"
}
