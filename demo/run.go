package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/demo/mailbox"
)

type options struct {
	state, infra, decide, by string
	tamper                   bool
}

// How long each part may take before the demo gives up and says where to look.
const (
	readyWithin   = 4 * time.Minute
	startWithin   = 30 * time.Second
	partWithin    = 3 * time.Minute
	mailWithin    = time.Minute
	releaseWithin = time.Minute
)

// demo is one run of it.
type demo struct {
	options
	*teller
	c         *cluster
	published published
}

// run tells the whole story once.
func run(ctx context.Context, o options) error {
	if o.state == "" || o.infra == "" || (o.decide != "" && o.decide != "approve" && o.decide != "reject") || (o.by != "push" && o.by != "curl") {
		return errUsage
	}
	p, err := readPublished(o.state)
	if err != nil {
		return err
	}
	c, err := connect()
	if err != nil {
		return err
	}
	d := &demo{options: o, teller: newTeller(os.Stdout), c: c, published: p}
	if err := d.ready(ctx); err != nil {
		return err
	}
	pr, err := d.start(ctx)
	if err != nil {
		return err
	}
	if err := d.part1(ctx, pr); err != nil {
		return err
	}
	a, link, err := d.mail(ctx, pr)
	if err != nil {
		return err
	}
	if o.tamper {
		if err := d.tamperWith(ctx, a); err != nil {
			return err
		}
	}
	if a, err = d.decision(ctx, a, link); err != nil {
		return err
	}
	return d.part2(ctx, a)
}

func (d *demo) ready(ctx context.Context) error {
	d.step("Waiting until everything is up")
	return d.await(ctx, readyWithin, func(ctx context.Context) (string, bool, error) {
		missing, err := d.c.notReady(ctx)
		return "waiting for " + strings.Join(missing, ", ") + " (kubectl get pods -A)", len(missing) == 0, err
	})
}

// start starts part 1 and returns its run.
func (d *demo) start(ctx context.Context) (*pipelinev1.PipelineRun, error) {
	d.step("%s pushes to the git server", pusherName)
	p, err := push(ctx, d.c, d.infra)
	if err != nil {
		return nil, err
	}
	d.say("commit %.10s on main: %q", p.after, p.message)
	var event string
	if d.by == "push" {
		event, err = deliver(ctx, d.c, p)
		d.say("the webhook is posted as GitHub does it: X-GitHub-Event: push, signed with X-Hub-Signature-256")
	} else {
		event, err = post(ctx, d.c, "terraform-curl", []byte(`{"revision": "main"}`), nil)
		d.say(`part 1 is asked for by a bare POST of {"revision": "main"}`)
	}
	if err != nil {
		return nil, err
	}
	var pr *pipelinev1.PipelineRun
	err = d.await(ctx, startWithin, func(ctx context.Context) (string, bool, error) {
		var err error
		pr, err = d.c.runOfEvent(ctx, event)
		return fmt.Sprintf("event %s, waiting for its run (kubectl -n %s logs deploy/el-terraform-%s)", event, namespace, d.by), pr != nil, err
	})
	return pr, err
}

// part1 follows part 1 to its end.
func (d *demo) part1(ctx context.Context, pr *pipelinev1.PipelineRun) error {
	well, err := d.watch(ctx, "Part 1", pr)
	if err != nil {
		return err
	}
	if !well {
		d.logs(ctx, pr.Name)
		return fmt.Errorf("part 1 failed: kubectl -n %s describe pipelinerun %s", namespace, pr.Name)
	}
	for line := range strings.Lines(result(pr, "summary")) {
		if strings.HasPrefix(line, "Plan:") || strings.HasPrefix(line, "No changes") {
			d.say("%s", d.bold(printable(line)))
		}
	}
	d.say("the plan file has sha256 %s", result(pr, "digest"))
	return nil
}

