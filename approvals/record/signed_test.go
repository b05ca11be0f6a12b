package record_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/approvals/record"
	"github.com/countersign-dev/countersign/approvals/record/recordtest"
	"github.com/countersign-dev/countersign/internal/golden"
)

// signed is a stream of so many Approvals, each appended at once, whose ring is changed
// before each.
func signed(t testing.TB, n int, before func(i int, r *recordtest.Ring)) [][]byte {
	t.Helper()
	ring := recordtest.NewRing()
	var out bytes.Buffer
	s := &record.Stream{W: &out, Signer: &record.Signer{Ring: ring.Now, Now: func() time.Time { return ct.T0 }}}
	for i := range n {
		if before != nil {
			before(i, ring)
		}
		if _, err := s.Append(t.Context(), recordtest.Lines(i)); err != nil {
			t.Fatal(err)
		}
	}
	return bytes.Split(bytes.TrimSuffix(out.Bytes(), []byte("\n")), []byte("\n"))
}

// kinds is a stream in letters: k for a key, e for an entry, h for a signed head.
func kinds(lines [][]byte) string {
	var b strings.Builder
	for _, l := range lines {
		switch {
		case bytes.HasPrefix(l, []byte(`{"key":`)):
			b.WriteByte('k')
		case bytes.HasPrefix(l, []byte(`{"head":`)):
			b.WriteByte('h')
		default:
			b.WriteByte('e')
		}
	}
	return b.String()
}

// TestSignedForm is the form of signed lines, which other programs verify: the signature is
// Ed25519, of a fixed text and the line without its last field.
func TestSignedForm(t *testing.T) {
	t.Parallel()
	lines := signed(t, 1, nil)
	if got := kinds(lines); got != "keeeeeh" {
		t.Fatalf("%s\n%s", got, bytes.Join(lines, []byte("\n")))
	}
	public := recordtest.PublicKeys(recordtest.NewSigner())[0]
	id := fmt.Sprintf("%x", sha256.Sum256(public))[:32]
	for i, prefix := range map[int]string{
		0: `{"key":"` + base64.StdEncoding.EncodeToString(public) + `","made":"2026-03-01T09:00:00.000000Z","by":"` + id + `","signature":"`,
		6: `{"head":5,"hash":"`,
	} {
		if !strings.HasPrefix(string(lines[i]), prefix) {
			t.Errorf("%s\nwant %s", lines[i], prefix)
		}
		body, tail, _ := strings.Cut(string(lines[i]), `,"signature":"`)
		signature, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(tail, `"}`))
		if err != nil {
			t.Fatal(err)
		}
		context := map[int]string{0: "countersign record key v1\n", 6: "countersign record head v1\n"}[i]
		if !ed25519.Verify(public, []byte(context+body+"}"), signature) {
			t.Errorf("by hand %s does not verify", lines[i])
		}
		for _, other := range []string{"countersign record key v1\n", "countersign record head v1\n", ""} {
			if other != context && ed25519.Verify(public, []byte(other+body+"}"), signature) {
				t.Errorf("%s verifies as something else", lines[i])
			}
		}
	}
	if want := `,"at":"2026-03-01T09:00:00.000000Z","key":"` + id + `","signature":"`; !strings.Contains(string(lines[6]), want) {
		t.Errorf("%s\nwant %s", lines[6], want)
	}
}

