package recordtest

import (
	"crypto/ed25519"
	"fmt"
	"strings"

	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/approvals/record"
)

// PublicKeys are the keys of s, as somebody notes them.
func PublicKeys(s *record.Signer) []ed25519.PublicKey {
	var out []ed25519.PublicKey
	for _, k := range s.Ring().SigningKeys(keyring.Record) {
		out = append(out, k.Public())
	}
	return out
}

// signatureTampering lists changes of heads and keys, each with all else made to fit.
func signatureTampering() map[string]tampering {
	const signatures = "DELETE FROM record_signatures; "
	cut := func(after int) string {
		return fmt.Sprintf("DELETE FROM record_lines WHERE seq > %[1]d; DELETE FROM record_people WHERE seq > %[1]d; UPDATE record_head SET seq = %[1]d, hash = %[2]s; ", after, quoted(headAt(after).Hash))
	}
	keys := "DELETE FROM record_keys; "
	return map[string]tampering{
		"a signature removed":              {query: "DELETE FROM record_signatures WHERE seq = 15", want: "line 15: the log ends with number 15, but the last signed head is that of number 10: lines were cut off, or added"},
		"an earlier one removed":           {query: "DELETE FROM record_signatures WHERE seq = 10"}, // the later one signs what it signed
		"all signatures removed":           {query: signatures, want: "line 15: no head of the log is signed"},
		"a signature's time changed":       {query: "UPDATE record_signatures SET head = replace(head, 'T09:00', 'T09:01') WHERE seq = 10", want: "line 10: the signature of the head of number 10 is not by key"},
		"a signature of another":           {query: "UPDATE record_signatures SET seq = 9 WHERE seq = 10", want: "line 9: the signed head is of number 10 with hash"},
		"a signature is none":              {query: "UPDATE record_signatures SET head = 'x' WHERE seq = 10", want: "line 10: the stored signed head of number 10 is not valid"},
		"a signature of a key line":        {query: "UPDATE record_signatures SET head = (SELECT line FROM record_keys) WHERE seq = 10", want: "line 10: the stored signed head of number 10 is not valid"},
		"cut off, the signature left":      {query: cut(12), want: "line 13: the head of number 15 is signed, but there is no such line: lines were cut off"},
		"cut off, and the signature":       {query: cut(12) + "DELETE FROM record_signatures WHERE seq > 12", want: "line 12: the log ends with number 12, but the last signed head is that of number 10"},
		"added, all but the signature":     {query: rewritten(3, 20), want: "line 20: the log ends with number 20, but the last signed head is that of number 15"},
		"written anew":                     {query: rewritten(0, 15), want: "line 5: the signed head is of number 5 with hash"},
		"written anew, nothing signed":     {query: rewritten(0, 15) + signatures, want: "line 15: no head of the log is signed"},
		"written anew, by another key":     {query: rewritten(0, 15) + signatures + signedBy(headOf(0, 15), NewSigner(7)), want: "line 15: the head of number 15 is signed by key"},
		"written anew, with another key":   {query: rewritten(0, 15) + signatures + keys + signedBy(headOf(0, 15), NewSigner(7)) + keysOf(NewSigner(7)), noted: true, want: "the heads of numbers 15 to 15 are signed by key"},
		"a key that vouches for itself":    {query: rewritten(0, 15) + signatures + signedBy(headOf(0, 15), NewSigner(7)) + keysOf(NewSigner(7)), noted: true, want: "the heads of numbers 15 to 15 are signed by key"},
		"a word that a key did not give":   {query: "INSERT INTO record_keys (line) SELECT replace(line, '\"made\":\"2026', '\"made\":\"2025') FROM record_keys", want: "the signature of key"},
		"a key that is none":               {query: "INSERT INTO record_keys (line) VALUES ('x')", want: "a stored key of the audit log is not valid"},
		"the keys removed":                 {query: keys, want: "line 5: the head of number 5 is signed by key"},
		"the keys removed, the key noted":  {query: keys, noted: true},
		"what nobody touched, a key noted": {query: "SELECT 1", noted: true},
	}
}

// headAt is the head of the fifteen lines after number n.
func headAt(n int) record.Head {
	var at record.Head
	for _, e := range whole(record.Head{}, 0, 3)[:n] {
		at = e.Head()
	}
	return at
}

// headOf returns the head of the log that rewritten leaves.
func headOf(keep, n int) record.Head {
	e := forged(keep, n)
	return e[len(e)-1].Head()
}

// forged is n lines of which the first five times keep are the right ones.
func forged(keep, n int) []record.Entry {
	right := whole(record.Head{}, 0, keep)
	var head record.Head
	if len(right) > 0 {
		head = right[len(right)-1].Head()
	}
	return append(right, whole(head, 100, (n-len(right))/5)...)
}

// rewritten puts other lines in the place of those after the first five times keep, and has
// everything but signatures fit them.
func rewritten(keep, n int) string {
	all := forged(keep, n)
	var q strings.Builder
	q.WriteString("DELETE FROM record_people; DELETE FROM record_lines; ")
	for _, e := range all {
		fmt.Fprintf(&q, "INSERT INTO record_lines (seq, line) VALUES (%d, %s); ", e.Seq, quoted(string(e.Text)))
		for _, p := range e.Persons() {
			fmt.Fprintf(&q, "INSERT INTO record_people (person, at, seq) VALUES (%s, %s, %d); ", quoted(p), quoted(e.At), e.Seq)
		}
	}
	last := all[len(all)-1]
	fmt.Fprintf(&q, "UPDATE record_head SET seq = %d, hash = %s; ", last.Seq, quoted(last.Hash))
	return q.String()
}

// whole is the entries of some Approvals behind a head.
func whole(head record.Head, from, n int) []record.Entry {
	var out []record.Entry
	for i := range n {
		es, err := head.Chain(Lines(from+i), func(string) bool { return false })
		if err != nil {
			panic(err)
		}
		out, head = append(out, es...), es[len(es)-1].Head()
	}
	return out
}

func signedBy(h record.Head, s *record.Signer) string {
	line, err := s.Head(h)
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf("INSERT INTO record_signatures (seq, head) VALUES (%d, %s); ", h.Seq, quoted(string(line)))
}

func keysOf(s *record.Signer) string {
	lines, err := s.Keys()
	if err != nil {
		panic(err)
	}
	var q strings.Builder
	for _, line := range lines {
		q.WriteString("INSERT INTO record_keys (line) VALUES (" + quoted(string(line)) + "); ")
	}
	return q.String()
}

func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