// watch follows a run to its end and says whether it ended well.
func (d *demo) watch(ctx context.Context, what string, pr *pipelinev1.PipelineRun) (well bool, err error) {
	d.step("%s: pipeline %s, run %s", what, pr.Spec.PipelineRef.Name, pr.Name)
	name := pr.Name
	err = d.await(ctx, partWithin, func(ctx context.Context) (string, bool, error) {
		now, err := d.c.run(ctx, name)
		if err != nil {
			return "", false, err
		}
		var done bool
		done, well = ended(now)
		doing, err := d.c.progress(ctx, name)
		*pr = *now
		return doing, done, err
	})
	return well, err
}

// logs prints what the steps of a run wrote.
func (d *demo) logs(ctx context.Context, run string) {
	logs, err := d.c.logs(ctx, run)
	if err != nil {
		d.say("the log can't be shown: %v", err)
		return
	}
	d.quote(logs, 30)
}

func result(pr *pipelinev1.PipelineRun, name string) string {
	for _, r := range pr.Status.Results {
		if r.Name == name {
			return r.Value.StringVal
		}
	}
	return ""
}

// mail waits for the Approval and for the mail about it, and takes its link.
func (d *demo) mail(ctx context.Context, pr *pipelinev1.PipelineRun) (*v1alpha1.Approval, string, error) {
	d.step("Countersign holds it and tells the approvers")
	var a *v1alpha1.Approval
	var m *mailbox.Mail
	err := d.await(ctx, mailWithin, func(ctx context.Context) (string, bool, error) {
		var err error
		if a, err = d.c.approvalAfter(ctx, pr); err != nil || a == nil {
			return fmt.Sprintf("waiting for the Approval (kubectl -n %s logs deploy/countersign)", serviceNamespace), false, err
		}
		m, err = mailOf(ctx, d.c, a)
		if err != nil || m == nil {
			doing := fmt.Sprintf("Approval %s, waiting for the mail", a.Name)
			if p := problem(a); p != "" {
				doing += ": " + p
			} else if err == nil && sent(a, alice) {
				doing += fmt.Sprintf(", which the service has sent: is its configuration still the demo's? kubectl -n %s get configmap countersign -o yaml", serviceNamespace)
			}
			return doing, false, err
		}
		return "", true, nil
	})
	if err != nil {
		return nil, "", err
	}
	link, err := linkIn(m)
	if err != nil {
		return nil, "", err
	}
	d.say("Approval %s is open; nothing waits in a pod", a.Name)
	if err := d.evidence(a); err != nil {
		return nil, "", err
	}
	d.say("the mail to %s: http://localhost:%d/mails/%d", alice, d.published.Ports["MAIL"], m.ID)
	return a, link, nil
}

// evidence tells what is decided on, which the example's Gate wants in two forms.
func (d *demo) evidence(a *v1alpha1.Approval) error {
	if a.Spec.Resolved == nil || len(a.Spec.Resolved.Evidence) != 2 {
		return fmt.Errorf("approval %s has not both forms of the plan: is the Gate the example's?", a.Name)
	}
	for _, e := range a.Spec.Resolved.Evidence {
		s := e.Summary
		if s == nil {
			return fmt.Errorf("evidence %s of Approval %s counts nothing: %s %s", e.Name, a.Name, e.State, e.Message)
		}
		d.say("evidence %s, from %s: %d to add, %d to change, %d to destroy, sha256 %s", e.Name, e.From, s.Add, s.Change, s.Destroy, e.SHA256)
	}
	return nil
}

func (d *demo) tamperWith(ctx context.Context, a *v1alpha1.Approval) error {
	d.step("TAMPER: somebody changes the plan file while it waits")
	for _, p := range a.Spec.Source.PipelineRun.Claims {
		if p.Name == "source" {
			if err := tamperWith(ctx, d.c, d.teller, p.Value); err != nil {
				return err
			}
			d.say("one byte was added to plan.bin on volume %s", p.Value)
			return nil
		}
	}
	return errors.New("the Approval knows no volume of part 1")
}
