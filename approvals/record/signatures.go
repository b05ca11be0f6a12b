package record

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"slices"
)

// signatures has the keys that a Verifier has seen, and the heads that they signed.
type signatures struct {
	keys    map[string]ed25519.PublicKey
	vouched map[string][]string // by whom, by KeyID
	by      map[string]*Signed
	order   []string
	last    SignedHead
}

// Signed is the heads that one key signed.
type Signed struct {
	Key         string // KeyID
	Heads       int
	First, Last SignedHead
}

// isSigned reports whether text is a signed head or a key, and not an entry.
func isSigned(text []byte) bool {
	return bytes.HasPrefix(text, []byte(headPrefix)) || bytes.HasPrefix(text, []byte(keyPrefix))
}

// Signers are the keys that signed heads, in the order in which they first did.
func (v *Verifier) Signers() []Signed {
	var out []Signed
	for _, id := range v.signed.order {
		out = append(out, *v.signed.by[id])
	}
	return out
}

// SignedHead returns the last head that a key signed, and the zero SignedHead when there is none.
func (v *Verifier) SignedHead() SignedHead { return v.signed.last }

func (v *Verifier) addSigned(text []byte) error {
	if bytes.HasPrefix(text, []byte(keyPrefix)) {
		if err := v.addKey(text); err != nil && !v.Logs {
			return v.fault("%v", err)
		}
		return nil
	}
	var h SignedHead
	msg, signature, err := openSigned(headContext, text, &h)
	switch {
	case err != nil && v.Logs:
		return nil // another program's line; that a signature is missing is seen at the end
	case err != nil:
		return v.fault("%v", err)
	}
	if h.Seq != v.Head.Seq || h.Hash != v.Head.hash() {
		return v.fault("the signed head is of number %d with hash %.8s…, but number %d with hash %.8s… comes before it: lines were cut off, moved or replaced", h.Seq, h.Hash, v.Head.Seq, v.Head.hash())
	}
	key, ok := v.key(h.Key)
	if !ok {
		return v.fault("the head of number %d is signed by key %s, which is neither a key of the audit log nor one that was given", h.Seq, h.Key)
	}
	if !ed25519.Verify(key, msg, signature) {
		return v.fault("the signature of the head of number %d is not by key %s: it was forged or changed", h.Seq, h.Key)
	}
	s := v.signed.by[h.Key]
	if s == nil {
		if v.signed.by == nil {
			v.signed.by = map[string]*Signed{}
		}
		s = &Signed{Key: h.Key, First: h}
		v.signed.by[h.Key], v.signed.order = s, append(v.signed.order, h.Key)
	}
	s.Heads, s.Last, v.signed.last = s.Heads+1, h, h
	return nil
}

// addKey takes a key's line. Whether its key may be trusted is seen at the end, when all are
// known.
func (v *Verifier) addKey(text []byte) error {
	var k KeyLine
	msg, signature, err := openSigned(keyContext, text, &k)
	if err != nil {
		return err
	}
	public, err := ParseKey(k.Key)
	if err != nil {
		return err
	}
	id := KeyID(public)
	if v.signed.keys == nil {
		v.signed.keys, v.signed.vouched = map[string]ed25519.PublicKey{}, map[string][]string{}
	}
	v.signed.keys[id] = public
	v.pending = append(v.pending, vouch{id, k.By, msg, signature})
	return nil
}

// vouch is a key's word for another one, which is looked at once both are known.
type vouch struct {
	id, by         string
	msg, signature []byte
}

func (v *Verifier) key(id string) (ed25519.PublicKey, bool) {
	for _, k := range v.Keys {
		if KeyID(k) == id {
			return k, true
		}
	}
	if k, ok := v.signed.keys[id]; ok {
		return k, true
	}
	if v.more != nil && v.more() == nil { // a key that came while the store was read
		k, ok := v.signed.keys[id]
		return k, ok
	}
	return nil, false
}

// finish checks what only the end of the stream shows: that the last entries have a signed head,
// and that each key that signed one is trusted, or vouched for by a trusted key. The error is a
// *Fault.
func (v *Verifier) finish() error {
	if err := v.covered(); err != nil {
		return err
	}
	for _, p := range v.pending {
		by, ok := v.key(p.by)
		if !ok {
			continue // by a key that is not known any more, whose word counts for nothing
		}
		if !ed25519.Verify(by, p.msg, p.signature) {
			return &Fault{What: fmt.Sprintf("the signature of key %s for key %s is not valid: it was forged or changed", p.by, p.id)}
		}
		v.signed.vouched[p.id] = append(v.signed.vouched[p.id], p.by)
	}
	v.pending = nil
	trusted := v.trusted()
	for _, s := range v.Signers() {
		if !slices.Contains(trusted, s.Key) {
			return &Fault{What: fmt.Sprintf("the heads of numbers %d to %d are signed by key %s, which no trusted key vouches for: it is not this service's key, or a key that was given belongs to another service", s.First.Seq, s.Last.Seq, s.Key)}
		}
	}
	return nil
}

// covered returns a *Fault when the chain that ends here has no signed head of its last entry. It
// returns nil where v does not require one.
func (v *Verifier) covered() error {
	switch {
	case !v.Signed || v.Head.Seq == 0 || v.signed.last.Seq == v.Head.Seq && v.signed.last.Hash == v.Head.Hash:
		return nil
	case len(v.signed.order) == 0:
		return &Fault{Line: v.read, What: "no head of the log is signed: the signatures were removed, or the service has appended nothing since it began to sign (--unsigned accepts that)"}
	default:
		return &Fault{Line: v.read, What: fmt.Sprintf("the log ends with number %d, but the last signed head is that of number %d: lines were cut off, or added by something other than the service", v.Head.Seq, v.signed.last.Seq)}
	}
}

// trusted returns the ids of v.Keys, or without any that of the key that signed last, and of all keys
// that one of them vouches for, directly or through others.
func (v *Verifier) trusted() []string {
	var out []string
	for _, k := range v.Keys {
		out = append(out, KeyID(k))
	}
	if len(out) == 0 && v.signed.last.Key != "" {
		out = append(out, v.signed.last.Key)
	}
	for grown := true; grown; {
		grown = false
		for id, by := range v.signed.vouched {
			if !slices.Contains(out, id) && slices.ContainsFunc(by, func(b string) bool { return slices.Contains(out, b) }) {
				out, grown = append(out, id), true
			}
		}
	}
	return out
}
