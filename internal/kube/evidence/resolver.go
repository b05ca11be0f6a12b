package evidence

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/evidence"
)

// Resolver works out what the evidence of an Approval is when it is opened.
type Resolver struct {
	Store *Store
	Logs  *Logs
	Sums  *Sums
}

// Items resolves the evidence of a Gate for a source. A second call gives the same: an upload
// can't change, and a log is stored the first time that it is read.
func (r *Resolver) Items(ctx context.Context, namespace string, s approvals.Source, wanted []evidence.Wanted) ([]evidence.Item, error) {
	var items []evidence.Item
	of := runOf(namespace, s)
	for _, w := range wanted {
		item, err := r.item(ctx, of, s, w)
		if err == nil && item.State == evidence.Present {
			item, err = r.counted(ctx, of, s, w, item)
		}
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	return items, nil
}

// counted is item with what it counts. It is Missing where the bytes are not those that were
// written: nobody who is to decide would get to see them.
func (r *Resolver) counted(ctx context.Context, of Of, s approvals.Source, w evidence.Wanted, item evidence.Item) (evidence.Item, error) {
	sum, err := r.Sums.Of(ctx, of.Namespace, item, func() ([]byte, error) {
		if item.Kind == evidence.Result {
			return resultOf(s, item)
		}
		return r.Store.intact(ctx, of.Namespace, item)
	})
	switch approvals.CodeOf(err) {
	case "":
		item.Summary = sum
		return item, nil
	case approvals.CodeNotFound:
		return w.Without(evidence.Missing, approvals.Message(err)), nil
	case approvals.CodeConflict:
		return w.Without(evidence.Missing, fmt.Sprintf("object Evidence %s was changed after this service wrote it: delete it, and run the pipeline again", item.Object)), nil
	default:
		return item, err
	}
}

func (r *Resolver) item(ctx context.Context, of Of, s approvals.Source, w evidence.Wanted) (evidence.Item, error) {
	if w.Kind == evidence.Result {
		i := slices.IndexFunc(s.Results, func(p approvals.Param) bool { return p.Name == w.ResultName() })
		if i < 0 {
			return w.OfResult("", false), nil
		}
		return w.OfResult(s.Results[i].Value, true), nil
	}
	if of.RunUID == "" {
		return w.Without(evidence.Missing, "a held event has no PipelineRun that could have produced it"), nil
	}
	if of.Kind, of.Name = w.Kind, w.Name; w.Kind == evidence.Log {
		of.Name = w.Task + "/" + w.Step
	}
	k, err := r.Store.Find(ctx, of)
	switch approvals.CodeOf(err) {
	case "":
		return k.item(w), nil
	case approvals.CodeForbidden: // somebody else's object
		return w.Without(evidence.Missing, approvals.Message(err)), nil
	case approvals.CodeNotFound:
	default:
		return evidence.Item{}, err
	}
	if w.Kind == evidence.Upload {
		return w.Without(evidence.Missing, fmt.Sprintf("PipelineRun %s did not upload it", of.Run)), nil
	}
	if s.Task != nil {
		return w.Without(evidence.Missing, "the run goes on while it waits for the approval, and logs are read when a run has ended: upload the evidence"), nil
	}
	return r.log(ctx, of, w)
}

func (r *Resolver) log(ctx context.Context, of Of, w evidence.Wanted) (evidence.Item, error) {
	data, note, err := r.Logs.Read(ctx, of, w)
	if l, ok := errors.AsType[lack](err); ok {
		return w.Without(evidence.Missing, l.Error()), nil
	}
	if err != nil {
		return evidence.Item{}, err
	}
	if len(data) > evidence.MaxSize {
		return w.Of(data), nil
	}
	if len(data) == 0 {
		return w.Without(evidence.Missing, fmt.Sprintf("task %q printed nothing", w.Task)), nil
	}
	k, _, err := r.Store.Keep(ctx, of, data, note)
	switch approvals.CodeOf(err) {
	case "":
		return k.item(w), nil
	case approvals.CodeConflict: // another process read it first
		return k.item(w), nil
	case approvals.CodeLimited:
		return w.Without(evidence.Missing, approvals.Message(err)), nil
	default:
		return evidence.Item{}, err
	}
}
