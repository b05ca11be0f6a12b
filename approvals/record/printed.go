package record

import "github.com/countersign-dev/countersign/approvals/keyring"

// Lines are e, and the signed head that ends with it, as they are printed.
func (e Entry) Lines() []byte {
	out := make([]byte, 0, len(e.Text)+len(e.Signed)+2)
	out = append(append(out, e.Text...), '\n')
	if e.Signed != nil {
		out = append(append(out, e.Signed...), '\n')
	}
	return out
}

// PrintedKeys remembers whose keys a stream has: they stand before the first head that they
// verify, and again when they rotate.
type PrintedKeys struct{ ring keyring.Ring }

// Lines are the keys that the stream does not have yet.
func (p *PrintedKeys) Lines(s *Signer) ([]byte, error) {
	if s == nil || p.ring != nil && p.ring.Same(s.Ring()) {
		return nil, nil
	}
	lines, err := s.Keys()
	if err != nil {
		return nil, err
	}
	var out []byte
	for _, line := range lines {
		out = append(append(out, line...), '\n')
	}
	return out, nil
}

// Printed notes that the lines which Lines returned for s were written. It is called after the
// write, so that a write that failed is repeated. A nil s changes nothing.
func (p *PrintedKeys) Printed(s *Signer) {
	if s != nil {
		p.ring = s.Ring()
	}
}