// TestSignatures: what is signed is whole, and what was done to it is found.
func TestSignatures(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	good := signed(t, 3, nil)
	if got := kinds(good); got != "keeeeeheeeeeheeeeeh" {
		t.Fatal(got)
	}
	with := func(change func([][]byte) [][]byte) [][]byte {
		var c [][]byte
		for _, l := range good {
			c = append(c, bytes.Clone(l))
		}
		return change(c)
	}
	without := func(prefix string) [][]byte {
		return with(func(l [][]byte) [][]byte {
			return slices.DeleteFunc(l, func(l []byte) bool { return bytes.HasPrefix(l, []byte(prefix)) })
		})
	}
	mine, others := recordtest.PublicKeys(recordtest.NewSigner()), recordtest.PublicKeys(recordtest.NewSigner(7))
	log := []byte(`{"time":"2026","msg":"serving"}`)
	foreign := []byte(`{"head":"of something else"}`)
	for name, c := range map[string]struct {
		lines    [][]byte
		logs     bool
		unsigned bool
		keys     []ed25519.PublicKey
		line     int // of the fault
		faulty   bool
	}{
		"as it was":               {lines: good},
		"the key noted":           {lines: good, keys: mine},
		"one of two noted":        {lines: good, keys: slices.Concat(others, mine)},
		"another key noted":       {lines: good, keys: others, faulty: true},
		"without its keys":        {lines: without(`{"key":`), line: 6},
		"without, but noted":      {lines: without(`{"key":`), keys: mine},
		"without its heads":       {lines: without(`{"head":`), line: 16},
		"without, which is taken": {lines: without(`{"head":`), unsigned: true},
		"the last head missing":   {lines: good[:18], line: 18},
		"cut off behind a head":   {lines: good[:13]}, // which only a head that was noted shows
		"cut off, in the middle":  {lines: good[:15], line: 15},
		"an earlier head missing": {lines: append(good[:6:6], good[7:]...)},
		"a head moved":            {lines: with(func(l [][]byte) [][]byte { l[5], l[6] = l[6], l[5]; return l }), line: 6},
		"a head of a later one":   {lines: with(func(l [][]byte) [][]byte { l[6] = l[12]; return l }), line: 7},
		"a time changed":          {lines: with(func(l [][]byte) [][]byte { l[6] = bytes.Replace(l[6], []byte("T09"), []byte("T10"), 1); return l }), line: 7},
		"a hash changed":          {lines: with(func(l [][]byte) [][]byte { l[6][20] ^= 1; return l }), line: 7},
		"a field more": {lines: with(func(l [][]byte) [][]byte {
			l[6] = bytes.Replace(l[6], []byte(`,"key"`), []byte(`,"x":1,"key"`), 1)
			return l
		}), line: 7},
		"a field twice": {lines: with(func(l [][]byte) [][]byte {
			l[6] = bytes.Replace(l[6], []byte(`{"head":5`), []byte(`{"head":9,"head":5`), 1)
			return l
		}), line: 7},
		"no signature": {lines: with(func(l [][]byte) [][]byte { l[6] = l[6][:60]; return l }), line: 7},
		"another's signature": {lines: with(func(l [][]byte) [][]byte {
			l[6] = append(l[6][:len(l[6])-90:len(l[6])-90], l[12][len(l[12])-90:]...)
			return l
		}), line: 7},
		"an entry behind": {lines: append(good[:19:19], good[1]), line: 20},
		"a changed entry": {lines: with(func(l [][]byte) [][]byte {
			l[3] = bytes.Replace(l[3], []byte("approve"), []byte("reject"), 1)
			return l
		}), line: 4},
		"a key that is no key":       {lines: with(func(l [][]byte) [][]byte { l[0][10] = '!'; return l }), line: 1},
		"in logs":                    {lines: slices.Concat([][]byte{log}, good[:3], [][]byte{log, foreign}, good[3:], [][]byte{foreign, log}), logs: true},
		"in logs, two processes":     {lines: slices.Concat(good, [][]byte{log}, good), logs: true},
		"in logs, one without heads": {lines: slices.Concat(without(`{"head":`), good), logs: true, line: 18},
		"in logs, one cut off":       {lines: slices.Concat(good[:15], good), logs: true, line: 17},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := record.Verifier{Logs: c.logs, Signed: !c.unsigned, Keys: c.keys}
			err := v.Verify(join(c.lines))
			if c.line == 0 && !c.faulty {
				if err != nil {
					t.Error(err)
				}
				return
			}
			f, ok := errors.AsType[*record.Fault](err)
			if !ok || f.Line != c.line {
				t.Fatalf("%v, want a fault of line %d", err, c.line)
			}
			said.Check(t, name, f.Error())
		})
	}
	v := record.Verifier{Signed: true}
	if err := v.Verify(join(good)); err != nil {
		t.Fatal(err)
	}
	if s := v.Signers(); len(s) != 1 || s[0].Key != record.KeyID(mine[0]) || s[0].Heads != 3 || s[0].First.Seq != 5 || s[0].Last.Seq != 15 || v.SignedHead().Seq != 15 {
		t.Errorf("%+v", s)
	}
	v = record.Verifier{Signed: true}
	if err := v.Verify(strings.NewReader("")); err != nil {
		t.Errorf("of nothing: %v", err)
	}
}

