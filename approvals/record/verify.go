package record

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
)

// Fault is the first thing that is wrong with a stream.
type Fault struct {
	Line int // counted from 1, 0 for none
	What string
	want int64 // the number that is not where it should be, 0 when that is not it
}

func (f *Fault) Error() string {
	if f.Line == 0 { // it is about no line
		return f.What
	}
	return fmt.Sprintf("line %d: %s", f.Line, f.What)
}

// Verifier takes the lines of a stream one by one and holds each to the one before.
//
// A chain proves what is before its head. That its last lines were taken away shows
// only when its head was noted elsewhere: compare it.
type Verifier struct {
	// Logs: the stream is a process's output. Lines that are no entries are
	// passed over, and a chain may begin again, as it does in a process that has no
	// store.
	Logs bool
	// Signed: the last entry of each chain must have a signed head. A signed head that is
	// there must be right in any case.
	Signed bool
	// Keys are public keys that were noted elsewhere. All heads must be signed by them, or by
	// keys for which they vouch. Without any, the key that signed last is taken at its word.
	Keys []ed25519.PublicKey
	// Noted is the hash of an entry, which somebody noted earlier and outside of the log. Found
	// reports, after the last line, whether an entry has it: if not, the log was replaced or cut.
	Noted string
	Found bool

	Lines  int  // entries that are right
	Chains int  // chains among them
	Head   Head // of the last chain

	read    int
	signed  signatures
	pending []vouch
	more    func() error // reads the keys again, nil where they are in the stream
}

// Add takes the next line, without its end.
func (v *Verifier) Add(text []byte) error {
	_, err := v.add(text)
	return err
}

func (v *Verifier) add(text []byte) (Entry, error) {
	v.read++
	if isSigned(text) {
		return Entry{}, v.addSigned(text)
	}
	if v.Logs && !bytes.HasPrefix(text, []byte(`{"seq":`)) {
		return Entry{}, nil
	}
	e, err := Parse(text)
	if err == nil {
		err = v.follows(e)
	} else {
		err = v.fault("%v", err)
	}
	if err != nil {
		return Entry{}, err
	}
	v.Lines, v.Head, v.Found = v.Lines+1, e.Head(), v.Found || e.Hash == v.Noted
	return e, nil
}

// follows returns a *Fault when e is not the entry after v.Head. A chain may begin at number 1, and
// begin again there in the output of processes (Logs).
func (v *Verifier) follows(e Entry) error {
	switch last := v.Head; {
	case e.Seq == 1 && e.Prev == genesis && (v.Lines == 0 || v.Logs):
		if err := v.covered(); err != nil {
			return err
		}
		v.Chains++
	case e.Seq == last.Seq+1 && e.Prev == last.hash():
	case e.Seq == last.Seq+1:
		return v.fault("number %d does not have the hash of number %d before it: one of them was replaced", e.Seq, last.Seq)
	case e.Seq == last.Seq && e.Hash == last.Hash:
		return v.fault("number %d appears twice", e.Seq)
	case e.Seq == 1 && e.Prev == genesis:
		return v.fault("number 1 comes after number %d: it was repeated or moved, or the log of another process begins here (--logs accepts that)", last.Seq)
	case e.Seq <= last.Seq:
		return v.fault("number %d comes after number %d: it was repeated or moved", e.Seq, last.Seq)
	default:
		f := v.fault("number %d comes where number %d should be, which is missing", e.Seq, last.Seq+1)
		f.want = last.Seq + 1
		return f
	}
	return nil
}

func (v *Verifier) fault(format string, args ...any) *Fault {
	return &Fault{Line: v.read, What: fmt.Sprintf(format, args...)}
}

// Verify reads a stream to its end or to what is wrong with it first, a *Fault.
func (v *Verifier) Verify(r io.Reader) error {
	if err := v.lines(r); err != nil {
		return err
	}
	return v.finish()
}

func (v *Verifier) lines(r io.Reader) error {
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 0, 4<<10), MaxLine+1)
	s.Split(exactLines)
	for s.Scan() {
		err := v.Add(s.Bytes())
		if f, ok := errors.AsType[*Fault](err); ok && f.want != 0 {
			v.seek(s, f)
		}
		if err != nil {
			return err
		}
	}
	if errors.Is(s.Err(), bufio.ErrTooLong) {
		v.read++
		return v.fault("it is longer than %d bytes: it is not an audit log entry", MaxLine)
	}
	return s.Err()
}

// exactLines is bufio.ScanLines without its lenience for \r, which is a change.
func exactLines(data []byte, atEOF bool) (advance int, token []byte, err error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, data[:i], nil
	}
	if atEOF && len(data) > 0 {
		return len(data), data, nil
	}
	return 0, nil, nil
}

// seek looks for the number that is not in its place: anyone who reads the fault wants
// to know whether it was moved or is gone.
func (v *Verifier) seek(s *bufio.Scanner, f *Fault) {
	for line := f.Line + 1; s.Scan(); line++ {
		if e, err := Parse(s.Bytes()); err == nil && e.Seq == f.want {
			f.What = fmt.Sprintf("number %d should be here but is at line %d: lines were reordered", f.want, line)
			return
		}
	}
}
