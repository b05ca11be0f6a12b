package record

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
)

// Head is the number and the hash of a chain's last entry. The zero Head is before the first.
type Head struct {
	Seq  int64
	Hash string
}

// genesis stands for the hash of what is before the first entry.
const genesis = "0000000000000000000000000000000000000000000000000000000000000000"

// Entry is a Line in its place: Text has its number, the hash of the entry before, and at its end
// the SHA-256 of all its other bytes. Only Text is stored, printed and verified; the other fields
// are read from it.
type Entry struct {
	Seq  int64  `json:"seq"`
	Prev string `json:"prev"`
	Line
	Hash string `json:"-"`
	Text []byte `json:"-"` // one line of JSON, without the line's end
	// Signed is the signed head that ends with this entry, nil for none: one that was just
	// appended has it, the last of its kind.
	Signed []byte `json:"-"`
}

// Next is l as the entry that follows h.
func (h Head) Next(l Line) (Entry, error) {
	e := Entry{Seq: h.Seq + 1, Prev: h.hash(), Line: l}
	body, err := canonical(e)
	if err != nil {
		return Entry{}, err
	}
	e.Hash = sum(body)
	e.Text = append(body[:len(body)-1], tail(e.Hash)...)
	if len(e.Text) > MaxLine {
		return Entry{}, fmt.Errorf("line %s has %d bytes and the limit is %d", l.ID, len(e.Text), MaxLine)
	}
	return e, nil
}

// Chain returns the entries that follow h for the lines whose id is new: there reports whether
// the store has an id, and an id counts once. Every store appends by it, so the same lines twice
// append nothing twice.
func (h Head) Chain(lines []Line, there func(id string) bool) ([]Entry, error) {
	var out []Entry
	seen := map[string]bool{}
	for _, l := range lines {
		if seen[l.ID] || there(l.ID) {
			continue
		}
		e, err := h.Next(l)
		if err != nil {
			return nil, err
		}
		seen[l.ID], h, out = true, e.Head(), append(out, e)
	}
	return out, nil
}

// Head is the chain's end once e is in it.
func (e Entry) Head() Head { return Head{e.Seq, e.Hash} }

// Parse reads an entry of at most MaxLine bytes, and returns an error when its hash is not that of
// its text. A valid hash proves no origin: anybody can compute it.
func Parse(text []byte) (Entry, error) {
	if len(text) > MaxLine {
		return Entry{}, fmt.Errorf("it has %d bytes and the limit is %d", len(text), MaxLine)
	}
	cut := len(text) - len(tail(genesis))
	if cut < 1 || !bytes.HasPrefix(text, []byte(`{"seq":`)) || !bytes.HasPrefix(text[cut:], []byte(`,"hash":"`)) {
		return Entry{}, errors.New(`it is not an audit log entry, {"seq":…,"hash":"…"}`)
	}
	hash := sum(append(bytes.Clone(text[:cut]), '}'))
	if !bytes.Equal(text[cut:], tail(hash)) {
		return Entry{}, errors.New("its hash does not match its text: it was changed")
	}
	e := Entry{Hash: hash, Text: bytes.Clone(text)}
	if err := json.Unmarshal(text, &e); err != nil {
		return Entry{}, fmt.Errorf("it can't be parsed: %w", err)
	}
	return e, nil
}

func (h Head) hash() string {
	if h.Seq == 0 {
		return genesis
	}
	return h.Hash
}

// canonical returns the only valid form of an entry: fields in the order of their declaration,
// nothing escaped that JSON does not require, no white space. Hashes depend on it.
func canonical(e Entry) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(e); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

func tail(hash string) []byte { return []byte(`,"hash":"` + hash + `"}`) }

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}
