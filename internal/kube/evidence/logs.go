package evidence

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/tektoncd/pipeline/pkg/apis/pipeline"
	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/approvals/evidence"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
)

// Logs reads what tasks of a run printed.
type Logs struct {
	Live client.Reader // from the API server
	// Open is the log of a container, as the API server has it.
	Open func(ctx context.Context, namespace, pod string, o *corev1.PodLogOptions) (io.ReadCloser, error)
}

const (
	// logWithin bounds the reading of one log.
	logWithin = 20 * time.Second
	// silentFor is how long a step may print nothing at first before a note tells that earlier
	// lines may be lost: the kubelet looks for large logs every ten seconds, and of one that it
	// rotated the API server has the newest part alone.
	silentFor = 10 * time.Second
)

// lack is why there is no log, for people.
type lack string

func (l lack) Error() string { return string(l) }

func lacks(format string, args ...any) error { return lack(fmt.Sprintf(format, args...)) }

// Read is the log that w means of a run that has ended. note is what to know about it. A lack
// says why there is none; any other error may go away.
func (l *Logs) Read(ctx context.Context, of Of, w evidence.Wanted) (data []byte, note string, err error) {
	ctx, cancel := context.WithTimeout(ctx, logWithin)
	defer cancel()
	var pr pipelinev1.PipelineRun
	err = l.Live.Get(ctx, types.NamespacedName{Namespace: of.Namespace, Name: of.Run}, &pr)
	if apierrors.IsNotFound(err) || err == nil && string(pr.UID) != of.RunUID {
		return nil, "", lacks("PipelineRun %s was deleted before its log was read", of.Run)
	}
	if err != nil {
		return nil, "", kubeutil.Translate(err, "run "+of.Run)
	}
	tr, err := l.taskRun(ctx, &pr, w.Task)
	if err != nil {
		return nil, "", err
	}
	steps := tr.Status.Steps
	if w.Step != "" {
		if steps = slices.DeleteFunc(slices.Clone(steps), func(s pipelinev1.StepState) bool { return s.Name != w.Step }); len(steps) == 0 {
			return nil, "", lacks("task %q of PipelineRun %s has no step %q", w.Task, of.Run, w.Step)
		}
	}
	var all bytes.Buffer
	for _, s := range steps {
		said, err := l.step(ctx, tr, s, &all)
		if err != nil {
			return nil, "", err
		}
		if note == "" {
			note = said
		}
		if all.Len() > evidence.MaxSize {
			break
		}
	}
	return all.Bytes(), note, nil
}

// taskRun is the one TaskRun of a task of pr, by pr's own status.
func (l *Logs) taskRun(ctx context.Context, pr *pipelinev1.PipelineRun, task string) (*pipelinev1.TaskRun, error) {
	var names []string
	for _, c := range pr.Status.ChildReferences {
		if c.Kind == pipeline.TaskRunControllerName && c.PipelineTaskName == task {
			names = append(names, c.Name)
		}
	}
	switch len(names) {
	case 0:
		return nil, lacks("task %q of PipelineRun %s did not run", task, pr.Name)
	case 1:
	default:
		return nil, lacks("task %q of PipelineRun %s ran %d times, as a matrix: upload the evidence in place of its log", task, pr.Name, len(names))
	}
	var tr pipelinev1.TaskRun
	err := l.Live.Get(ctx, types.NamespacedName{Namespace: pr.Namespace, Name: names[0]}, &tr)
	if apierrors.IsNotFound(err) {
		return nil, lacks("TaskRun %s of task %q was deleted before its log was read", names[0], task)
	}
	if err != nil {
		return nil, kubeutil.Translate(err, "TaskRun "+names[0])
	}
	if owner := controllerOf(&tr, pipeline.PipelineRunControllerName); owner == nil || owner.UID != pr.UID {
		return nil, lacks("TaskRun %s is not of PipelineRun %s", tr.Name, pr.Name)
	}
	if tr.Status.PodName == "" {
		return nil, lacks("task %q of PipelineRun %s had no pod, so it printed nothing", task, pr.Name)
	}
	return &tr, nil
}

// step appends the log of one step, up to one byte more than evidence may have.
func (l *Logs) step(ctx context.Context, tr *pipelinev1.TaskRun, s pipelinev1.StepState, to *bytes.Buffer) (note string, err error) {
	in, err := l.Open(ctx, tr.Namespace, tr.Status.PodName, &corev1.PodLogOptions{Container: s.Container, Timestamps: true})
	switch {
	case apierrors.IsNotFound(err):
		return "", lacks("pod %s is gone, and its log with it: keep the pods of runs until they are approved, or upload the evidence", tr.Status.PodName)
	case apierrors.IsForbidden(err):
		return "", lacks("Countersign may not read logs in namespace %s: apply deploy/components/evidence-log there", tr.Namespace)
	case apierrors.IsBadRequest(err):
		return "", lacks("the log of step %q is missing: %s", s.Name, err.Error())
	case err != nil:
		return "", kubeutil.Translate(err, "the log of step "+s.Name)
	}
	defer in.Close()
	first, err := copyLines(to, in)
	switch {
	case err != nil && ctx.Err() != nil:
		return "", kubeutil.Translate(ctx.Err(), "the log of step "+s.Name)
	case err != nil:
		return "", kubeutil.Translate(err, "the log of step "+s.Name)
	}
	if t := s.Terminated; t != nil && !first.IsZero() && first.Sub(t.StartedAt.Time) > silentFor {
		note = fmt.Sprintf("The first line of step %q came %s after the step began. If the step printed anything before, the kubelet has removed it by log rotation, and it is missing here.", s.Name, first.Sub(t.StartedAt.Time).Round(time.Second))
	}
	return note, nil
}

// copyLines takes the time off each line, and gives that of the first one. It stops once there
// is more than evidence may have.
func copyLines(to *bytes.Buffer, from io.Reader) (first time.Time, err error) {
	lines := bufio.NewReaderSize(from, 64<<10)
	begins := true
	for to.Len() <= evidence.MaxSize {
		piece, err := lines.ReadSlice('\n')
		if begins {
			at, n := stamp(piece)
			if piece = piece[n:]; first.IsZero() {
				first = at
			}
		}
		to.Write(piece)
		begins = err == nil // else it is a long line's beginning
		switch {
		case err == nil, errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF):
			return first, nil
		default:
			return first, err
		}
	}
	return first, nil
}

// stamp is the time before a line, and how many bytes it has with the space; 0 when there is
// none.
func stamp(line []byte) (at time.Time, n int) {
	text, _, ok := strings.Cut(string(line[:min(len(line), maxStamp)]), " ")
	at, err := time.Parse(time.RFC3339Nano, text)
	if !ok || err != nil {
		return time.Time{}, 0
	}
	return at, len(text) + 1
}

// maxStamp bounds the time stamp before a log line, in bytes, with the space.
const maxStamp = 40