// TestRotation: a key that was noted before a rotation, or one of today, verifies all heads,
// though no ring holds both any more; a ring that shares none with the one before begins
// anew, and that shows.
func TestRotation(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	rings := [][]byte{{0}, {0, 1}, {1, 0}, {1, 0}, {2, 1}, {3, 2}}
	lines := signed(t, len(rings), func(i int, r *recordtest.Ring) { r.Set(rings[i]...) })
	for _, noted := range []byte{0, 1, 2, 3} {
		v := record.Verifier{Signed: true, Keys: recordtest.PublicKeys(recordtest.NewSigner(noted))}
		if err := v.Verify(join(lines)); err != nil {
			t.Errorf("key %d noted: %v", noted, err)
		}
		var ids []string
		for _, s := range v.Signers() {
			ids = append(ids, s.Key)
		}
		var want []string
		for _, k := range []byte{0, 1, 2, 3} {
			want = append(want, record.KeyID(recordtest.PublicKeys(recordtest.NewSigner(k))[0]))
		}
		if !slices.Equal(ids, want) {
			t.Errorf("signed by %v, want %v", ids, want)
		}
	}
	v := record.Verifier{Signed: true}
	if err := v.Verify(join(lines)); err != nil {
		t.Errorf("nothing noted: %v", err)
	}
	v = record.Verifier{Signed: true, Keys: recordtest.PublicKeys(recordtest.NewSigner(9))}
	if err := v.Verify(join(lines)); err == nil {
		t.Error("another key noted: nothing is wrong")
	}
	// The Secret was lost: nothing vouches for the new key, or by it for the old one.
	lines = signed(t, 2, func(i int, r *recordtest.Ring) { r.Set(byte(5 * i)) })
	for name, keys := range map[string][]ed25519.PublicKey{
		"nothing noted": nil, "the old one noted": recordtest.PublicKeys(recordtest.NewSigner(0)), "the new one noted": recordtest.PublicKeys(recordtest.NewSigner(5)),
	} {
		v := record.Verifier{Signed: true, Keys: keys}
		err := v.Verify(join(lines))
		if _, ok := errors.AsType[*record.Fault](err); !ok {
			t.Fatalf("%s: %v, want a fault", name, err)
		}
		said.Check(t, name, err.Error())
	}
	v = record.Verifier{Signed: true, Keys: recordtest.PublicKeys(recordtest.NewSigner(0, 5))}
	if err := v.Verify(join(lines)); err != nil {
		t.Errorf("both noted: %v", err)
	}
}

// TestNoKey: nothing is appended that can't be signed.
func TestNoKey(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s := &record.Stream{W: &out, Signer: &record.Signer{Ring: func() keyring.Ring { return nil }, Now: time.Now}}
	if _, err := s.Append(t.Context(), recordtest.Lines(0)); err == nil || out.Len() > 0 {
		t.Errorf("%v, and %d bytes were written", err, out.Len())
	}
}

func TestParseKey(t *testing.T) {
	t.Parallel()
	public := recordtest.PublicKeys(recordtest.NewSigner())[0]
	if k, err := record.ParseKey(record.FormatKey(public)); err != nil || !k.Equal(public) {
		t.Error(err)
	}
	for _, s := range []string{"", "x", record.FormatKey(public)[:40], record.FormatKey(public) + "\n", base64.StdEncoding.EncodeToString(make([]byte, 33)), base64.RawStdEncoding.EncodeToString(public)} {
		if _, err := record.ParseKey(s); err == nil {
			t.Errorf("%q was taken", s)
		}
	}
}

// FuzzSigned: no bytes that the service did not write become a signed stream, and nothing
// that is read makes the verifier fail in another way than with a fault.
func FuzzSigned(f *testing.F) {
	var out bytes.Buffer
	s := &record.Stream{W: &out, Signer: recordtest.NewSigner()}
	for i := range 2 { // short ones, of which a fuzzer changes more
		if _, err := s.Append(f.Context(), []record.Line{{ID: fmt.Sprint(i), Kind: record.Opened, At: record.Stamp(ct.T0)}}); err != nil {
			f.Fatal(err)
		}
	}
	good := bytes.Split(bytes.TrimSuffix(out.Bytes(), []byte("\n")), []byte("\n"))
	f.Add(bytes.Join(good, []byte("\n")))
	f.Add(bytes.Join(good[1:], []byte("\n")))
	f.Add(bytes.Join(good[:3], []byte("\n")))
	f.Add(bytes.Join(append(slices.Clone(good[:2]), good[3:]...), []byte("\n")))
	f.Add([]byte(`{"key":"","signature":""}`))
	f.Add([]byte(`{"head":1,"hash":"","at":"","key":"","signature":"` + strings.Repeat("A", 86) + `=="}`))
	keys := recordtest.PublicKeys(recordtest.NewSigner())
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 8<<10 {
			return
		}
		v := record.Verifier{Signed: true, Keys: keys}
		err := v.Verify(bytes.NewReader(b))
		if _, ok := errors.AsType[*record.Fault](err); err != nil && !ok {
			t.Fatalf("%v", err)
		}
		if err != nil || v.Lines == 0 {
			return
		}
		var entries [][]byte
		for l := range bytes.SplitSeq(b, []byte("\n")) {
			if bytes.HasPrefix(l, []byte(`{"seq":`)) {
				entries = append(entries, l)
			}
		}
		right := slices.DeleteFunc(slices.Clone(good), func(l []byte) bool { return !bytes.HasPrefix(l, []byte(`{"seq":`)) })
		if len(entries) > len(right) || !slices.EqualFunc(entries, right[:len(entries)], bytes.Equal) {
			t.Errorf("another stream was taken for the service's:\n%s", b)
		}
	})
}
