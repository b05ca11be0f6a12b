package record

import (
	"bytes"
	"context"
	"fmt"
	"slices"
)

// Rows is a store that returns its rows unchecked, so that a verifier finds rows that somebody
// changed.
type Rows interface {
	Head(ctx context.Context) (Head, error)
	// Rows gives every row, in the order of the numbers under which they are kept.
	Rows(ctx context.Context, f func(Row) error) error
	// Keys gives the lines of the keys that signed heads.
	Keys(ctx context.Context, f func(line []byte) error) error
}

// Row is an entry as it is kept, and what finds it by a person.
type Row struct {
	Seq      int64    // under which it is kept, which should be the entry's own
	Text     []byte   // nil: there is no such entry, and Mentions or Signed say that there is
	Mentions []string // as Mention makes them, sorted
	Signed   []byte   // the signed head that is kept for the entry, nil for none
}

// Mention is one line of the index of people: who, and when.
func Mention(person, at string) string { return at + " " + person }

// VerifyStore holds the rows of a store to one another, to what finds them, and to the
// store's head. What is wrong first is a *Fault. The store may be written to meanwhile:
// the head of before must be among the rows, and that of after is behind them all.
func (v *Verifier) VerifyStore(ctx context.Context, s Rows) error {
	before, err := s.Head(ctx)
	if err != nil {
		return err
	}
	v.more = func() error {
		return s.Keys(ctx, func(line []byte) error {
			if err := v.addKey(line); err != nil {
				return &Fault{What: fmt.Sprintf("a stored key of the audit log is not valid: %v", err)}
			}
			return nil
		})
	}
	if err := v.more(); err != nil {
		return err
	}
	var at Head // what stands where the head was
	if err := s.Rows(ctx, func(r Row) error {
		if err := v.addRow(r); err != nil {
			return err
		}
		if r.Seq == before.Seq {
			at = v.Head
		}
		return nil
	}); err != nil {
		return err
	}
	after, err := s.Head(ctx)
	switch {
	case err != nil:
		return err
	case v.Head.Seq < before.Seq:
		return &Fault{Line: v.Lines + 1, What: fmt.Sprintf("the log ends after number %d, but the store's head is number %d: the last lines are missing", v.Head.Seq, before.Seq)}
	case at != before:
		return &Fault{Line: int(before.Seq), What: fmt.Sprintf("number %d does not match the store's head: it was replaced, with everything after it", before.Seq)}
	case v.Head.Seq > after.Seq:
		return &Fault{Line: int(after.Seq) + 1, What: fmt.Sprintf("number %d comes after the store's head, which is number %d: something other than the service added it", after.Seq+1, after.Seq)}
	case v.Head.Seq == after.Seq && v.Head != after:
		return &Fault{Line: int(after.Seq), What: fmt.Sprintf("number %d does not match the store's head: it was replaced", after.Seq)}
	}
	return v.finish()
}

func (v *Verifier) addRow(r Row) error {
	if r.Text == nil && r.Signed != nil {
		return &Fault{Line: v.Lines + 1, What: fmt.Sprintf("the head of number %d is signed, but there is no such line: lines were cut off", r.Seq)}
	}
	if r.Text == nil {
		return &Fault{Line: v.Lines + 1, What: fmt.Sprintf("the index of people has number %d, but there is no such line: it was added", r.Seq)}
	}
	e, err := v.add(r.Text)
	if err != nil {
		return err
	}
	if e.Seq != r.Seq {
		return v.fault("number %d is stored as number %d: it was moved", e.Seq, r.Seq)
	}
	var want []string
	for _, p := range e.Persons() {
		want = append(want, Mention(p, e.At))
	}
	slices.Sort(want)
	if !slices.Equal(want, r.Mentions) {
		return v.fault("the index of people lists number %d under %q, but it is about %q: the index was changed", r.Seq, r.Mentions, want)
	}
	if r.Signed == nil {
		return nil
	}
	if !bytes.HasPrefix(r.Signed, []byte(headPrefix)) {
		return v.fault("the stored signed head of number %d is not valid", r.Seq)
	}
	return v.addSigned(r.Signed)
}
